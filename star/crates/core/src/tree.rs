//! The actor tree of a Star: its ports, its live actors, and the ways to them.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use arc_swap::ArcSwapOption;
use kameo::actor::ActorRef;
use star_path::ResourcePath;
use star_wire::StarError;
use tokio::sync::{Notify, Semaphore, SetOnce};

use crate::behaviour::{ActorContext, Behaviours, Published};
use crate::cell::Deliver;
use crate::dead_letters::DeadLetters;
use crate::gate::Gate;
use crate::kind::Kind;
use crate::limits;
use crate::mailbox::Mailbox;
use crate::numbers::Numbers;
use crate::once::{self, Register};
use crate::placement::Placement;
use crate::ports::clock::Clock;
use crate::ports::content::ContentStore;
use crate::ports::mechtron::MechtronHost;
use crate::ports::meta::{MetaStore, SHARDS};
use crate::room::Room;
use crate::shard::ShardActor;
use crate::shares::Shares;
use crate::status::Status;
use crate::timer::Deadlines;
use crate::turn::Turns;
use crate::vitals::Stopwatch;
use crate::watch::EventLog;

/// What a tree is made of.
pub struct Ports {
    /// Where records live.
    pub meta: Arc<dyn MetaStore>,
    /// Where bytes live.
    pub content: Arc<dyn ContentStore>,
    /// What runs mechtrons.
    pub mechtrons: Arc<dyn MechtronHost>,
    /// What tells the time.
    pub clock: Arc<dyn Clock>,
    /// Which shards are ours.
    pub placement: Arc<dyn Placement>,
}

/// The actor tree of a Star.
pub struct Tree {
    /// The ports to the world outside of core.
    pub ports: Ports,
    /// The gate in front of it.
    pub gate: Gate,
    /// What happened in it, for those who watch.
    pub log: Arc<EventLog>,
    pub(crate) turns: Arc<Turns>,
    pub(crate) behaviours: Behaviours,
    pub(crate) directory: Directory,
    pub(crate) deadlines: Arc<Deadlines>,
    /// What is under way for those who came in from outside.
    pub(crate) in_flight: Arc<Shares>,
    /// One permit for each message under way that nobody waits for.
    pub(crate) tells: Arc<Semaphore>,
    /// Those messages by Space.
    pub(crate) tells_by_space: Arc<Shares>,
    pub(crate) dead_letters: DeadLetters,
    pub(crate) counters: Counters,
    pub(crate) activated_in: Stopwatch,
    pub(crate) room: Arc<Room>,
    pub(crate) register: Arc<Register>,
    pub(crate) numbers: Numbers,
    /// Told when a tree was removed whose rows are to be taken out.
    pub(crate) unswept: Arc<Notify>,
    shards: Vec<std::sync::OnceLock<ActorRef<ShardActor>>>,
}

/// Numbers of actors for people and metrics; all but the first count since the start.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct ActorCounts {
    /// Actors that are in memory now.
    pub active: u64,
    /// Resources that were brought to life.
    pub activations: u64,
    /// Actors that were put away because they were idle.
    pub passivations: u64,
    /// Handlers that panicked.
    pub panics: u64,
    /// Messages from outside that are under way.
    pub in_flight: u64,
    /// Messages that nobody waited for and that came to nothing.
    pub dead_letters: u64,
    /// Bytes that the actors take, by their own estimate.
    pub memory_bytes: u64,
}

#[derive(Debug, Default)]
pub(crate) struct Counters {
    pub(crate) activations: AtomicU64,
    pub(crate) passivations: AtomicU64,
    pub(crate) panics: AtomicU64,
    pub(crate) dead_letters: AtomicU64,
    /// Messages that found a mailbox full.
    pub(crate) full_mailboxes: AtomicU64,
    /// Resources that are waited for to come to life, now.
    pub(crate) activating: AtomicU64,
    /// Those that were not, because their shard has too many to bring to life.
    pub(crate) refused_activations: AtomicU64,
    /// Uploads that are under way, now.
    pub(crate) open_uploads: AtomicU64,
    /// Those that did not begin, because there were too many.
    pub(crate) refused_uploads: AtomicU64,
}

impl Counters {
    pub(crate) fn count(counter: &AtomicU64) {
        counter.fetch_add(1, Ordering::Relaxed);
    }

