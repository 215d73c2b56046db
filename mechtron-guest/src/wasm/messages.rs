//! The way in for messages: the export `handler`.

use super::bindings::exports::starlane::mechtron::handler::Failure;
use super::bindings::starlane::mechtron::types;
use super::imports::{headers, pairs, said_back};
use crate::{Error, Message, Messages, Reason, Reply};

/// Answers the one message of this instance by a fresh `M`.
///
/// # Errors
/// What the mechtron failed with, in the words of the WIT package.
pub fn serve_messages<M: Messages + Default>(message: types::Message) -> Result<Option<types::Reply>, Failure> {
    let message = Message {
        id: message.id,
        sender: message.sender,
        agent: message.agent,
        method: message.method,
        headers: pairs(message.headers),
        content_type: message.content_type,
        body: message.body,
    };
    match M::default().handle(&super::ctx(), &message) {
        Some(Ok(reply)) => Ok(Some(answer(reply))),
        Some(Err(error)) => Err(failure(error)),
        None => Err(Failure::UnknownMethod),
    }
}

fn answer(reply: Reply) -> types::Reply {
    types::Reply { headers: headers(reply.headers), content_type: reply.content_type, body: reply.body }
}

fn failure(error: Error) -> Failure {
    match error.reason {
        _ if error.is_of_host() => Failure::Because(said_back(error)),
        Reason::Invalid => Failure::Invalid(error.message),
        Reason::Busy => Failure::Busy(error.retry_ms),
        Reason::Failed => Failure::Failed(error.message),
        _ => Failure::Because(said_back(error)),
    }
}
