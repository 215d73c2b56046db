//! Signals that are meant for the command, and come to this process.

use rustix::process::Signal;
use tokio::signal::unix::{Signal as Listener, SignalKind, signal};

use crate::cli::error::CliError;

/// What listens for them.
pub(super) struct Signals {
    hangup: Listener,
    interrupt: Listener,
    quit: Listener,
    terminate: Listener,
}

impl Signals {
    /// From now on none of them ends this process.
    pub(super) fn listen() -> Result<Signals, CliError> {
        let listen = |kind| signal(kind).map_err(CliError::file("listen for signals in", "star"));
        Ok(Signals {
            hangup: listen(SignalKind::hangup())?,
            interrupt: listen(SignalKind::interrupt())?,
            quit: listen(SignalKind::quit())?,
            terminate: listen(SignalKind::terminate())?,
        })
    }

    /// The next of them. Dropping the future loses none.
    pub(super) async fn next(&mut self) -> Signal {
        tokio::select! {
            _ = self.hangup.recv() => Signal::HUP,
            _ = self.interrupt.recv() => Signal::INT,
            _ = self.quit.recv() => Signal::QUIT,
            _ = self.terminate.recv() => Signal::TERM,
        }
    }
}