    /// One more in a number that says how many there are now, for as long as the guard lives.
    pub(crate) fn one_more(counter: &AtomicU64) -> OneMore<'_> {
        counter.fetch_add(1, Ordering::Relaxed);
        OneMore(counter)
    }
}

/// See [`Counters::one_more`].
pub(crate) struct OneMore<'c>(&'c AtomicU64);

impl Drop for OneMore<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

/// The live actors by path. Reading takes no lock.
///
/// Only paths of resources that exist are listed, so nobody outside chooses keys against the
/// hasher, and a fast one may be used.
pub(crate) type Directory = papaya::HashMap<ResourcePath, Arc<Live>, foldhash::fast::RandomState>;

impl Tree {
    /// A tree without a living actor. Must be called inside a tokio runtime.
    pub fn new(ports: Ports, gate: Gate, behaviours: Behaviours) -> Arc<Tree> {
        Tree::with_actor_memory(ports, gate, behaviours, limits::ACTORS_MEMORY_BYTES)
    }

    /// The same with another limit for the memory that living actors may take.
    pub fn with_actor_memory(ports: Ports, gate: Gate, behaviours: Behaviours, memory_bytes: u64) -> Arc<Tree> {
        let turns = Arc::new(Turns::default());
        let tree = Arc::new(Tree {
            log: EventLog::follow(&ports.meta, &turns),
            turns,
            register: Register::new(&ports.clock),
            ports,
            gate,
            behaviours,
            directory: Directory::default(),
            deadlines: Deadlines::start(),
            in_flight: Shares::of(limits::IN_FLIGHT),
            tells: Arc::new(Semaphore::new(limits::TELLS as usize)),
            tells_by_space: Shares::of(limits::TELLS),
            dead_letters: DeadLetters::default(),
            room: Arc::new(Room::of(memory_bytes)),
            counters: Counters::default(),
            activated_in: Stopwatch::new(
                "activation",
                "bringing a resource to life",
                metrics::histogram!("star_activation_seconds"),
            ),
            numbers: Numbers::default(),
            unswept: Arc::default(),
            shards: (0..SHARDS).map(|_| std::sync::OnceLock::new()).collect(),
        });
        crate::shard::sweep(&tree);
        once::sweep(&tree);
        crate::find::sweep::keep_sweeping(&tree);
        crate::uploads::keep_sweeping(&tree);
        tree
    }

    /// The actor of a shard, started when it is first needed.
    pub(crate) fn shard_of(self: &Arc<Self>, path: &ResourcePath) -> &ActorRef<ShardActor> {
        let shard = crate::keys::shard(path);
        self.shards[usize::from(shard.number())].get_or_init(|| ShardActor::start(self))
    }

    /// The numbers of its actors.
    pub fn actors(&self) -> ActorCounts {
        let read = |count: &AtomicU64| count.load(Ordering::Relaxed);
        ActorCounts {
            active: self.directory.len() as u64,
            activations: read(&self.counters.activations),
            passivations: read(&self.counters.passivations),
            panics: read(&self.counters.panics),
            in_flight: self.in_flight.taken().into(),
            dead_letters: read(&self.counters.dead_letters),
            memory_bytes: self.room.taken_bytes(),
        }
    }

    /// Takes the actors of a resource, and of all below it, out of service.
    pub(crate) fn evict(&self, path: &ResourcePath, with_itself: bool) {
        let directory = self.directory.pin();
        for (other, live) in &directory {
            let evicted = other.is_within(path) && (with_itself || other != path);
            if evicted {
                directory.remove(other);
                live.retire();
            }
        }
    }

    /// Takes a resource out of service because it failed; a change of its properties brings it
    /// back.
    pub async fn take_out_of_service(
        self: &Arc<Self>,
        path: &ResourcePath,
        error: &StarError,
    ) -> Result<(), StarError> {
        let context = ActorContext { tree: Arc::clone(self), path: path.clone() };
        let now_ms = self.ports.clock.now_ms();
        crate::builtin::set_status(&context, Status::panicked(error.code(), error.message().to_owned(), now_ms)).await
    }

    /// Puts a resource back into service.
    pub async fn put_into_service(self: &Arc<Self>, path: &ResourcePath) -> Result<(), StarError> {
        let context = ActorContext { tree: Arc::clone(self), path: path.clone() };
        crate::builtin::set_status(&context, Status::ready(self.ports.clock.now_ms())).await
    }

