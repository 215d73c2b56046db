//! `star restart`: begins what acts for a resource anew.

use super::error::CliError;
use super::paths;
use super::session::Session;

/// Begin what acts for a resource anew, also while it rests after a failure
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  star restart localhost:app:greeter")]
pub(crate) struct Restart {
    /// Its path
    path: String,
}

impl Restart {
    pub(crate) async fn run(self, session: &Session) -> Result<(), CliError> {
        let path = paths::resource(&self.path)?;
        let resource = session.client()?.restart(&path).await?;
        if !session.output.is_human() {
            return session.output.value(&resource);
        }
        session.output.note(&format!("restarted {}", resource.path));
        Ok(())
    }
}
