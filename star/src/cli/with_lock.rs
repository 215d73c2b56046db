//! `star with-lock`: runs a command while it holds a lock.
//!
//! Owns the order of things: take the lock, start the command, renew, pass signals on, give the
//! lock back however the command ended. The command is in [`child`], renewing in [`keeper`].

mod child;
mod keeper;
mod signals;

use std::ffi::OsString;
use std::time::Duration;

use star_client::{Client, ClientError};
use star_path::ResourcePath;
use star_wire::ErrorCode;

use super::error::CliError;
use super::globals::time;
use super::session::Session;
use super::{lock, paths};
use child::Child;
use keeper::Keeper;
use signals::Signals;

/// Run a command while you hold a lock
///
/// The lock is renewed until the command ends, and given back then. The command finds its token in
/// STAR_FENCE, which every `star` below it names. Its exit code is passed on. If the lock is lost
/// meanwhile, the command is told to end.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  star with-lock localhost:files -- make deploy
  star with-lock localhost:files --wait 1m --note deploy -- star cp -r site localhost:files:/")]
pub(crate) struct WithLock {
    /// Path of the resource
    path: String,
    /// How long the lock outlives this command if its machine fails
    #[arg(long, value_name = "TIME", value_parser = time, default_value = "30s")]
    ttl: Duration,
    /// How long to wait while somebody else holds it
    #[arg(long, value_name = "TIME", value_parser = time)]
    wait: Option<Duration>,
    /// What for, for those who find it locked
    #[arg(long, value_name = "TEXT")]
    note: Option<String>,
    /// Command to run, with its arguments
    #[arg(last = true, required = true, num_args = 1.., value_name = "COMMAND")]
    command: Vec<OsString>,
}

/// A lock that this process holds.
struct Holding<'s> {
    session: &'s Session,
    client: Client,
    path: ResourcePath,
    fence: String,
}

/// How the work under a lock ended.
enum Ended {
    /// The command ended by itself, with this code.
    Command(u8),
    /// The lock was lost first.
    Lost(ClientError),
}

impl WithLock {
    /// Answers the exit code of the command.
    pub(crate) async fn run(self, session: &Session) -> Result<u8, CliError> {
        let path = paths::resource(&self.path)?;
        let client = session.client()?;
        let mut signals = Signals::listen()?;
        let request = lock::request(&path, self.ttl, self.wait, self.note, false);
        let lock = tokio::select! {
            lock = client.lock(request) => lock?,
            _ = signals.next() => return Err(CliError::Interrupted),
        };
        let keeper = Keeper::from_now(self.ttl);
        let fence = format!("{}@{path}", lock.token);
        let holding = Holding { session, client, path, fence };
        let ended = holding.work(&self.command, keeper, &mut signals).await;
        let given_back = holding.give_back(&ended).await;
        match ended? {
            Ended::Command(code) => given_back.map(|()| code),
            Ended::Lost(error) => Err(error.into()),
        }
    }
}

impl Holding<'_> {
    /// Runs the command until it ends, or the lock is lost.
    async fn work(&self, command: &[OsString], keeper: Keeper, signals: &mut Signals) -> Result<Ended, CliError> {
        let mut child = Child::start(command, &self.environment())?;
        let mut lost = std::pin::pin!(keeper.keep(&self.client, &self.path, &self.fence));
        loop {
            tokio::select! {
                code = child.ended() => return Ok(Ended::Command(code?)),
                signal = signals.next() => child.pass_on(signal),
                error = &mut lost => {
                    self.session.output.warning(&format!("lost the lock of {}: the command is told to end", self.path));
                    child.end().await?;
                    return Ok(Ended::Lost(error));
                }
            }
        }
    }

    /// What the command finds in its environment, so that each `star` below it works with the same
    /// Star under the same locks.
    fn environment(&self) -> Vec<(&'static str, String)> {
        let wanted = &self.session.wanted;
        let outer = self.session.fence();
        let fence = if outer.is_empty() { self.fence.clone() } else { format!("{outer} {}", self.fence) };
        let named = [("STAR_URL", wanted.url.clone()), ("STAR_CONTEXT", wanted.context.clone())];
        let named = named.into_iter().filter_map(|(name, value)| Some((name, value?)));
        named.chain([("STAR_FENCE", fence)]).collect()
    }

    /// Gives the lock back. That it was not this command's any more is an error: what it did may
    /// have met the work of others.
    async fn give_back(&self, ended: &Result<Ended, CliError>) -> Result<(), CliError> {
        if matches!(ended, Ok(Ended::Lost(_))) {
            return Ok(());
        }
        let Err(error) = self.client.unlock(&self.path, &self.fence).await else { return Ok(()) };
        match error.detail().and_then(|detail| ErrorCode::parse(&detail.code)) {
            Some(ErrorCode::StaleFence) => Err(error.into()),
            // The command has removed the resource, and the lock with it.
            Some(ErrorCode::NotFound) => Ok(()),
            _ => {
                let told = format!("could not give the lock of {} back, it runs out by itself: {error}", self.path);
                self.session.output.warning(&told);
                Ok(())
            }
        }
    }
}
