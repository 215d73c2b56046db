//! Asking for a key at a terminal without showing it.

use std::io::{self, BufRead};
use std::os::fd::AsFd;

use rustix::termios::{LocalModes, OptionalActions, Termios, tcgetattr, tcsetattr};
use star_client::Token;

use super::error::CliError;
use super::{limits, stdin};
use crate::output::say;

/// Asks for a key. Nothing that is typed appears on the terminal, which is as it was afterwards,
/// also when the question is broken off.
pub(super) async fn ask(question: &str) -> Result<Token, CliError> {
    let unusable = |error: rustix::io::Errno| CliError::file("use the terminal of", "star")(error.into());
    let silence = Silence::begin().map_err(unusable)?;
    say(question);
    let reading = tokio::task::spawn_blocking(|| {
        let mut line = String::new();
        io::stdin().lock().read_line(&mut line).map(|_| line)
    });
    let line = reading.await.unwrap_or_else(|panic| std::panic::resume_unwind(panic.into_panic()));
    drop(silence);
    // The line break that ended the key was not shown either.
    say("\n");
    key(&line.map_err(CliError::file("read", "standard input"))?)
}

/// Reads a key from standard input.
pub(super) async fn read() -> Result<Token, CliError> {
    let bytes = stdin::read(limits::KEY_BYTES).await?;
    key(&String::from_utf8_lossy(&bytes))
}

fn key(text: &str) -> Result<Token, CliError> {
    if text.trim().is_empty() {
        return Err(CliError::usage("no key was given"));
    }
    Ok(Token::new(text))
}

/// A terminal that does not show what is typed, for as long as this lives.
struct Silence {
    before: Termios,
}

impl Silence {
    fn begin() -> rustix::io::Result<Silence> {
        let input = io::stdin();
        let before = tcgetattr(input.as_fd())?;
        let mut silent = before.clone();
        silent.local_modes.remove(LocalModes::ECHO);
        tcsetattr(input.as_fd(), OptionalActions::Flush, &silent)?;
        Ok(Silence { before })
    }
}

impl Drop for Silence {
    fn drop(&mut self) {
        // The terminal may have gone meanwhile, and then there is nothing to put back.
        tcsetattr(io::stdin().as_fd(), OptionalActions::Flush, &self.before).ok();
    }
}
