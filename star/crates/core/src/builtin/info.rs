//! Telling everything about a resource.

use star_wire::{Reply, StarError};

use super::described;
use crate::behaviour::{ActorContext, ResourceActor};
use crate::command::{Command, Info};
use crate::gate::Permit;
use crate::lock::fence::guardian;
use crate::lock::held;
use crate::stored;

pub(crate) async fn info(
    context: &ActorContext,
    actor: Option<&mut dyn ResourceActor>,
    permit: &Permit,
) -> Result<Reply, StarError> {
    Info::of(permit.envelope())?;
    let mut to = permit.envelope().to.clone();
    // A digest pins what is asked for, and is no part of where it is stored.
    if to.digest().is_some() {
        to = context.path.clone();
    }
    let target = match stored::load(&context.tree.ports.meta, &to).await? {
        Some(target) => target,
        None => match actor {
            // Artifacts have no record; the bundle knows them.
            Some(actor) => return actor.handle(context, permit).await,
            None => return Err(StarError::not_found(&to)),
        },
    };
    let facts = match actor {
        Some(actor) => actor.facts(context, &target).await?,
        None => Default::default(),
    };
    let history = stored::history(&context.tree.ports.meta, &target.path).await?;
    let ports = &context.tree.ports;
    let lock = held::load(&ports.meta, &guardian(&target.path)).await?;
    let mut described = described(target);
    described.history = history.into_statuses();
    described.facts = facts;
    described.lock = lock.filter(|held| !held.lease.is_over(ports.clock.now_ms()));
    Info::reply(&described)
}
