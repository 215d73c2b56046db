//! Applying: making a resource, or bringing the one that is there to what is asked.
//!
//! Decides which of the two, again and again while others make and remove it. The making is that of
//! [`create`](mod@super::create), the bringing a `star.set` to the resource itself, whose actor has its
//! say in it: one batch, and one event, and neither where nothing differs.

use std::sync::Arc;

use star_path::ResourcePath;
use star_wire::{ErrorCode, StarError};

use super::create::taken;
use crate::command::{Changed, Command, Create, Set, Strategy};
use crate::gate::{Authority, Permit, Right};
use crate::limits;
use crate::lock::fence::fenced;
use crate::once::{IdempotencyKey, keyed};
use crate::record::Resource;
use crate::stored;
use crate::tree::Tree;

impl Tree {
    /// Makes a resource below its parent, or changes the one of the same kind.
    ///
    /// # Errors
    /// `AlreadyExists` where something of another kind is there, and whatever making or setting it
    /// is refused with.
    pub(super) async fn apply(
        self: &Arc<Self>,
        authority: &Arc<Authority>,
        create: Create,
        parent: &ResourcePath,
        (fence, key): (&str, Option<&IdempotencyKey>),
    ) -> Result<Changed, StarError> {
        // Before anything is said about what is there.
        self.gate.allow(authority, Right::Create, parent).await?;
        let path = create.path.clone();
        let step = key.map(|key| key.step("set"));
        // It may have been removed since; that is no reason to make it anew for whoever asks again.
        if step.is_some()
            && let Ok(permit) = self.asked(authority, &create, (fence, step.as_ref())).await
            && self.was_done(&permit).await?
        {
            return Set::answer(&self.ask(permit).await?);
        }
        for _ in 0..limits::COMMIT_ATTEMPTS {
            let (applied, overtaken) = match stored::load(&self.ports.meta, &path).await? {
                Some(there) => {
                    let terms = (fence, step.as_ref());
                    (self.bring(authority, &create, &there, terms).await, ErrorCode::NotFound)
                }
                None => {
                    let create = Create { strategy: Strategy::Create, ..create.clone() };
                    // Boxed, because making is the function that came here.
                    let made = Box::pin(self.create_fenced(authority, create, fence, key)).await;
                    (made, ErrorCode::AlreadyExists)
                }
            };
            match applied {
                Err(error) if error.code() == overtaken && error.path() == Some(&path) => {}
                done => return done,
            }
        }
        Err(stored::contended(&path))
    }

    /// Brings what is there to the properties and labels that are asked for.
    async fn bring(
        self: &Arc<Self>,
        authority: &Arc<Authority>,
        create: &Create,
        there: &Resource,
        terms: (&str, Option<&IdempotencyKey>),
    ) -> Result<Changed, StarError> {
        check(create, there)?;
        let permit = self.asked(authority, create, terms).await?;
        Set::answer(&self.ask(permit).await?)
    }

    /// The message that brings it there.
    async fn asked(
        self: &Arc<Self>,
        authority: &Arc<Authority>,
        create: &Create,
        (fence, key): (&str, Option<&IdempotencyKey>),
    ) -> Result<Permit, StarError> {
        let (properties, labels) = (create.properties.clone(), create.labels.clone());
        let set = Set { properties, labels, ..Set::default() };
        self.admit(authority, keyed(fenced(set.envelope(&create.path)?, fence), key)).await
    }
}

/// Refuses what no change can bring about.
fn check(create: &Create, there: &Resource) -> Result<(), StarError> {
    if there.record.kind != create.kind {
        let kind = there.record.kind;
        return Err(taken(there).hint(format!("a resource keeps its kind; ask for a {kind}, or `star rm` it first")));
    }
    match &create.owner {
        Some(owner) if *owner != there.record.owner => {
            let message = format!("#owner of {} is {} and does not change", there.path, there.record.owner);
            Err(StarError::new(ErrorCode::InvalidProperty, message).at(&there.path).hint("leave the owner away"))
        }
        _ => Ok(()),
    }
}
