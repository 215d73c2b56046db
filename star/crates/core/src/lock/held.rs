//! Locks as the store holds them: two rows beside the record of a resource.
//!
//! The *fence* is written when the holder changes and at no other time, so the revision of its
//! last write is the token, which the store can compare ([`Precondition::ModifiedAt`]). The
//! *lease* says who holds the lock and until when; renewals rewrite it. A lock that is given back
//! leaves neither behind: then no token is that of a row, which refuses all of them.

use std::sync::Arc;

use bytes::Bytes;
use serde::{Deserialize, Serialize};
use star_path::ResourcePath;
use star_wire::codec;
use star_wire::{ErrorCode, StarError};

use super::lease::{FencingToken, Lease};
use crate::keys;
use crate::ports::meta::{MetaStore, Operation, Precondition, Revision};
use crate::stored::{self, Change};

/// The version of the stored form.
const SCHEMA: u8 = 1;

/// The value of a fence. What counts is when it was written.
const FENCE: Bytes = Bytes::from_static(&[SCHEMA]);

/// A lock that somebody holds, or held until it ran out.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Held {
    /// Who, until when, what for.
    pub lease: Lease,
    /// What a write must name.
    pub token: FencingToken,
    /// The revision at which the lease was last written.
    pub written: Revision,
}

/// Reads the lock of a resource.
pub async fn load(meta: &Arc<dyn MetaStore>, path: &ResourcePath) -> Result<Option<Held>, StarError> {
    let rows = meta.read(&[keys::fence(path), keys::lease(path)]).await;
    let mut rows = rows.map_err(|error| stored::read_failed(path, &error))?.into_iter();
    let (Some(Some(fence)), Some(Some(lease))) = (rows.next(), rows.next()) else { return Ok(None) };
    Ok(Some(Held { lease: decode(path, &lease.value)?, token: fence.modified, written: lease.modified }))
}

/// Reads a stored lease.
pub fn decode(path: &ResourcePath, bytes: &[u8]) -> Result<Lease, StarError> {
    codec::decode(SCHEMA, bytes).map_err(|error| {
        StarError::new(ErrorCode::Corrupt, format!("the lock of {path} cannot be read")).at(path).because(&error)
    })
}

/// The stored bytes of a lease.
pub fn encode(path: &ResourcePath, lease: &Lease) -> Result<Bytes, StarError> {
    codec::encode(SCHEMA, lease).map(Bytes::from).map_err(|error| {
        StarError::new(ErrorCode::TooLarge, format!("the lock of {path} cannot be written")).at(path).because(&error)
    })
}

/// Passes a lock to a holder within a change, whose revision becomes the token.
pub(crate) fn pass(change: &mut Change, path: &ResourcePath, lease: &Lease) -> Result<(), StarError> {
    change.then(Operation::Put(keys::fence(path), FENCE));
    renew(change, path, lease)
}

/// Rewrites a lease within a change; the token stays.
pub(crate) fn renew(change: &mut Change, path: &ResourcePath, lease: &Lease) -> Result<(), StarError> {
    change.then(Operation::Put(keys::lease(path), encode(path, lease)?));
    Ok(())
}

/// Takes a lock away within a change.
pub(crate) fn free(change: &mut Change, path: &ResourcePath) {
    change.then(Operation::Delete(keys::fence(path))).then(Operation::Delete(keys::lease(path)));
}

/// Makes a change depend on the lock being as it was seen, its time included.
pub(crate) fn only_if_as_seen(change: &mut Change, path: &ResourcePath, seen: Option<&Held>) {
    match seen {
        Some(held) => change
            .only_if(Precondition::ModifiedAt(keys::fence(path), held.token))
            .only_if(Precondition::ModifiedAt(keys::lease(path), held.written)),
        None => change.only_if(Precondition::Absent(keys::fence(path))),
    };
}
