//! The real actor tree inside this process, on ports in memory but for the store that a scenario
//! chooses; its resources hold others and answer `echo` and `work`.

use std::collections::BTreeMap;
use std::sync::Arc;

use async_trait::async_trait;
use star_core::behaviour::{ActorContext, Behaviours, KindBehaviour, ResourceActor, unsupported};
use star_core::bootstrap;
use star_core::command::{Create, Strategy};
use star_core::gate::{Authority, Gate, Permit};
use star_core::kind::Kind;
use star_core::placement::SingleStar;
use star_core::ports::clock::SystemClock;
use star_core::ports::meta::MetaStore;
use star_core::tree::{Ports, Tree};
use star_path::ResourcePath;
use star_testkit::{MemoryContent, NoMechtrons};
use star_wire::{Reply, StarError};

use crate::failure::Failure;

/// The first resource of [`BenchTree::grow`].
pub(crate) const RESOURCE: &str = "bench:r0";

/// The one of another Space, beside all of those.
pub(crate) const BESIDE: &str = "beside:r0";

/// How many there are of the first Space.
pub(crate) const RESOURCES: usize = 64;

/// The method that resources of this tree answer with what came in.
pub(crate) const ECHO: &str = "echo";

/// The method that takes some work of the processor and answers nothing: the body says how many
/// times [`WORK_STEPS`], once where it is empty.
pub(crate) const WORK: &str = "work";

/// Steps of that work: a quarter of a millisecond, a hundred times what a message takes, so that
/// sending four times as many as can be handled takes little from handling them.
const WORK_STEPS: u64 = 400_000;

/// The type of the bodies that go to and fro.
pub(crate) const CONTENT_TYPE: &str = "application/json";

/// The key that the gate knows; it opens nothing but this tree.
pub(crate) const KEY: &str = "star_bench";

/// A tree, and who may do everything in it.
pub(crate) struct BenchTree {
    /// The tree.
    pub(crate) tree: Arc<Tree>,
    /// Who holds the admin key.
    pub(crate) admin: Arc<Authority>,
}

impl BenchTree {
    /// A tree with what every installation has.
    pub(crate) async fn on(meta: Arc<dyn MetaStore>) -> Result<BenchTree, Failure> {
        bootstrap::ensure(&meta, &SystemClock, "bench", BTreeMap::new()).await.map_err(refused)?;
        let gate = Gate::new(Arc::clone(&meta), bootstrap::admin(), KEY);
        let admin = gate.authenticate(Some(KEY)).map_err(refused)?;
        let ports = Ports {
            meta,
            content: MemoryContent::new(),
            mechtrons: Arc::new(NoMechtrons),
            clock: Arc::new(SystemClock),
            placement: Arc::new(SingleStar),
        };
        let behaviours = [Kind::Root, Kind::Space, Kind::Base]
            .into_iter()
            .fold(Behaviours::default(), |behaviours, kind| behaviours.with(kind, Echo));
        Ok(BenchTree { tree: Tree::new(ports, gate, behaviours), admin })
    }

    /// Makes resources that echo and work: [`RESOURCES`] of one Space and one of another.
    pub(crate) async fn grow(&self) -> Result<(), Failure> {
        for space in ["bench", "beside"] {
            self.create(Kind::Space, path(space)).await?;
        }
        for number in 0..RESOURCES {
            self.create(Kind::Base, path(&resource(number))).await?;
        }
        self.create(Kind::Base, path(BESIDE)).await
    }

    /// Makes a resource that is not there yet.
    pub(crate) async fn create(&self, kind: Kind, path: ResourcePath) -> Result<(), Failure> {
        let create = Create {
            path,
            kind,
            properties: BTreeMap::new(),
            labels: BTreeMap::new(),
            owner: None,
            strategy: Strategy::Create,
        };
        self.tree.create(&self.admin, create).await.map(drop).map_err(refused)
    }
}

/// A resource of the first Space.
pub(crate) fn resource(number: usize) -> String {
    format!("bench:r{number}")
}

/// A path that is made of constants and numbers.
pub(crate) fn path(text: &str) -> ResourcePath {
    ResourcePath::parse(text).expect("constants and numbers make a path")
}

/// An error of the tree, which nothing that is measured may give.
pub(crate) fn refused(error: StarError) -> Failure {
    Failure::wrong("the tree", error)
}

struct Echo;

#[async_trait]
impl KindBehaviour for Echo {
    async fn activate(&self, _: &ActorContext) -> Result<Box<dyn ResourceActor>, StarError> {
        Ok(Box::new(Echo))
    }
}

#[async_trait]
impl ResourceActor for Echo {
    async fn handle(&mut self, _: &ActorContext, permit: &Permit) -> Result<Reply, StarError> {
        let envelope = permit.envelope();
        match envelope.method.as_str() {
            ECHO => Ok(Reply::new(CONTENT_TYPE, envelope.body.clone())),
            WORK => {
                let times = std::str::from_utf8(&envelope.body).ok().and_then(|times| times.parse().ok());
                for _ in 0..times.unwrap_or(1) {
                    work();
                    // As a mechtron does, which lets others have their turn.
                    tokio::task::yield_now().await;
                }
                Ok(Reply::empty())
            }
            _ => Err(unsupported(permit)),
        }
    }
}

/// Steps that the compiler cannot leave out, each of which needs the one before.
fn work() {
    let mut state = std::hint::black_box(1u64);
    for step in 0..WORK_STEPS {
        state = std::hint::black_box(state.rotate_left(5) ^ step);
    }
}
