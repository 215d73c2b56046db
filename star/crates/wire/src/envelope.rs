//! A message on its way.

use std::sync::Arc;

use bytes::Bytes;
use serde::{Deserialize, Serialize};
use star_path::ResourcePath;

use crate::codec::{self, CodecError};
use crate::{Deadline, MessageId, Method, limits};

/// On whose behalf a message is sent.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Agent {
    /// Nobody who said who they are.
    Anonymous,
    /// A User, App or Mechtron.
    Resource(ResourcePath),
}

/// A message: from whom, for whom, what, and until when.
///
/// Made at an ingress, boxed once, and moved by reference from there on. It does not say on whose
/// behalf it is sent: inside a Star that is known to the gate alone, and between Stars it travels
/// beside the message, where no ingress can write it.
#[derive(Debug, Clone)]
pub struct Envelope {
    /// Its identity.
    pub id: MessageId,
    /// The resource it comes from, if it comes from one.
    pub from: Option<ResourcePath>,
    /// The resource it is for.
    pub to: ResourcePath,
    /// What it asks for.
    pub method: Method,
    /// Names (lower case) and values.
    pub headers: Vec<(String, String)>,
    /// The type of the body, e.g. `application/json`.
    pub content_type: String,
    /// The body, at most [`limits::BODY_BYTES`].
    pub body: Bytes,
    /// When the answer is of no use any more.
    pub deadline: Deadline,
    /// How often it was passed on.
    pub hops: u8,
    /// The resources whose calls led to this message, nearest last: a call back into one of them
    /// would wait for itself.
    pub chain: Arc<[ResourcePath]>,
    /// The request from outside that led to this message, by which lines of the log are found; none
    /// where it was made inside of the Star.
    pub request_id: Option<Arc<str>>,
}

/// The header in which the identity of a request travels between processes. One of this name that a
/// sender wrote into the headers of a message does not get there.
pub const REQUEST_ID: &str = "x-request-id";

impl Envelope {
    /// A message with an empty body and the default deadline, from nobody yet.
    pub fn new(to: ResourcePath, method: Method) -> Envelope {
        Envelope {
            id: MessageId::next(),
            from: None,
            to,
            method,
            headers: Vec::new(),
            content_type: String::new(),
            body: Bytes::new(),
            deadline: Deadline::default(),
            hops: 0,
            chain: Arc::from([]),
            request_id: None,
        }
    }

    /// The same with a body.
    #[must_use]
    pub fn with_body(mut self, content_type: impl Into<String>, body: impl Into<Bytes>) -> Envelope {
        self.content_type = content_type.into();
        self.body = body.into();
        self
    }

    /// The same with another deadline.
    #[must_use]
    pub fn with_deadline(mut self, deadline: Deadline) -> Envelope {
        self.deadline = deadline;
        self
    }

    /// The same on behalf of a request from outside.
    #[must_use]
    pub fn for_request(mut self, id: impl Into<Arc<str>>) -> Envelope {
        self.request_id = Some(id.into());
        self
    }

    /// What lines of the log about it are found by: the request that led to it, else its own identity.
    pub fn traced_as(&self) -> Arc<str> {
        self.request_id.clone().unwrap_or_else(|| self.id.to_string().into())
    }

    /// The value of a header.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }

    /// The bytes that travel to another process on behalf of `agent`: the deadline as what is left
    /// of it.
    pub fn encode(&self, agent: &Agent) -> Result<Vec<u8>, CodecError> {
        codec::encode(SCHEMA, &EnvelopeV1::of(agent, self))
    }

    /// Reads what [`Envelope::encode`] wrote. The deadline starts to run here.
    pub fn decode(bytes: &[u8]) -> Result<(Agent, Envelope), CodecError> {
        codec::decode::<EnvelopeV1>(SCHEMA, bytes).map(EnvelopeV1::into_parts)
    }
}

/// The version of the encoded form.
const SCHEMA: u8 = 1;

/// The encoded form, frozen: another version is another struct.
#[derive(Serialize, Deserialize)]
struct EnvelopeV1 {
    id: MessageId,
    from: Option<ResourcePath>,
    agent: Agent,
    to: ResourcePath,
    method: Method,
    headers: Vec<(String, String)>,
    content_type: String,
    body: Bytes,
    remaining_ms: u32,
    hops: u8,
    chain: Vec<ResourcePath>,
}

impl EnvelopeV1 {
    fn of(agent: &Agent, envelope: &Envelope) -> EnvelopeV1 {
        // Rounded up, because a message that left in time should not arrive with nothing left.
        let remaining_ms = envelope.deadline.remaining().as_micros().div_ceil(1000);
        EnvelopeV1 {
            id: envelope.id,
            from: envelope.from.clone(),
            agent: agent.clone(),
            to: envelope.to.clone(),
            method: envelope.method.clone(),
            headers: with_request_id(envelope),
            content_type: envelope.content_type.clone(),
            body: envelope.body.clone(),
            remaining_ms: u32::try_from(remaining_ms).unwrap_or(u32::MAX),
            hops: envelope.hops,
            chain: envelope.chain.to_vec(),
        }
    }

    fn into_parts(mut self) -> (Agent, Envelope) {
        let request_id = self.headers.pop_if(|(name, _)| name == REQUEST_ID).map(|(_, id)| id.into());
        self.headers.retain(|(name, _)| name != REQUEST_ID);
        let envelope = Envelope {
            id: self.id,
            from: self.from,
            to: self.to,
            method: self.method,
            headers: self.headers,
            content_type: self.content_type,
            body: self.body,
            deadline: Deadline::within(std::time::Duration::from_millis(u64::from(self.remaining_ms))),
            hops: self.hops,
            chain: self.chain.into(),
            request_id,
        };
        (self.agent, envelope)
    }
}

/// The headers, and behind them the identity of the request.
fn with_request_id(envelope: &Envelope) -> Vec<(String, String)> {
    let own = envelope.headers.iter().filter(|(name, _)| name != REQUEST_ID).cloned();
    own.chain(envelope.request_id.as_ref().map(|id| (REQUEST_ID.to_owned(), id.to_string()))).collect()
}

/// Why a message may not be sent as it is.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Unsendable {
    /// The body is too long.
    #[error("the body has {got} bytes, at most {max} are allowed", max = limits::BODY_BYTES)]
    Body {
        /// Its length in bytes.
        got: usize,
    },
    /// There are too many headers.
    #[error("there are {got} headers, at most {max} are allowed", max = limits::HEADERS)]
    Headers {
        /// How many there are.
        got: usize,
    },
    /// A header is too long.
    #[error("the header `{name}` is longer than {max} bytes", max = limits::HEADER_BYTES)]
    Header {
        /// Its name.
        name: String,
    },
}

impl Envelope {
    /// Whether the message keeps within the limits.
    pub fn check(&self) -> Result<(), Unsendable> {
        if self.body.len() > limits::BODY_BYTES {
            return Err(Unsendable::Body { got: self.body.len() });
        }
        if self.headers.len() > limits::HEADERS {
            return Err(Unsendable::Headers { got: self.headers.len() });
        }
        match self.headers.iter().find(|(name, value)| name.len() + value.len() > limits::HEADER_BYTES) {
            Some((name, _)) => Err(Unsendable::Header { name: name.chars().take(64).collect() }),
            None => Ok(()),
        }
    }
}
