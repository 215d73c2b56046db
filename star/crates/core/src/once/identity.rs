//! What identifies a request: who asks, where its effect is, under which key, and for what.

use std::sync::Arc;
use std::time::Duration;

use sha2::{Digest, Sha256};
use star_path::ResourcePath;
use star_wire::{Agent, Envelope, MessageId, Method, StarError};

use super::key::{HEADER, IdempotencyKey, KEEP};
use crate::command::{Command, Create};
use crate::gate::{Authority, Permit, Right};
use crate::lock::fence;

/// A fingerprint of which nobody finds two alike.
pub(super) type Fingerprint = [u8; 16];

/// Whose keys, and in which Space: how far a key reaches.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct ScopeId {
    /// The Space of the effect; empty for the root.
    pub(super) space: Arc<str>,
    /// The caller.
    pub(super) caller: Fingerprint,
}

/// One key of one caller in one Space.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct KeyId {
    pub(super) scope: ScopeId,
    pub(super) key: Fingerprint,
}

/// A request under a key.
#[derive(Debug, Clone)]
pub(super) struct Identity {
    pub(super) id: KeyId,
    /// What is asked for.
    pub(super) request: [u8; 32],
    /// How long it is kept.
    pub(super) keep: Duration,
    /// The resource that is asked, for errors.
    pub(super) to: ResourcePath,
    /// Whether Starlane itself answers it.
    pub(super) built_in: bool,
}

impl Identity {
    /// The identity of a message; none for one without a key, and for one that changes nothing:
    /// reading twice does no harm, and nobody in particular has no keys.
    pub(super) fn of(permit: &Permit) -> Result<Option<Identity>, StarError> {
        let (envelope, authority) = (permit.envelope(), permit.authority());
        if !may_have(authority, &envelope.method) {
            return Ok(None);
        }
        let key = IdempotencyKey::of(envelope).map_err(|error| error.at(&envelope.to))?;
        let Some(key) = key else { return Ok(None) };
        let space = space_of_effect(envelope)?;
        Ok(Some(Identity {
            id: KeyId {
                scope: ScopeId { space: space.into(), caller: fingerprint(&[&caller(authority)]) },
                key: fingerprint(&[key.as_str()]),
            },
            request: request(envelope),
            keep: key.kept(),
            to: envelope.to.clone(),
            built_in: envelope.method.is_built_in(),
        }))
    }
}

/// Gives a message that is sent again under its key the id that it had before, so that its receiver
/// can know it.
pub(crate) fn give_lasting_id(envelope: &mut Envelope, authority: &Authority) {
    let Some(key) = envelope.header(HEADER) else { return };
    if may_have(authority, &envelope.method) {
        let to = envelope.to.space().unwrap_or_default();
        envelope.id = MessageId::from_u128(u128::from_be_bytes(fingerprint(&[to, &caller(authority), key])));
    }
}

fn may_have(authority: &Authority, method: &Method) -> bool {
    let somebody = !matches!(authority, Authority::Anonymous | Authority::Visitor { .. });
    somebody && Right::of(method) != Right::Read
}

fn caller(authority: &Authority) -> String {
    match authority.agent() {
        Agent::Resource(path) => path.to_string(),
        Agent::Anonymous => String::new(),
    }
}

/// What makes a child is sent to the parent, and its effect is where the child is: the two differ
/// where the child is a Space.
fn space_of_effect(envelope: &Envelope) -> Result<String, StarError> {
    let path = match envelope.method == Method::CREATE {
        true => Create::of(envelope)?.path,
        false => envelope.to.clone(),
    };
    Ok(path.space().unwrap_or_default().to_owned())
}

/// The fingerprint of what is asked for. Under which locks and until when is no part of it: they may
/// differ when the same is asked for again.
fn request(envelope: &Envelope) -> [u8; 32] {
    let mut hash = Sha256::new();
    let mut add = |part: &[u8]| {
        hash.update((part.len() as u64).to_le_bytes());
        hash.update(part);
    };
    add(envelope.method.as_str().as_bytes());
    add(envelope.to.as_str().as_bytes());
    add(envelope.content_type.as_bytes());
    add(&envelope.body);
    for (name, value) in &envelope.headers {
        if ![HEADER, KEEP, fence::HEADER].contains(&name.as_str()) {
            add(name.as_bytes());
            add(value.as_bytes());
        }
    }
    hash.finalize().into()
}

fn fingerprint(parts: &[&str]) -> Fingerprint {
    let mut hash = Sha256::new();
    for part in parts {
        hash.update((part.len() as u64).to_le_bytes());
        hash.update(part.as_bytes());
    }
    let whole: [u8; 32] = hash.finalize().into();
    std::array::from_fn(|index| whole[index])
}
