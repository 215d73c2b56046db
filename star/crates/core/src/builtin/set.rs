//! Changing properties and labels.

use star_wire::{ErrorCode, Reply, StarError};

use super::properties::{self, Writer};
use super::reloaded;
use crate::behaviour::{ActorContext, ResourceActor, SetPlan};
use crate::command::{Changed, Command, Set};
use crate::event::{Event, EventType};
use crate::gate::Permit;
use crate::keys;
use crate::limits;
use crate::lock::Guard;
use crate::once::OPEN;
use crate::ports::meta::Precondition;
use crate::record::{Record, Resource};
use crate::stored::{self, Change};

pub(crate) async fn set(
    context: &ActorContext,
    mut actor: Option<&mut dyn ResourceActor>,
    permit: &Permit,
) -> Result<Reply, StarError> {
    let mut command = Set::of(permit.envelope())?;
    let ports = &context.tree.ports;
    for _ in 0..limits::COMMIT_ATTEMPTS {
        let target = stored::require(&ports.meta, &permit.envelope().to).await?;
        check(&mut command, &target)?;
        let guard = Guard::of(&context.tree, permit).await?;
        let plan = match actor.as_deref_mut() {
            Some(actor) => actor.check_set(context, permit, &target, &command).await?,
            None => SetPlan::default(),
        };
        let plan = news_of(context, plan).await?;
        let after = applied(&command, &plan, &target);
        if after.record == target.record && plan.also.is_empty() {
            let resource = super::described(target);
            return Set::reply(&Changed { resource, warnings: plan.warnings, changed: false });
        }
        let change = Changes { command: &command, plan: &plan, target: &target };
        if commit(context, permit, &guard, change, after).await? {
            if let Some(actor) = actor {
                actor.changed(context).await?;
            }
            let resource = reloaded(context, &target.path).await?;
            return Set::reply(&Changed { resource, warnings: plan.warnings, changed: true });
        }
    }
    Err(stored::contended(&permit.envelope().to))
}

/// The plan without records that are there already as they should be.
async fn news_of(context: &ActorContext, mut plan: SetPlan) -> Result<SetPlan, StarError> {
    for (path, record) in std::mem::take(&mut plan.also) {
        let there = stored::load(&context.tree.ports.meta, &path).await?.map(|there| there.record);
        let says_the_same = |there: &Record| {
            (there.kind, &there.properties, &there.body) == (record.kind, &record.properties, &record.body)
        };
        if !there.as_ref().is_some_and(says_the_same) {
            plan.also.push((path, record));
        }
    }
    Ok(plan)
}

fn check(command: &mut Set, target: &Resource) -> Result<(), StarError> {
    if let Some(expected) = command.if_revision.filter(|expected| *expected != target.modified) {
        let message = format!("{} was last changed at revision {}, not {expected}", target.path, target.modified);
        return Err(StarError::new(ErrorCode::PreconditionFailed, message).at(&target.path));
    }
    let spec = target.record.kind.spec();
    properties::check(spec, &target.path, &mut command.properties, Writer::Client)?;
    for key in &command.remove {
        properties::known(spec, &target.path, key)?;
    }
    properties::check_labels(&target.path, &command.labels)
}

fn applied(command: &Set, plan: &SetPlan, target: &Resource) -> Resource {
    let mut after = target.clone();
    let record = &mut after.record;
    record.properties.extend(command.properties.clone());
    record.properties.extend(plan.properties.clone());
    record.properties.retain(|key, _| !command.remove.contains(key));
    record.labels.extend(command.labels.clone());
    record.labels.retain(|key, _| !command.remove_labels.contains(key));
    after
}

/// What is changed in what.
#[derive(Clone, Copy)]
struct Changes<'c> {
    command: &'c Set,
    plan: &'c SetPlan,
    target: &'c Resource,
}

/// Whether it happened; if not, somebody else was faster.
async fn commit(
    context: &ActorContext,
    permit: &Permit,
    guard: &Guard,
    Changes { command, plan, target }: Changes<'_>,
    mut after: Resource,
) -> Result<bool, StarError> {
    let ports = &context.tree.ports;
    let now_ms = ports.clock.now_ms();
    after.record.modified_ms = now_ms;
    let mut change = Change::of(&target.path, now_ms);
    change.only_if(Precondition::ModifiedAt(keys::record(&target.path), target.modified));
    guard.bind(&mut change)?;
    change.rewrite(&target.path, &target.record, &after.record)?;
    let agent = permit.authority().agent();
    let mut event = Event::new(EventType::Changed, &target.path, target.record.kind, &agent);
    for (key, value) in &command.properties {
        event = event.with(key.as_str(), value.as_str());
    }
    for key in &command.remove {
        event = event.with(key.as_str(), "");
    }
    for (key, value) in &command.labels {
        event = event.with(&format!("labels.{key}"), value.as_str());
    }
    for key in &command.remove_labels {
        event = event.with(&format!("labels.{key}"), "");
    }
    change.tell(&event)?;
    for (path, record) in &plan.also {
        let what = match stored::load(&ports.meta, path).await? {
            Some(there) => {
                change.only_if(Precondition::ModifiedAt(keys::record(path), there.modified));
                change.rewrite(path, &there.record, record)?;
                EventType::Changed
            }
            None => {
                change.make(path, record)?;
                EventType::Created
            }
        };
        change.tell(&Event::new(what, path, record.kind, &agent))?;
    }
    let resource = super::described(Resource { modified: OPEN, ..after });
    let answer = Changed { resource, warnings: plan.warnings.clone(), changed: true };
    change.remember::<Set>(permit, &answer)?;
    let committed = change.commit(&ports.meta).await?.is_some();
    if committed {
        // What lives below was brought up from the former records.
        for (path, _) in &plan.also {
            context.tree.evict(path, true);
        }
    }
    Ok(committed)
}
