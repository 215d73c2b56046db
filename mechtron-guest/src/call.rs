//! From a call of the host to a method of the mechtron: the traits that the macro implements,
//! and the conversions around a handler.

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::message::parse;
use crate::{Ctx, Error, Message, Reply, Request, Response, Result};

/// A type that answers messages. [`macro@crate::mechtron`] implements it.
pub trait Messages {
    /// Answers one message; `None` when there is no method of that name.
    fn handle(&self, ctx: &Ctx, message: &Message) -> Option<Result<Reply>>;
}

/// A type that answers web requests. [`macro@crate::mechtron`] implements it.
pub trait Web {
    /// Answers one request.
    fn http(&self, ctx: &Ctx, request: Request) -> Result<Response>;
}

/// The body of a message as the input of its handler.
///
/// # Errors
/// [`crate::Reason::Invalid`], naming the method and the place in the JSON.
pub fn read_json<T: DeserializeOwned>(message: &Message) -> Result<T> {
    parse(&message.body)
        .map_err(|source| Error::invalid(format!("the body is not what `{}` takes: {source}", message.method)))
}

/// The output of a handler as a reply.
///
/// # Errors
/// What the handler failed with, or [`crate::Reason::Failed`] when its output is no JSON.
pub fn answer_json<T: Serialize>(output: Result<T>) -> Result<Reply> {
    output.and_then(|value| Reply::json(&value))
}
