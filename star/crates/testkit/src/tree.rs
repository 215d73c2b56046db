//! A tree on fakes, with the resources that every installation has.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use async_trait::async_trait;
use star_core::behaviour::Behaviours;
use star_core::bootstrap;
use star_core::command::{Changed, Command, Create, Strategy};
use star_core::gate::{Authority, Gate};
use star_core::kind::Kind;
use star_core::limits;
use star_core::placement::SingleStar;
use star_core::ports::clock::{Clock, UnixMillis};
use star_core::ports::content::ContentRef;
use star_core::ports::mechtron::{CodeSource, HostStatus, LoadedMechtron, MechtronHost, MechtronSpec};
use star_core::ports::meta::MetaStore;
use star_core::tree::{Ports, Tree};
use star_path::ResourcePath;
use star_wire::{Envelope, ErrorCode, Reply, StarError};

use crate::{MemoryContent, MemoryMeta};

/// The key that the gate of a [`TestTree`] knows.
const ADMIN_KEY: &str = "star_test";

/// A clock that moves only when it is told to.
#[derive(Debug, Default)]
pub struct FixedClock(AtomicU64);

impl FixedClock {
    /// Moves the clock forward.
    pub fn advance_ms(&self, ms: u64) {
        self.0.fetch_add(ms, Ordering::SeqCst);
    }

    /// Sets the clock, also back, as clocks of real machines are.
    pub fn set_ms(&self, ms: u64) {
        self.0.store(ms, Ordering::SeqCst);
    }
}

impl Clock for FixedClock {
    fn now_ms(&self) -> UnixMillis {
        self.0.load(Ordering::SeqCst)
    }
}

/// A host that can run nothing.
#[derive(Debug, Clone, Copy)]
pub struct NoMechtrons;

#[async_trait]
impl MechtronHost for NoMechtrons {
    async fn load(
        &self,
        _: &ContentRef,
        _: &dyn CodeSource,
        spec: MechtronSpec,
    ) -> Result<Arc<dyn LoadedMechtron>, StarError> {
        Err(StarError::new(ErrorCode::InvalidComponent, "this host runs no mechtrons").at(&spec.path))
    }

    fn status(&self) -> HostStatus {
        HostStatus::default()
    }
}

/// A tree with everything around it within reach.
pub struct TestTree {
    /// The tree.
    pub tree: Arc<Tree>,
    /// Its metadata store.
    pub meta: Arc<MemoryMeta>,
    /// Its content store.
    pub content: Arc<MemoryContent>,
    /// Its clock.
    pub clock: Arc<FixedClock>,
    /// Who holds the admin key.
    pub admin: Arc<Authority>,
}

impl TestTree {
    /// A tree that is set up and otherwise empty.
    pub async fn start(behaviours: Behaviours) -> TestTree {
        TestTree::with_mechtrons(behaviours, Arc::new(NoMechtrons)).await
    }

    /// The same with a host of mechtrons.
    pub async fn with_mechtrons(behaviours: Behaviours, mechtrons: Arc<dyn MechtronHost>) -> TestTree {
        TestTree::begin(behaviours, mechtrons, limits::ACTORS_MEMORY_BYTES).await
    }

    /// The same with this much memory for living actors.
    pub async fn with_actor_memory(behaviours: Behaviours, memory_bytes: u64) -> TestTree {
        TestTree::begin(behaviours, Arc::new(NoMechtrons), memory_bytes).await
    }

    async fn begin(behaviours: Behaviours, mechtrons: Arc<dyn MechtronHost>, memory_bytes: u64) -> TestTree {
        let (meta, content, clock) = (MemoryMeta::new(), MemoryContent::new(), Arc::new(FixedClock::default()));
        let store: Arc<dyn MetaStore> = meta.clone();
        bootstrap::ensure(&store, clock.as_ref(), "test", BTreeMap::new()).await.expect("an empty store takes them");
        TestTree::on(meta, content, clock, behaviours, (mechtrons, memory_bytes))
    }

    /// Another tree on the same store, as after a restart: it remembers what is stored.
    #[must_use]
    pub fn again(&self, behaviours: Behaviours) -> TestTree {
        let (meta, content, clock) = (self.meta.clone(), self.content.clone(), self.clock.clone());
        TestTree::on(meta, content, clock, behaviours, (Arc::new(NoMechtrons), limits::ACTORS_MEMORY_BYTES))
    }

    fn on(
        meta: Arc<MemoryMeta>,
        content: Arc<MemoryContent>,
        clock: Arc<FixedClock>,
        behaviours: Behaviours,
        (mechtrons, memory_bytes): (Arc<dyn MechtronHost>, u64),
    ) -> TestTree {
        let store: Arc<dyn MetaStore> = meta.clone();
        let gate = Gate::new(Arc::clone(&store), bootstrap::admin(), ADMIN_KEY);
        let ports = Ports {
            meta: store,
            content: content.clone(),
            mechtrons,
            clock: clock.clone(),
            placement: Arc::new(SingleStar),
        };
        let admin = gate.authenticate(Some(ADMIN_KEY)).expect("the key is the one that the gate knows");
        let tree = Tree::with_actor_memory(ports, gate, behaviours, memory_bytes);
        TestTree { tree, meta, content, clock, admin }
    }

    /// Makes a resource as admin.
    pub async fn create(&self, kind: Kind, path: &ResourcePath) -> Result<Changed, StarError> {
        let create = Create {
            path: path.clone(),
            kind,
            properties: BTreeMap::new(),
            labels: BTreeMap::new(),
            owner: None,
            strategy: Strategy::Create,
        };
        self.tree.create(&self.admin, create).await
    }

    /// Sends a command as admin.
    pub async fn send<C: Command>(&self, to: &ResourcePath, command: &C) -> Result<C::Answer, StarError> {
        C::answer(&self.ask(command.envelope(to)?).await?)
    }

    /// Asks as admin.
    pub async fn ask(&self, envelope: Envelope) -> Result<Reply, StarError> {
        let permit = self.tree.gate.admit(&self.admin, envelope).await?;
        self.tree.ask(permit).await
    }
}

/// A path that is known to be one.
///
/// # Panics
/// When it is none.
pub fn path(text: &str) -> ResourcePath {
    ResourcePath::parse(text).unwrap_or_else(|error| panic!("{text}: {error}"))
}
