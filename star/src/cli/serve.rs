//! `star serve`: runs a Star.

use super::error::CliError;
use super::session::Session;
use crate::serve::ServeOptions;

/// Run a Star: keep everything in one folder, answer the API and web sites
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  star serve
  star serve --data /srv/star --listen 0.0.0.0:4343 --web 0.0.0.0:8080
  star serve --listen 127.0.0.1:0 --web 127.0.0.1:0 --ready-file ready.json")]
pub(crate) struct Serve {
    #[command(flatten)]
    options: ServeOptions,
}

impl Serve {
    pub(crate) async fn run(self, session: &Session) -> Result<(), CliError> {
        Ok(crate::serve::run(self.options, session.verbose).await?)
    }
}
