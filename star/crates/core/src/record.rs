//! What is stored of a resource.

use std::collections::BTreeMap;
use std::sync::Arc;

use bytes::Bytes;
use serde::{Deserialize, Serialize};
use star_path::{PropertyKey, ResourcePath};
use star_wire::codec::{self, CodecError};
use star_wire::{ErrorCode, StarError};

use crate::kind::Kind;
use crate::ports::clock::UnixMillis;
use crate::ports::content::ContentRef;
use crate::ports::meta::{Revision, Versioned};
use crate::status::Status;

/// The body of a File, or the manifest of an ArtifactBundle.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Body {
    /// Which bytes.
    pub content: ContentRef,
    /// Their media type.
    pub content_type: Arc<str>,
}

/// A resource as the store holds it, beside its path, which is its key.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Record {
    /// What it is.
    pub kind: Kind,
    /// Who owns it.
    pub owner: ResourcePath,
    /// What state it is in.
    pub status: Status,
    /// Its properties.
    pub properties: BTreeMap<PropertyKey, String>,
    /// Its labels.
    pub labels: BTreeMap<String, String>,
    /// Its bytes, where its kind has any.
    pub body: Option<Body>,
    /// When it was made.
    pub created_ms: UnixMillis,
    /// When it was last changed.
    pub modified_ms: UnixMillis,
}

/// The version of the stored form.
const SCHEMA: u8 = 1;

impl Record {
    /// A resource that is made now, without properties.
    pub fn new(kind: Kind, owner: ResourcePath, now_ms: UnixMillis) -> Record {
        Record {
            kind,
            owner,
            status: Status::ready(now_ms),
            properties: BTreeMap::new(),
            labels: BTreeMap::new(),
            body: None,
            created_ms: now_ms,
            modified_ms: now_ms,
        }
    }

    /// The stored bytes.
    pub fn encode(&self) -> Result<Bytes, CodecError> {
        codec::encode(SCHEMA, self).map(Bytes::from)
    }

    /// Reads stored bytes.
    pub fn decode(bytes: &[u8]) -> Result<Record, CodecError> {
        codec::decode(SCHEMA, bytes)
    }

    /// The value of a property.
    pub fn property(&self, key: &str) -> Option<&str> {
        self.properties.iter().find(|(name, _)| name.as_str() == key).map(|(_, value)| value.as_str())
    }
}

/// A resource with its path and its revisions.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Resource {
    /// Its path.
    pub path: ResourcePath,
    /// What is stored of it.
    pub record: Record,
    /// The revision that made it.
    pub created: Revision,
    /// The revision that last changed it.
    pub modified: Revision,
}

impl Resource {
    /// The resource behind a stored row.
    pub fn from_row(path: ResourcePath, row: &Versioned) -> Result<Resource, StarError> {
        let record = Record::decode(&row.value).map_err(|error| {
            StarError::new(ErrorCode::Corrupt, format!("the record of {path} cannot be read")).at(&path).because(&error)
        })?;
        Ok(Resource { path, record, created: row.created, modified: row.modified })
    }

    /// What a selector may ask for by key: `status`, `owner`, `kind`, `labels.…`, properties.
    pub fn attribute(&self, key: &str) -> Option<String> {
        match key {
            "status" => Some(self.record.status.state.word().to_owned()),
            "owner" => Some(self.record.owner.to_string()),
            "kind" => Some(self.record.kind.to_string()),
            _ => match key.strip_prefix("labels.") {
                Some(label) => self.record.labels.get(label).cloned(),
                None => self.record.property(key).map(str::to_owned),
            },
        }
    }
}
