//! The answer to an ask.

use bytes::Bytes;
use serde::{Deserialize, Serialize};

use crate::codec::{self, CodecError};

/// What a resource answers when it did what it was asked for.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Reply {
    /// Names (lower case) and values.
    pub headers: Vec<(String, String)>,
    /// The type of the body.
    pub content_type: String,
    /// The body.
    pub body: Bytes,
}

/// The version of the encoded form.
const SCHEMA: u8 = 1;

impl Reply {
    /// An answer without a body.
    pub fn empty() -> Reply {
        Reply::default()
    }

    /// An answer with a body.
    pub fn new(content_type: impl Into<String>, body: impl Into<Bytes>) -> Reply {
        Reply { headers: Vec::new(), content_type: content_type.into(), body: body.into() }
    }

    /// The value of a header.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }

    /// The bytes that travel to another process.
    pub fn encode(&self) -> Result<Vec<u8>, CodecError> {
        codec::encode(SCHEMA, self)
    }

    /// Reads what [`Reply::encode`] wrote.
    pub fn decode(bytes: &[u8]) -> Result<Reply, CodecError> {
        codec::decode(SCHEMA, bytes)
    }
}
