//! `star tell`: sends a message that wants no reply.

use super::ask::MessageArgs;
use super::error::CliError;
use super::session::Session;

/// Tell a resource: send a message without waiting for a reply
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  star tell localhost:news announce '{\"text\":\"Lunch!\"}'
  star tell localhost:app:greeter greet '{\"name\":\"Ada\"}' --idempotency-key 4711")]
pub(crate) struct Tell {
    #[command(flatten)]
    message: MessageArgs,
}

impl Tell {
    pub(crate) async fn run(self, session: &Session) -> Result<(), CliError> {
        let message = self.message.read(session).await?;
        let to = message.to.clone();
        let id = session.client()?.tell(message).await?;
        if !session.output.is_human() {
            return session.output.value(&serde_json::json!({ "messageId": id }));
        }
        session.output.note(&format!("told {to}, message {id}"));
        Ok(())
    }
}
