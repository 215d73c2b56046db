//! Resources that only hold others: Root, Base, Star.

use async_trait::async_trait;
use star_core::behaviour::{ActorContext, KindBehaviour, ResourceActor};
use star_wire::StarError;

/// A kind without a behaviour of its own.
pub(crate) struct Plain;

struct PlainActor;

#[async_trait]
impl KindBehaviour for Plain {
    async fn activate(&self, _: &ActorContext) -> Result<Box<dyn ResourceActor>, StarError> {
        Ok(Box::new(PlainActor))
    }
}

#[async_trait]
impl ResourceActor for PlainActor {}
