//! `resources`: the way to other resources, through the [`Outbox`] that core gave. It checks
//! each call; this only translates and bounds.
//!
//! [`Outbox`]: star_core::ports::mechtron::Outbox

use bytes::Bytes;
use star_core::ports::mechtron::OutgoingMessage;
use star_wire::{ErrorCode, StarError};

use super::bindings::starlane::mechtron::resources::Host;
use super::bindings::starlane::mechtron::types::{Error, Header, Outgoing, Reply};
use crate::failure::to_guest;
use crate::limits;
use crate::store::State;

impl Host for State {
    async fn ask(&mut self, to: String, message: Outgoing) -> Result<Reply, Error> {
        let answer = self.spec().outbox.ask(&self.cause(), outgoing(to, message)).await;
        answer.map(reply).map_err(to_guest)
    }

    async fn tell(&mut self, to: String, message: Outgoing) -> Result<(), Error> {
        self.spec().outbox.tell(&self.cause(), outgoing(to, message)).await.map_err(to_guest)
    }

    async fn get_property(&mut self, at: String, key: String) -> Result<Option<String>, Error> {
        self.spec().outbox.get_property(&self.cause(), &at, &key).await.map_err(to_guest)
    }

    async fn set_property(&mut self, at: String, key: String, value: Option<String>) -> Result<(), Error> {
        self.spec().outbox.set_property(&self.cause(), &at, &key, value.as_deref()).await.map_err(to_guest)
    }

    async fn read(&mut self, at: String, offset: u64, length: Option<u64>) -> Result<Vec<u8>, Error> {
        let too_large = |what: &str| {
            let message = format!("{what} more than the {} bytes that are read at once", limits::READ_BYTES);
            to_guest(StarError::new(ErrorCode::TooLarge, message).hint("read it in pieces, with offset and length"))
        };
        if length.is_some_and(|length| length > limits::READ_BYTES) {
            return Err(too_large("this asks for"));
        }
        // One more than allowed tells a content that just fits from one that was cut.
        let most = length.unwrap_or(limits::READ_BYTES + 1);
        let bytes = self.spec().outbox.read_file(&self.cause(), &at, offset, most).await.map_err(to_guest)?;
        match bytes.len() as u64 > limits::READ_BYTES {
            true => Err(too_large(&format!("{at} has"))),
            false => Ok(bytes.into()),
        }
    }

    async fn write(&mut self, at: String, content_type: Option<String>, bytes: Vec<u8>) -> Result<(), Error> {
        if bytes.len() > limits::WRITE_BYTES {
            let message =
                format!("{} bytes are more than the {} that are written at once", bytes.len(), limits::WRITE_BYTES);
            return Err(to_guest(StarError::new(ErrorCode::TooLarge, message)));
        }
        let (cause, bytes) = (self.cause(), Bytes::from(bytes));
        self.spec().outbox.write_file(&cause, &at, content_type.as_deref(), bytes).await.map_err(to_guest)
    }
}

fn outgoing(to: String, message: Outgoing) -> OutgoingMessage {
    OutgoingMessage {
        to,
        method: message.method,
        headers: message.headers.into_iter().map(|header| (header.name, header.value)).collect(),
        content_type: message.content_type,
        body: Bytes::from(message.body),
    }
}

fn reply(reply: star_wire::Reply) -> Reply {
    Reply {
        headers: reply.headers.into_iter().map(|(name, value)| Header { name, value }).collect(),
        content_type: reply.content_type,
        body: reply.body.into(),
    }
}
