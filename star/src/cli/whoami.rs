//! `star whoami`: who the caller is to the Star.

use super::error::CliError;
use super::session::Session;
use crate::config::locate::Source;
use crate::output::table::facts;

/// Show who you are to the Star, and which Star that is
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  star whoami
  star whoami -o json")]
pub(crate) struct Whoami {}

impl Whoami {
    pub(crate) async fn run(self, session: &Session) -> Result<(), CliError> {
        let located = session.located()?;
        let context = match &located.source {
            Source::Context(name) => name.clone(),
            Source::Given | Source::ThisMachine => String::new(),
        };
        let client = session.client_of(located)?;
        let who = client.who_am_i().await?;
        if !session.output.is_human() {
            let value = serde_json::json!({
                "agent": who.agent, "method": who.method, "url": client.url(), "context": context,
            });
            return session.output.value(&value);
        }
        let agent = if who.agent.is_empty() { "nobody".to_owned() } else { who.agent };
        let mut rows = vec![("agent", agent), ("known by", who.method), ("star", client.url().to_owned())];
        if !context.is_empty() {
            rows.push(("context", context));
        }
        let rows: Vec<(String, String)> = rows.into_iter().map(|(name, value)| (name.to_owned(), value)).collect();
        session.output.line(&facts(&rows))
    }
}
