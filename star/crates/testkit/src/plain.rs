//! A kind that adds nothing to what every resource does.

use async_trait::async_trait;
use star_core::behaviour::{ActorContext, Behaviours, KindBehaviour, ResourceActor};
use star_core::kind::Kind;
use star_wire::StarError;

/// A kind that adds nothing, for tests of what every resource does.
#[derive(Debug, Clone)]
pub struct Plain;

struct PlainActor;

impl Plain {
    /// Nothing but plain kinds: those that every Star needs, and these.
    pub fn kinds(more: &[Kind]) -> Behaviours {
        let needed = [Kind::Root, Kind::Space, Kind::Base, Kind::Star];
        let all = needed.iter().chain(more).copied();
        all.fold(Behaviours::default(), |behaviours, kind| behaviours.with(kind, Plain))
    }
}

#[async_trait]
impl KindBehaviour for Plain {
    async fn activate(&self, _: &ActorContext) -> Result<Box<dyn ResourceActor>, StarError> {
        Ok(Box::new(PlainActor))
    }
}

#[async_trait]
impl ResourceActor for PlainActor {}
