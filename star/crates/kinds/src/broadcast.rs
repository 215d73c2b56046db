//! A Broadcast: what is said to it becomes an event that everyone who watches sees.

use async_trait::async_trait;
use star_core::behaviour::{ActorContext, KindBehaviour, ResourceActor, unsupported};
use star_core::event::{Event, EventType};
use star_core::gate::Permit;
use star_core::kind::Kind;
use star_core::limits::BROADCAST_BYTES;
use star_core::once;
use star_core::stored::{self, Change};
use star_wire::{ErrorCode, Reply, StarError};

/// The method that speaks.
const METHOD: &str = "broadcast";

/// The kind Broadcast.
pub(crate) struct BroadcastKind;

struct BroadcastActor;

#[async_trait]
impl KindBehaviour for BroadcastKind {
    async fn activate(&self, _: &ActorContext) -> Result<Box<dyn ResourceActor>, StarError> {
        Ok(Box::new(BroadcastActor))
    }
}

#[async_trait]
impl ResourceActor for BroadcastActor {
    async fn handle(&mut self, context: &ActorContext, permit: &Permit) -> Result<Reply, StarError> {
        let envelope = permit.envelope();
        if envelope.method.as_str() != METHOD {
            return Err(unsupported(permit)
                .hint(format!("it understands `{METHOD}`: star tell {} {METHOD} TEXT", context.path)));
        }
        let event = Event::new(EventType::Broadcast, &context.path, Kind::Broadcast, &permit.authority().agent())
            .with("content-type", envelope.content_type.as_str())
            .with("body", text(permit)?);
        let ports = &context.tree.ports;
        let mut change = Change::of(&context.path, ports.clock.now_ms());
        change.tell(&event)?;
        let head = *ports.meta.head().borrow();
        change.remember_position(permit, head)?;
        let committed = change.commit(&ports.meta).await?.ok_or_else(|| stored::contended(&context.path))?;
        Ok(once::of_position(committed.position))
    }
}

/// The body as text: events are read by people and as JSON.
fn text(permit: &Permit) -> Result<String, StarError> {
    let envelope = permit.envelope();
    if envelope.body.len() > BROADCAST_BYTES {
        let message = format!("a broadcast has at most {BROADCAST_BYTES} bytes, this one has {}", envelope.body.len());
        return Err(StarError::new(ErrorCode::TooLarge, message)
            .at(&envelope.to)
            .hint("write larger things to a File, and broadcast its path"));
    }
    String::from_utf8(envelope.body.to_vec()).map_err(|error| {
        StarError::new(ErrorCode::InvalidMessage, "a broadcast is text in UTF-8").at(&envelope.to).because(&error)
    })
}
