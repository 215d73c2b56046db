//! `star logout`: forgets a context.

use super::error::CliError;
use super::session::Session;
use crate::config::contexts::Contexts;

/// Log out: forget a Star and its key
///
/// The context that --context names, else the current one.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  star logout
  star logout --context office")]
pub(crate) struct Logout {}

impl Logout {
    pub(crate) fn run(self, session: &Session) -> Result<(), CliError> {
        let nothing = || CliError::usage("you are not logged in anywhere");
        let file = session.places.contexts.as_deref().ok_or_else(nothing)?;
        let mut contexts = Contexts::read(file)?;
        let name = match &session.wanted.context {
            Some(name) => name.clone(),
            None => contexts.current().ok_or_else(nothing)?.0.to_owned(),
        };
        let context = contexts.forget(&name)?;
        contexts.write(file)?;
        if !session.output.is_human() {
            return session.output.value(&serde_json::json!({ "context": name, "url": context.url }));
        }
        session.output.note(&format!("forgot {} and its key, context `{name}`", context.url));
        Ok(())
    }
}
