//! The key under which a command may be run again.

use star_client::Client;

use super::error::CliError;
use super::session::Session;

/// What makes it safe to run a command again whose end nobody saw.
#[derive(Debug, Clone, Default, clap::Args)]
pub(super) struct Once {
    /// Do it once, however often the command is run with this key within 24 hours
    #[arg(long, value_name = "KEY")]
    idempotency_key: Option<String>,
}

impl Once {
    /// The client with which it is done.
    pub(super) fn client(&self, session: &Session) -> Result<Client, CliError> {
        let client = session.client()?;
        Ok(match &self.idempotency_key {
            Some(key) => client.with_idempotency_key(key),
            None => client,
        })
    }

    /// Whether it may have been done before.
    pub(super) fn is_named(&self) -> bool {
        self.idempotency_key.is_some()
    }
}
