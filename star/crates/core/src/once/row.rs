//! A key as the store holds it: one row, in the shard and in the batch of its effect.

use std::sync::Arc;

use bytes::Bytes;
use serde::{Deserialize, Serialize};
use star_wire::{ErrorCode, StarError, codec};

use super::answer::Kept;
use super::identity::{Identity, KeyId};
use crate::keys;
use crate::limits;
use crate::ports::clock::UnixMillis;
use crate::ports::meta::{Key, MetaStore, Precondition, Revision};
use crate::stored;

/// The version of the stored form.
const SCHEMA: u8 = 1;

/// What is stored under a key.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Row {
    /// The fingerprint of the request.
    pub(super) request: [u8; 32],
    /// Until when it is kept.
    pub(super) until_ms: UnixMillis,
    /// Whether it makes room for others of its kind.
    pub(super) short: bool,
    /// The answer.
    pub(super) answer: Kept,
}

impl Row {
    /// The row of a request that is answered like this.
    pub(super) fn of(identity: &Identity, answer: Kept, now_ms: UnixMillis) -> Row {
        let keep_ms = u64::try_from(identity.keep.as_millis()).unwrap_or(u64::MAX);
        Row {
            request: identity.request,
            until_ms: now_ms.saturating_add(keep_ms),
            short: identity.keep <= limits::KEY_SHORT,
            answer,
        }
    }

    pub(super) fn encode(&self) -> Result<Bytes, StarError> {
        codec::encode(SCHEMA, self).map(Bytes::from).map_err(|error| {
            StarError::new(ErrorCode::TooLarge, "the answer to be kept cannot be written").because(&error)
        })
    }

    pub(super) fn decode(bytes: &[u8]) -> Result<Row, StarError> {
        codec::decode(SCHEMA, bytes).map_err(|error| {
            StarError::new(ErrorCode::Corrupt, "what was kept of an idempotency key cannot be read").because(&error)
        })
    }
}

/// A row with the revision that wrote it.
#[derive(Debug, Clone)]
pub(super) struct Found {
    pub(super) row: Row,
    pub(super) written: Revision,
}

/// Where the row of a key is.
pub(super) fn place(id: &KeyId) -> Key {
    keys::once(&id.scope.space, &id.scope.caller, &id.key)
}

/// Reads the row of a request, whether it has run out or not.
pub(super) async fn load(meta: &Arc<dyn MetaStore>, identity: &Identity) -> Result<Option<Found>, StarError> {
    let rows = meta.read(&[place(&identity.id)]).await;
    let row = rows.map_err(|error| stored::read_failed(&identity.to, &error))?.into_iter().next().flatten();
    row.map(|row| Ok(Found { row: Row::decode(&row.value)?, written: row.modified })).transpose()
}

/// What must be true of the row for its effect to happen: nobody did it, or that was long ago.
pub(super) fn untouched(id: &KeyId, seen: Option<&Found>) -> Precondition {
    match seen {
        Some(found) => Precondition::ModifiedAt(place(id), found.written),
        None => Precondition::Absent(place(id)),
    }
}

#[cfg(test)]
mod tests {
    use star_path::ResourcePath;
    use star_wire::Method;

    use super::*;

    #[test]
    fn a_row_of_version_1_is_read_and_written_as_ever() {
        let path = ResourcePath::parse("acme:b").unwrap();
        let answers = [
            Kept::Whole(Method::SET, Bytes::from_static(b"answer")),
            Kept::Resource(path),
            Kept::Nothing,
            Kept::Position(7),
        ];
        let mut written = String::new();
        for answer in answers {
            let row = Row { request: [9; 32], until_ms: 86_400_000, short: true, answer };
            let bytes = row.encode().unwrap();
            assert_eq!(Row::decode(&bytes).unwrap(), row);
            written.extend(bytes.iter().map(|byte| format!("{byte:02x}")));
            written.push('\n');
        }
        assert_eq!(written, include_str!("../../tests/golden/idempotency-row-v1.hex"));
    }
}
