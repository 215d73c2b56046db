//! `star lock`: takes the lock of a resource, or holds one on.

use std::time::Duration;

use star_client::v1::LockRequest;
use star_path::ResourcePath;
use star_wire::MessageId;

use super::error::CliError;
use super::globals::time;
use super::paths;
use super::session::Session;

/// Take the lock of a resource, so that nobody else changes it
///
/// Prints the fencing token, which changes have to name while the lock is held: with --fence, or
/// in STAR_FENCE. `star with-lock` does all of this around a command.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  star lock localhost:files --ttl 5m --note 'moving pictures'
  star set localhost:files#title=Pictures --fence 17
  star lock localhost:files --renew --fence 17
  star lock localhost:files --wait 1m -o json")]
pub(crate) struct Lock {
    /// Path of the resource
    path: String,
    /// How long it is held unless it is renewed
    #[arg(long, value_name = "TIME", value_parser = time, default_value = "30s")]
    ttl: Duration,
    /// How long to wait while somebody else holds it
    #[arg(long, value_name = "TIME", value_parser = time)]
    wait: Option<Duration>,
    /// What for, for those who find it locked
    #[arg(long, value_name = "TEXT")]
    note: Option<String>,
    /// Take it from its holder; for the owner of the resource
    #[arg(long)]
    steal: bool,
    /// Hold the lock on whose token is given with --fence
    #[arg(long, conflicts_with_all = ["wait", "note", "steal"])]
    renew: bool,
}

impl Lock {
    pub(crate) async fn run(self, session: &Session) -> Result<(), CliError> {
        let path = paths::resource(&self.path)?;
        let client = session.client()?;
        let lock = if self.renew {
            client.renew_lock(&path, needed_fence(session, &path)?, self.ttl, self.ttl).await?
        } else {
            client.lock(request(&path, self.ttl, self.wait, self.note, self.steal)).await?
        };
        let token = lock.token;
        if !session.output.is_human() {
            let mut value = serde_json::to_value(&lock).map_err(|error| CliError::output(error.into()))?;
            value["fence"] = format!("{token}@{path}").into();
            return session.output.value(&value);
        }
        session.output.line(&token.to_string())?;
        let ttl = crate::output::measure::span(self.ttl);
        session.output.note(&format!("locked {path} for {ttl}"));
        session.output.next(&format!("star unlock {path} --fence {token}"));
        Ok(())
    }
}

/// A request of a holder that nobody else is.
pub(super) fn request(
    path: &ResourcePath,
    ttl: Duration,
    wait: Option<Duration>,
    note: Option<String>,
    steal: bool,
) -> LockRequest {
    LockRequest {
        path: path.to_string(),
        holder: MessageId::next().to_string(),
        ttl_ms: millis(ttl),
        note: note.unwrap_or_default(),
        steal,
        wait_ms: wait.map(millis).unwrap_or_default(),
        ..Default::default()
    }
}

/// The tokens that were given; an error without any.
pub(super) fn needed_fence<'s>(session: &'s Session, path: &ResourcePath) -> Result<&'s str, CliError> {
    match session.fence() {
        "" => Err(CliError::usage(format!("the token of the lock of {path} is not given"))
            .hint("`--fence TOKEN`, with the number that `star lock` printed")),
        fence => Ok(fence),
    }
}

fn millis(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}
