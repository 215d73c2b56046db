//! What a write has to meet because of locks: looked at first, and bound into its batch, so that
//! no lock can change hands between the look and the commit.
//!
//! | lock | write with its token | with another token | without a token |
//! |---|---|---|---|
//! | free | refused: stale | refused: stale | done, if it is still free |
//! | held | done, if the token still is that of the fence | refused: stale | refused: locked |
//! | has run out | the same | refused: stale | done, and the lock is taken away in the same batch |
//!
//! The last field is why a lock that ran out protects all the same: once somebody wrote over it,
//! its token is worth nothing, even if the clock jumps back or its holder comes back to life.

use std::sync::Arc;

use star_path::ResourcePath;
use star_wire::StarError;

use super::fence::{Fences, guardian};
use super::held::{self, Held};
use super::lease::{FencingToken, Refused, told};
use super::refusal;
use crate::event::{Event, EventType};
use crate::gate::{Authority, Permit};
use crate::keys;
use crate::kind::Kind;
use crate::limits;
use crate::ports::meta::{KeyRange, MetaStore, Precondition, Revision};
use crate::stored::{self, Change};
use crate::tree::Tree;

/// What the lock that guards a write must be when the write happens.
#[derive(Debug)]
pub struct Guard {
    path: ResourcePath,
    must: Must,
    below: Option<(KeyRange, Revision)>,
}

#[derive(Debug)]
enum Must {
    /// Nothing: the writer is Starlane itself, or there is no lock that could guard it.
    Nothing,
    /// It is free.
    StayFree,
    /// The token is that of the fence.
    StayOurs(FencingToken),
    /// It has run out and was not renewed. It is taken away.
    StayOver(Box<Over>),
}

/// A lock that has run out, and the event of its end.
#[derive(Debug)]
struct Over {
    held: Held,
    end: Event,
}

impl Guard {
    /// Looks at the lock that guards what a message wants to change.
    ///
    /// # Errors
    /// `Locked` while somebody holds it and the message names no token, `StaleFence` when the
    /// token that it names is not that of the lock.
    pub async fn of(tree: &Tree, permit: &Permit) -> Result<Guard, StarError> {
        Guard::at(tree, permit, &permit.envelope().to).await
    }

    /// The same for another resource that a message changes with the one that it is for.
    pub async fn at(tree: &Tree, permit: &Permit, changed: &ResourcePath) -> Result<Guard, StarError> {
        let path = guardian(changed);
        // The root belongs to no shard of a Space: no batch there could look at its lock.
        let unguarded = path.is_root() || matches!(permit.authority().as_ref(), Authority::System);
        let must = if unguarded { Must::Nothing } else { demand(tree, permit, &path).await? };
        Ok(Guard { path, must, below: None })
    }

    /// The same for a write that takes along everything below a resource, whose locks nobody may
    /// hold then.
    pub async fn of_tree(tree: &Tree, permit: &Permit) -> Result<Guard, StarError> {
        let mut guard = Guard::of(tree, permit).await?;
        // Files have no locks of their own.
        if !matches!(guard.must, Must::Nothing) && permit.envelope().to.files().is_none() {
            guard.below = Some(nobody_holds_below(tree, &guard.path).await?);
        }
        Ok(guard)
    }

    /// Whether both look at the same lock.
    pub(crate) fn is_that_of(&self, other: &Guard) -> bool {
        self.path == other.path
    }

    /// The revision at which it was looked at what lies below; none where nothing was.
    pub(crate) fn looked_below_at(&self) -> Option<Revision> {
        self.below.as_ref().map(|(_, revision)| *revision)
    }

    /// Makes a change depend on what was seen.
    pub fn bind(&self, change: &mut Change) -> Result<(), StarError> {
        match &self.must {
            Must::Nothing => {}
            Must::StayFree => held::only_if_as_seen(change, &self.path, None),
            Must::StayOurs(token) => {
                change.only_if(Precondition::ModifiedAt(keys::fence(&self.path), *token));
            }
            Must::StayOver(over) => {
                held::only_if_as_seen(change, &self.path, Some(&over.held));
                held::free(change, &self.path);
                change.tell(&over.end)?;
            }
        }
        if let Some((range, revision)) = &self.below {
            change.only_if(Precondition::RangeUnchangedSince(range.clone(), *revision));
        }
        Ok(())
    }
}

impl Tree {
    /// Refuses early what a lock keeps out, before bytes are taken in for it. The write itself is
    /// looked at again.
    pub async fn check_lock(&self, permit: &Permit) -> Result<(), StarError> {
        if self.was_done(permit).await? {
            return Ok(());
        }
        Guard::of(self, permit).await.map(drop)
    }
}

async fn demand(tree: &Tree, permit: &Permit, path: &ResourcePath) -> Result<Must, StarError> {
    let token = Fences::of(permit).map_err(|error| error.at(path))?.token(path);
    let now_ms = tree.ports.clock.now_ms();
    match (token, held::load(&tree.ports.meta, path).await?) {
        (Some(token), Some(held)) if held.token == token => Ok(Must::StayOurs(token)),
        (Some(token), other) => {
            let now = other.map(|held| held.lease.holder.agent);
            Err(refusal::of(path, &Refused::Lost { token, now }))
        }
        (None, None) => Ok(Must::StayFree),
        (None, Some(held)) if held.lease.is_over(now_ms) => {
            let end = written_over(&tree.ports.meta, permit, path, &held).await?;
            Ok(Must::StayOver(Box::new(Over { held, end })))
        }
        (None, Some(held)) => Err(refusal::of(path, &held.lease.in_the_way(now_ms))),
    }
}

async fn written_over(
    meta: &Arc<dyn MetaStore>,
    permit: &Permit,
    path: &ResourcePath,
    held: &Held,
) -> Result<Event, StarError> {
    let kind = stored::require(meta, path).await?.record.kind;
    Ok(unlocked(path, kind, permit, held).with("how", "expired"))
}

/// The event of a lock that nobody holds from now on.
pub(crate) fn unlocked(path: &ResourcePath, kind: Kind, permit: &Permit, held: &Held) -> Event {
    Event::new(EventType::Unlocked, path, kind, &permit.authority().agent())
        .with("holder", told(&held.lease.holder.agent))
        .with("token", held.token.to_string())
}

/// The locks below a resource with the revision at which nobody held one of them.
async fn nobody_holds_below(tree: &Tree, path: &ResourcePath) -> Result<(KeyRange, Revision), StarError> {
    let meta = &tree.ports.meta;
    let now_ms = tree.ports.clock.now_ms();
    let whole = keys::locks_below(path);
    let revision = stored::revision_of_shard(meta, path, now_ms).await?;
    let mut range = whole.clone();
    loop {
        let page = meta.scan(range.clone(), limits::PAGE_MAX).await;
        let page = page.map_err(|error| stored::read_failed(path, &error))?;
        for (key, row) in &page.rows {
            let Some(below) = keys::path_of_lease(key) else { continue };
            let lease = held::decode(&below, &row.value)?;
            if !lease.is_over(now_ms) {
                return Err(refusal::of(&below, &lease.in_the_way(now_ms)));
            }
        }
        match page.next {
            Some(next) => range.start = next,
            None => return Ok((whole, revision)),
        }
    }
}
