//! `star unlock`: gives a lock back.

use super::error::CliError;
use super::lock::needed_fence;
use super::paths;
use super::session::Session;

/// Give the lock of a resource back
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  star unlock localhost:files --fence 17")]
pub(crate) struct Unlock {
    /// Path of the resource
    path: String,
}

impl Unlock {
    pub(crate) async fn run(self, session: &Session) -> Result<(), CliError> {
        let path = paths::resource(&self.path)?;
        let client = session.client()?;
        client.unlock(&path, needed_fence(session, &path)?).await?;
        if !session.output.is_human() {
            return session.output.value(&serde_json::json!({ "path": path, "unlocked": true }));
        }
        session.output.note(&format!("unlocked {path}"));
        Ok(())
    }
}
