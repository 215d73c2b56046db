//! `star info`: everything that is known about a resource.

use super::error::CliError;
use super::paths;
use super::session::Session;
use crate::output::resource;

/// Show everything about a resource
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  star info localhost:app:greeter
  star info localhost:app:greeter --history
  star info localhost:hello:latest -o json")]
pub(crate) struct Info {
    /// Its path
    path: String,
    /// Also the statuses that it had before
    #[arg(long)]
    history: bool,
}

impl Info {
    pub(crate) async fn run(self, session: &Session) -> Result<(), CliError> {
        let path = paths::resource(&self.path)?;
        let resource = session.client()?.info(&path).await?;
        if !session.output.is_human() {
            return session.output.value(&resource);
        }
        session.output.line(&resource::description(&resource))?;
        if self.history {
            session.output.line(&resource::history(&resource))?;
        }
        resource.warnings.iter().for_each(|warning| session.output.warning(warning));
        Ok(())
    }
}
