//! A Mechtron: a component bound to a path, inside the contract of its bind.
//!
//! [`plan`] reads what a mechtron is made of, [`contract`] holds what its bind promises, and this
//! module is the actor that brings both together and publishes what can be called.

mod contract;
mod front;
pub(crate) mod plan;

use std::collections::BTreeMap;
use std::sync::Arc;

use async_trait::async_trait;
use star_core::behaviour::{ActorContext, CreatePlan, KindBehaviour, Published, ResourceActor, SetPlan, unsupported};
use star_core::command::{Create, Set};
use star_core::gate::{Authority, Permit};
use star_core::record::Resource;
use star_core::stored;
use star_core::tree::Tree;
use star_path::ResourcePath;
use star_wire::{ErrorCode, Reply, StarError};

use front::Front;
use plan::{Place, Plan};

/// The kind Mechtron.
pub(crate) struct MechtronKind;

struct MechtronActor {
    front: Arc<Front>,
}

#[async_trait]
impl KindBehaviour for MechtronKind {
    async fn prepare(
        &self,
        tree: &Arc<Tree>,
        authority: &Arc<Authority>,
        create: &Create,
    ) -> Result<CreatePlan, StarError> {
        let from = create.properties.iter().find(|(key, _)| key.as_str() == "from").map(|(_, from)| from);
        let from = from.ok_or_else(|| {
            StarError::new(ErrorCode::InvalidArgument, format!("what {} is made from is missing", create.path))
                .at(&create.path)
                .hint(format!("star create Mechtron {} --from BUNDLE:/mechtron.yaml", create.path))
        })?;
        let plan = Plan::read(tree, authority, Place::At(&create.path), &ResourcePath::parse(from)?).await?;
        plan.load(tree, authority).await?;
        let properties = plan.record(tree.ports.clock.now_ms()).properties;
        Ok(CreatePlan { properties, ..CreatePlan::default() })
    }

    async fn activate(&self, context: &ActorContext) -> Result<Box<dyn ResourceActor>, StarError> {
        Ok(Box::new(MechtronActor { front: front(context).await? }))
    }
}

async fn front(context: &ActorContext) -> Result<Arc<Front>, StarError> {
    let resource = stored::require(&context.tree.ports.meta, &context.path).await?;
    let missing = || {
        StarError::new(ErrorCode::Corrupt, format!("{} does not say what it is made from", context.path))
            .at(&context.path)
    };
    let from = ResourcePath::parse(resource.record.property("from").ok_or_else(missing)?)?;
    // Whoever made it was allowed to read what it is made of.
    let plan = Plan::read(&context.tree, &Authority::system(), Place::At(&context.path), &from).await?;
    let loaded = plan.load(&context.tree, &Authority::system()).await?;
    Ok(Arc::new(Front::new(&context.tree, plan, loaded)))
}

#[async_trait]
impl ResourceActor for MechtronActor {
    async fn handle(&mut self, _: &ActorContext, permit: &Permit) -> Result<Reply, StarError> {
        Err(unsupported(permit))
    }

    async fn check_set(
        &mut self,
        context: &ActorContext,
        permit: &Permit,
        target: &Resource,
        set: &Set,
    ) -> Result<SetPlan, StarError> {
        let Some((_, from)) = set.properties.iter().find(|(key, _)| key.as_str() == "from") else {
            return Ok(SetPlan::default());
        };
        let plan =
            Plan::read(&context.tree, permit.authority(), Place::At(&target.path), &ResourcePath::parse(from)?).await?;
        plan.load(&context.tree, permit.authority()).await?;
        Ok(SetPlan { properties: plan.record(0).properties, ..SetPlan::default() })
    }

    async fn facts(&mut self, _: &ActorContext, _: &Resource) -> Result<BTreeMap<String, String>, StarError> {
        Ok(self.front.facts())
    }

    /// A change of properties also brings back what was taken out of service by `on_limit: panic`.
    async fn changed(&mut self, context: &ActorContext) -> Result<(), StarError> {
        self.front = front(context).await?;
        context.tree.put_into_service(&context.path).await
    }

    fn published(&self) -> Option<Arc<dyn Published>> {
        Some(Arc::clone(&self.front) as Arc<dyn Published>)
    }
}
