//! What a kind adds to the way that all resources go: the traits that `kinds` implements.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use async_trait::async_trait;
use star_path::ResourcePath;
use star_wire::{ErrorCode, Reply, StarError};

use crate::command::{Create, Opened, Set};
use crate::gate::{Authority, Permit};
use crate::kind::Kind;
use crate::ports::mechtron::{WebRequest, WebResponse};
use crate::record::{Record, Resource};
use crate::tree::Tree;

/// Where an actor finds itself.
#[derive(Clone)]
pub struct ActorContext {
    /// Everything around it.
    pub tree: Arc<Tree>,
    /// The resource that it answers for.
    pub path: ResourcePath,
}

/// A kind: how its resources are prepared, and what acts for them.
#[async_trait]
pub trait KindBehaviour: Send + Sync + 'static {
    /// What is to be made when a resource of this kind is created. Runs before the parent's actor
    /// is asked, so that it may take its time; nothing is changed when it fails.
    async fn prepare(
        &self,
        tree: &Arc<Tree>,
        authority: &Arc<Authority>,
        create: &Create,
    ) -> Result<CreatePlan, StarError> {
        let _ = (tree, authority, create);
        Ok(CreatePlan::default())
    }

    /// Brings a resource to life.
    async fn activate(&self, context: &ActorContext) -> Result<Box<dyn ResourceActor>, StarError>;
}

/// What creating a resource makes besides its record.
#[derive(Debug, Default)]
pub struct CreatePlan {
    /// Properties that Starlane sets on the resource itself.
    pub properties: BTreeMap<star_path::PropertyKey, String>,
    /// Further resources, in the order in which they are made.
    pub also: Vec<(ResourcePath, Record)>,
    /// What the creator should know.
    pub warnings: Vec<String>,
}

/// What setting properties brings with it.
#[derive(Debug, Default)]
pub struct SetPlan {
    /// Records of other resources that change in the same moment; they exist already or not.
    pub also: Vec<(ResourcePath, Record)>,
    /// Read-only properties of the resource itself that change with it.
    pub properties: BTreeMap<star_path::PropertyKey, String>,
    /// What the setter should know.
    pub warnings: Vec<String>,
}

/// What acts for a resource: one message after the other.
///
/// The messages that all resources understand (info, create, set, delete) are answered around it;
/// it is asked where its kind has a say.
#[async_trait]
pub trait ResourceActor: Send + Sync + 'static {
    /// Answers a message that is the kind's own.
    async fn handle(&mut self, context: &ActorContext, permit: &Permit) -> Result<Reply, StarError> {
        let _ = context;
        Err(unsupported(permit))
    }

    /// Has a say in a change of properties, of itself or of a resource that it answers for.
    async fn check_set(
        &mut self,
        context: &ActorContext,
        permit: &Permit,
        target: &Resource,
        set: &Set,
    ) -> Result<SetPlan, StarError> {
        let _ = (context, permit, target, set);
        Ok(SetPlan::default())
    }

    /// Adds what only it knows to what is told about a resource.
    async fn facts(
        &mut self,
        context: &ActorContext,
        target: &Resource,
    ) -> Result<BTreeMap<String, String>, StarError> {
        let _ = (context, target);
        Ok(BTreeMap::new())
    }

    /// Looks again after its own record, or something below it, was changed.
    async fn changed(&mut self, context: &ActorContext) -> Result<(), StarError> {
        let _ = context;
        Ok(())
    }

    /// Bytes of memory that it takes besides what every actor takes, so that it is put away in time
    /// when memory is short. Asked after every message.
    fn memory_bytes(&self) -> u64 {
        0
    }

    /// What may be used beside it, without waiting for its turn. Asked after every message.
    fn published(&self) -> Option<Arc<dyn Published>> {
        None
    }
}

/// What an actor lets others use without passing its mailbox: reads that need no order, and calls
/// that share nothing.
#[async_trait]
pub trait Published: Send + Sync + 'static {
    /// The resource meant by a path that is not the path of one: a tag, a requirement, a digest.
    fn resolve(&self, to: &ResourcePath) -> Option<Result<ResourcePath, StarError>> {
        let _ = to;
        None
    }

    /// The content behind a path; `None` when the actor itself has to be asked.
    async fn open(&self, to: &ResourcePath) -> Option<Result<Opened, StarError>> {
        let _ = to;
        None
    }

    /// The Artifacts below a path, in order; `None` where there are no such resources.
    fn list(&self, below: &ResourcePath) -> Option<Vec<Opened>> {
        let _ = below;
        None
    }

    /// The answer to a message; `None` when the actor itself has to be asked.
    async fn ask(&self, permit: &Permit) -> Option<Result<Reply, StarError>> {
        let _ = permit;
        None
    }

    /// The answer to a message that writes what is small and many below the actor, where conditions of
    /// the batch are all that keeps it right; `None` when the actor itself has to be asked.
    async fn write(&self, context: &ActorContext, permit: &Permit) -> Option<Result<Reply, StarError>> {
        let _ = (context, permit);
        None
    }

    /// The answer to a web request.
    async fn web(&self, permit: &Permit, request: WebRequest) -> Result<WebResponse, StarError> {
        let _ = request;
        Err(unsupported(permit))
    }
}

/// The error for a message that nobody at this resource understands.
pub fn unsupported(permit: &Permit) -> StarError {
    let envelope = permit.envelope();
    StarError::new(ErrorCode::UnsupportedMethod, format!("{} does not understand `{}`", envelope.to, envelope.method))
        .at(&envelope.to)
}

/// The behaviours of all kinds.
#[derive(Default)]
pub struct Behaviours(HashMap<Kind, Arc<dyn KindBehaviour>>);

impl Behaviours {
    /// With the behaviour of one more kind.
    #[must_use]
    pub fn with(mut self, kind: Kind, behaviour: impl KindBehaviour) -> Behaviours {
        self.0.insert(kind, Arc::new(behaviour));
        self
    }

    /// The behaviour of a kind.
    pub fn of(&self, kind: Kind) -> Result<&Arc<dyn KindBehaviour>, StarError> {
        self.0
            .get(&kind)
            .ok_or_else(|| StarError::new(ErrorCode::Internal, format!("nothing acts for resources of kind {kind}")))
    }
}
