//! `star ask`: sends a message to a resource and prints the reply.

use std::io::IsTerminal;

use serde_json::Value;
use star_client::{Message, Reply};

use super::error::CliError;
use super::exit::Exit;
use super::session::Session;
use super::{limits, pairs, paths, stdin};

/// Ask a resource: send a message and print the reply
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  star ask localhost:app:greeter greet '{\"name\":\"Ada\"}'
  echo '{\"name\":\"Ada\"}' | star ask localhost:app:greeter greet -
  star ask localhost:app:greeter greet '{\"name\":\"Ada\"}' --timeout 2s -o json")]
pub(crate) struct Ask {
    #[command(flatten)]
    message: MessageArgs,
}

/// A message as it is written on the command line.
#[derive(Debug, clap::Args)]
pub(super) struct MessageArgs {
    /// Path of the resource
    path: String,
    /// What it is asked to do
    method: String,
    /// What is sent with it; `-` reads standard input
    body: Option<String>,
    /// Media type of the body
    #[arg(long, value_name = "TYPE", default_value = JSON)]
    content_type: String,
    /// Header of the message
    #[arg(long, value_name = "NAME=VALUE")]
    header: Vec<String>,
    /// Makes it safe to send the same message again after an unknown outcome
    #[arg(long, value_name = "KEY")]
    idempotency_key: Option<String>,
}

const JSON: &str = "application/json";

impl MessageArgs {
    /// The message.
    pub(super) async fn read(self, session: &Session) -> Result<Message, CliError> {
        let to = paths::resource(&self.path)?;
        let mut message = Message::new(to, self.method);
        let headers = pairs::map("--header", &self.header)?;
        message.headers = headers.into_iter().map(|(name, value)| (name.to_ascii_lowercase(), value)).collect();
        message.idempotency_key = self.idempotency_key;
        message.timeout = session.timeout();
        Ok(match self.body.as_deref() {
            None => message,
            Some("-") => message.with_body(self.content_type, stdin::read(limits::BODY_BYTES).await?),
            Some(body) => message.with_body(self.content_type, body.as_bytes().to_vec()),
        })
    }
}

impl Ask {
    pub(crate) async fn run(self, session: &Session) -> Result<(), CliError> {
        let message = self.message.read(session).await?;
        let reply = session.client()?.ask(message).await?;
        if session.output.is_human() {
            session.output.bytes(&reply.body)?;
            let is_text = std::str::from_utf8(&reply.body).is_ok_and(|text| !text.is_empty());
            if is_text && !reply.body.ends_with(b"\n") && ends_a_line(&reply) {
                session.output.line("")?;
            }
        } else {
            session.output.value(&json(&reply))?;
        }
        match Exit::of_reply(reply.code) {
            Exit::Ok => Ok(()),
            exit => {
                session.output.warning(&format!("the reply has the code {}", reply.code));
                Err(CliError::Told(exit))
            }
        }
    }
}

/// JSON is a value wherever it ends, so that a line break does no harm; other bytes stay as they
/// are unless somebody looks at them.
fn ends_a_line(reply: &Reply) -> bool {
    is_json(reply) || std::io::stdout().is_terminal()
}

fn is_json(reply: &Reply) -> bool {
    let media_type = reply.content_type.split(';').next().unwrap_or_default().trim();
    media_type == JSON || media_type.ends_with("+json")
}

/// A reply as one JSON object: the body as a value, a text, or the bytes of it.
fn json(reply: &Reply) -> Value {
    let value = if is_json(reply) { serde_json::from_slice::<Value>(&reply.body).ok() } else { None };
    let body = match (value, std::str::from_utf8(&reply.body)) {
        (Some(value), _) => value,
        (None, Ok(text)) => Value::from(text),
        (None, Err(_)) => Value::from(reply.body.to_vec()),
    };
    serde_json::json!({
        "code": reply.code, "headers": reply.headers, "contentType": reply.content_type, "body": body,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reply(content_type: &str, body: &'static [u8]) -> Reply {
        Reply {
            code: 200,
            headers: Default::default(),
            content_type: content_type.into(),
            body: Vec::from(body).into(),
        }
    }

    #[test]
    fn the_body_of_a_reply_is_as_much_of_a_value_as_it_can_be() {
        assert_eq!(json(&reply("application/json", b"{\"a\":1}"))["body"]["a"], 1);
        assert_eq!(json(&reply("application/problem+json; charset=utf-8", b"[2]"))["body"][0], 2);
        assert_eq!(json(&reply("application/json", b"{"))["body"], "{");
        assert_eq!(json(&reply("text/plain", b"hello"))["body"], "hello");
        assert_eq!(json(&reply("image/png", b"\xff\x01"))["body"], serde_json::json!([255, 1]));
    }
}
