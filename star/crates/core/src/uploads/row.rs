//! An upload as the store holds it.
//!
//! The forms are of version 1, and live for some days at most: an update of the program that changes them
//! may take the place of version 1 once nobody can have rows of it any more.

use std::sync::Arc;

use bytes::Bytes;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use star_path::{Digest, ResourcePath};
use star_wire::{Agent, ErrorCode, StarError, codec};

use crate::command::PutIf;
use crate::keys;
use crate::ports::clock::UnixMillis;
use crate::ports::content::ContentRef;
use crate::ports::meta::Key;

/// The version of the stored forms.
const SCHEMA: u8 = 1;

/// What shall become of the bytes when all have come.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Plan {
    /// The media type of the File.
    pub content_type: Arc<str>,
    /// The digest that the whole must have, if it was announced.
    pub digest: Option<Digest>,
    /// What must be true of the File when it is written.
    pub only_if: PutIf,
    /// The fencing tokens that came with the first request.
    pub fence: String,
    /// What the sender wants to be told again, as it came.
    pub metadata: String,
}

/// An upload that is under way.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Session {
    /// The File that it is to become.
    pub path: ResourcePath,
    /// Who began it.
    pub agent: Agent,
    /// What shall become of the bytes.
    pub plan: Plan,
    /// How many bytes there will be, as far as that is known.
    pub length: Option<u64>,
    /// How many have come, and are durable.
    pub offset: u64,
    /// In how many parts.
    pub parts: u32,
    /// Whether all have come, and the File is all that is missing.
    pub whole: bool,
    /// When it began.
    pub begun_ms: UnixMillis,
    /// When it is forgotten, unless more comes.
    pub until_ms: UnixMillis,
}

/// An upload that became a File.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Finished {
    /// The File.
    pub path: ResourcePath,
    /// Who began it.
    pub agent: Agent,
    /// What the sender wants to be told again.
    pub metadata: String,
    /// The bytes that the File had then.
    pub content: ContentRef,
    /// Whether there was no such File before.
    pub made: bool,
    /// How long it is remembered that it was finished.
    pub until_ms: UnixMillis,
}

impl Session {
    pub(super) fn encode(&self) -> Result<Bytes, StarError> {
        encode(self)
    }

    pub(super) fn decode(bytes: &[u8]) -> Result<Session, StarError> {
        decode(bytes)
    }
}

impl Finished {
    pub(super) fn encode(&self) -> Result<Bytes, StarError> {
        encode(self)
    }

    pub(super) fn decode(bytes: &[u8]) -> Result<Finished, StarError> {
        decode(bytes)
    }
}

/// The row of a part.
pub(super) fn encode_part(content: &ContentRef) -> Result<Bytes, StarError> {
    encode(content)
}

pub(super) fn decode_part(bytes: &[u8]) -> Result<ContentRef, StarError> {
    decode(bytes)
}

/// Whether a row is that of a part of an upload.
pub fn is_part(key: &Key) -> bool {
    keys::is_upload_part(key)
}

/// The content of a part, out of its row.
///
/// # Errors
/// `Corrupt` where it cannot be read.
pub fn part_content(value: &[u8]) -> Result<ContentRef, StarError> {
    decode_part(value)
}

fn encode(value: &impl Serialize) -> Result<Bytes, StarError> {
    codec::encode(SCHEMA, value).map(Bytes::from).map_err(|error| {
        StarError::new(ErrorCode::TooLarge, "what is to be kept of an upload cannot be written").because(&error)
    })
}

fn decode<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, StarError> {
    codec::decode(SCHEMA, bytes)
        .map_err(|error| StarError::new(ErrorCode::Corrupt, "the row of an upload cannot be read").because(&error))
}
