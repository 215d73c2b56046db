//! The messages that every resource understands, answered around its kind.
//!
//! They run in the turn of the actor that answers for the resource, so nothing else that goes
//! through it happens at the same time; what others may do is kept out by preconditions. Creating is
//! the exception: below kinds that do not attend to their children it runs beside the turn, and
//! preconditions are all that it has.

mod apply;
mod create;
mod delete;
mod info;
mod lock;
mod numbered;
mod properties;
mod relocate;
mod set;
mod unlock;

use star_path::ResourcePath;
use star_wire::StarError;

use crate::behaviour::ActorContext;
use crate::command::Described;
use crate::event::{Event, EventType};
use crate::gate::Authority;
use crate::limits;
use crate::ports::meta::Precondition;
use crate::record::Resource;
use crate::status::Status;
use crate::stored::{self, Change};

pub(crate) use create::{Prepared, create};
pub(crate) use delete::delete;
pub(crate) use info::info;
pub(crate) use lock::lock;
pub(crate) use relocate::relocate;
pub(crate) use set::set;
pub(crate) use unlock::unlock;

/// A resource as it is told to others, without what only its actor knows.
pub fn described(resource: Resource) -> Described {
    Described {
        path: resource.path,
        record: resource.record,
        created: resource.created,
        modified: resource.modified,
        facts: std::collections::BTreeMap::new(),
        history: Vec::new(),
        lock: None,
    }
}

/// Writes the status of the resource of an actor, if it is another one.
pub(crate) async fn set_status(context: &ActorContext, status: Status) -> Result<(), StarError> {
    let ports = &context.tree.ports;
    for _ in 0..limits::COMMIT_ATTEMPTS {
        let Some(mut resource) = stored::load(&ports.meta, &context.path).await? else { return Ok(()) };
        if resource.record.status.state == status.state && resource.record.status.message == status.message {
            return Ok(());
        }
        let event = Event::new(EventType::Status, &resource.path, resource.record.kind, &Authority::System.agent())
            .with("from", resource.record.status.state.word())
            .with("to", status.state.word())
            .with("message", status.message.clone());
        let mut history = stored::history(&ports.meta, &context.path).await?;
        let before = resource.record.clone();
        history.push(std::mem::replace(&mut resource.record.status, status.clone()));
        let mut change = Change::of(&resource.path, ports.clock.now_ms());
        change.then(history.put(&resource.path)?);
        change.only_if(Precondition::ModifiedAt(crate::keys::record(&resource.path), resource.modified));
        change.rewrite(&resource.path, &before, &resource.record)?.tell(&event)?;
        if change.commit(&ports.meta).await?.is_some() {
            return Ok(());
        }
    }
    Err(stored::contended(&context.path))
}

/// A resource as it stands after a change.
pub(crate) async fn reloaded(context: &ActorContext, path: &ResourcePath) -> Result<Described, StarError> {
    stored::require(&context.tree.ports.meta, path).await.map(described)
}