    /// Stops all actors, after the messages that they have.
    pub async fn shutdown(&self) {
        let told = tokio::time::timeout(limits::TELLS_DRAIN, self.tells.acquire_many(limits::TELLS)).await;
        if told.is_err() {
            tracing::warn!("messages that nobody waits for are still under way; they are cut off");
        }
        let all: Vec<Arc<Live>> = self.directory.pin().values().cloned().collect();
        self.directory.pin().clear();
        for live in &all {
            live.retire();
        }
        for live in all {
            live.ended().await;
        }
        for shard in self.shards.iter().filter_map(std::sync::OnceLock::get) {
            shard.kill();
        }
    }
}

/// A living actor.
pub(crate) struct Live {
    pub(crate) path: ResourcePath,
    pub(crate) kind: Kind,
    pub(crate) mailbox: Arc<Mailbox<Deliver>>,
    published: ArcSwapOption<PublishedBox>,
    begun: SetOnce<()>,
    ended: SetOnce<()>,
    used_at_s: AtomicU64,
    memory_bytes: AtomicU64,
}

struct PublishedBox(Arc<dyn Published>);

impl Live {
    pub(crate) fn new(path: ResourcePath, kind: Kind, mailbox: Arc<Mailbox<Deliver>>, now_s: u64) -> Live {
        let (published, used_at_s) = (ArcSwapOption::empty(), AtomicU64::new(now_s));
        let memory_bytes = AtomicU64::new(limits::ACTOR_BYTES);
        Live { path, kind, mailbox, published, begun: SetOnce::new(), ended: SetOnce::new(), used_at_s, memory_bytes }
    }

    /// Notes how much memory its actor takes.
    pub(crate) fn weighs(&self, bytes: u64) {
        self.memory_bytes.store(bytes, Ordering::Relaxed);
    }

    /// Bytes that it takes, by its own estimate.
    pub(crate) fn memory_bytes(&self) -> u64 {
        self.memory_bytes.load(Ordering::Relaxed)
    }

    /// When it was last used, in the seconds of the wheel.
    pub(crate) fn used_at_s(&self) -> u64 {
        self.used_at_s.load(Ordering::Relaxed)
    }

    /// Notes that the actor has begun, well or not: what it publishes is known from now on.
    pub(crate) fn begin(&self) {
        if self.begun.set(()).is_err() {
            tracing::trace!(path = %self.path, "the actor has begun already");
        }
    }

    /// Whether the actor has begun.
    pub(crate) fn has_begun(&self) -> bool {
        self.begun.initialized()
    }

    /// Waits until the actor has begun.
    pub(crate) async fn begun(&self) {
        self.begun.wait().await;
    }

    /// Notes that the actor has ended.
    pub(crate) fn end(&self) {
        if self.ended.set(()).is_err() {
            tracing::trace!(path = %self.path, "the actor has ended already");
        }
    }

    /// Whether the actor has ended.
    pub(crate) fn has_ended(&self) -> bool {
        self.ended.initialized()
    }

    /// Waits until the actor has ended.
    pub(crate) async fn ended(&self) {
        self.ended.wait().await;
    }

    /// What the actor lets others use beside it.
    pub(crate) fn published(&self) -> Option<Arc<dyn Published>> {
        self.published.load().as_ref().map(|published| Arc::clone(&published.0))
    }

    /// Replaces what the actor lets others use. Storing waits for readers, which costs more than
    /// a whole message, and most messages change nothing that is published.
    pub(crate) fn publish(&self, published: Option<Arc<dyn Published>>) {
        let before = self.published();
        let same = match (&before, &published) {
            (None, None) => true,
            (Some(before), Some(now)) => Arc::ptr_eq(before, now),
            _ => false,
        };
        if same {
            return;
        }
        self.published.store(published.map(|published| Arc::new(PublishedBox(published))));
    }

    /// Notes that it was used; the time is that of the wheel of deadlines, which costs nothing to
    /// look at.
    pub(crate) fn touch(&self, now: u64) {
        // Most calls fall into a second that is noted already; looking is cheaper than writing a
        // cache line that other cores read.
        if self.used_at_s.load(Ordering::Relaxed) != now {
            self.used_at_s.store(now, Ordering::Relaxed);
        }
    }

    /// Lets it finish what it has, and then end. Safe to call from its own handler.
    ///
    /// What it publishes stays: whoever found it in the directory before is answered as it was
    /// then, and not sent to a mailbox that is the wrong way for their message.
    pub(crate) fn retire(&self) {
        self.mailbox.close();
    }
}
