//! One actor per shard: brings resources to life, once, and puts idle ones away.
//!
//! Because a shard does one thing at a time, a resource cannot be brought to life twice. What is
//! slow about that (reading a bundle, compiling a component) happens in the new actor, while the
//! shard goes on.

use std::collections::HashMap;
use std::sync::{Arc, Weak};
use std::time::Duration;

use kameo::Actor;
use kameo::actor::{ActorRef, Spawn};
use kameo::message::{Context, Message};
use star_path::ResourcePath;
use star_wire::{ErrorCode, StarError};

use crate::cell::Seed;
use crate::keys;
use crate::kind::Kind;
use crate::limits;
use crate::mailbox;
use crate::placement::Owner;
use crate::record::Resource;
use crate::stored;
use crate::tree::{Counters, Live, Tree};

/// The actor of a shard.
pub(crate) struct ShardActor {
    tree: Weak<Tree>,
    /// Actors that are ending: a new one for the same path waits for them.
    ending: HashMap<ResourcePath, Arc<Live>>,
}

impl ShardActor {
    pub(crate) fn start(tree: &Arc<Tree>) -> ActorRef<ShardActor> {
        let shard = ShardActor { tree: Arc::downgrade(tree), ending: HashMap::new() };
        ShardActor::spawn_with_mailbox(shard, kameo::mailbox::bounded(limits::SHARD_MAILBOX))
    }
}

impl Actor for ShardActor {
    type Args = ShardActor;
    type Error = std::convert::Infallible;

    async fn on_start(shard: ShardActor, _: ActorRef<ShardActor>) -> Result<ShardActor, Self::Error> {
        Ok(shard)
    }
}

/// Asks for the living actor that answers for a path.
pub(crate) struct Activate(pub(crate) ResourcePath);

/// The answer to [`Activate`]. Wrapped, because an actor of kameo that answers a bare `Err` to a
/// message nobody waits for would stop.
#[derive(kameo::Reply)]
pub(crate) struct Activated(pub(crate) Result<Arc<Live>, StarError>);

impl Message<Activate> for ShardActor {
    type Reply = Activated;

    async fn handle(&mut self, Activate(path): Activate, _: &mut Context<Self, Activated>) -> Activated {
        let Some(tree) = self.tree.upgrade() else {
            return Activated(Err(StarError::new(ErrorCode::Unavailable, "the Star is shutting down")));
        };
        Activated(self.activate(&tree, &path).await)
    }
}

impl ShardActor {
    async fn activate(&mut self, tree: &Arc<Tree>, path: &ResourcePath) -> Result<Arc<Live>, StarError> {
        let Owner::Here { .. } = tree.ports.placement.owner(keys::shard(path));
        let resource = who_answers(tree, path).await?;
        if let Some(live) = tree.directory.pin().get(&resource.path) {
            return Ok(Arc::clone(live));
        }
        if tree.room.is_exhausted() {
            return Err(StarError::new(ErrorCode::Busy, format!("there is no memory to bring {path} to life"))
                .at(path)
                .retry_after(limits::ROOM_RETRY));
        }
        if let Some(former) = self.ending.remove(&resource.path) {
            former.ended().await;
        }
        let live = spawn(tree, &resource);
        // It may have been removed between reading its record and listing its actor; whoever
        // removes a resource first commits and then evicts, so looking once more is enough.
        match stored::load(&tree.ports.meta, &resource.path).await {
            Ok(Some(still)) if still.created == resource.created => Ok(live),
            gone => {
                tree.evict(&resource.path, true);
                gone.and(Err(StarError::not_found(path)))
            }
        }
    }
}

/// The resource whose actor answers for a path: itself, or the series if the path may be a tag.
async fn who_answers(tree: &Tree, path: &ResourcePath) -> Result<Resource, StarError> {
    if let Some(resource) = stored::load(&tree.ports.meta, path).await? {
        return Ok(resource);
    }
    let parent = path.parent().ok_or_else(|| StarError::not_found(path))?;
    match stored::load(&tree.ports.meta, &parent).await? {
        Some(series) if series.record.kind == Kind::ArtifactBundleSeries => Ok(series),
        _ => Err(StarError::not_found(path)),
    }
}

fn spawn(tree: &Arc<Tree>, resource: &Resource) -> Arc<Live> {
    let (mailbox, inbox) = mailbox::bounded(limits::MAILBOX);
    let now_s = tree.deadlines.uptime_s();
    let live = Arc::new(Live::new(resource.path.clone(), resource.record.kind, mailbox, now_s));
    tree.directory.pin().insert(resource.path.clone(), Arc::clone(&live));
    Counters::count(&tree.counters.activations);
    Seed { tree: Arc::clone(tree), live: Arc::clone(&live), place: tree.room.take(), inbox }.spawn();
    metrics::gauge!("star_actors_live").set(tree.directory.len() as f64);
    live
}

/// Tells a shard to put an actor away, unless it was used since this second.
struct Passivate {
    live: Arc<Live>,
    unless_used_after_s: u64,
}

impl Message<Passivate> for ShardActor {
    type Reply = ();

    async fn handle(&mut self, passivate: Passivate, _: &mut Context<Self, ()>) {
        self.ending.retain(|_, live| !live.has_ended());
        let Some(tree) = self.tree.upgrade() else { return };
        let Passivate { live, unless_used_after_s } = passivate;
        let listed = tree.directory.pin().get(&live.path).is_some_and(|listed| Arc::ptr_eq(listed, &live));
        if listed && live.used_at_s() <= unless_used_after_s {
            tree.directory.pin().remove(&live.path);
            Counters::count(&tree.counters.passivations);
            live.retire();
            self.ending.insert(live.path.clone(), live);
        }
    }
}

/// Puts actors away that are idle, now and then, and those that were not used for longest when
/// memory is short; as long as the tree lives.
pub(crate) fn sweep(tree: &Arc<Tree>) {
    let room = Arc::clone(&tree.room);
    let tree = Arc::downgrade(tree);
    tokio::spawn(async move {
        loop {
            let scarce = tokio::time::timeout(limits::SWEEP, room.scarce()).await.is_ok();
            let Some(tree) = tree.upgrade() else { return };
            if scarce {
                put_away_for_room(&tree).await;
                // What was told to end needs a moment to do so before the room can be judged anew.
                drop(tree);
                tokio::time::sleep(limits::ROOM_RETRY).await;
            } else {
                put_idle_away(&tree, limits::IDLE).await;
            }
        }
    });
}

async fn put_idle_away(tree: &Arc<Tree>, idle: Duration) {
    let now_s = tree.deadlines.uptime_s();
    let Some(idle_since_s) = now_s.checked_sub(idle.as_secs()) else { return };
    let is_idle = |live: &&Arc<Live>| live.used_at_s() <= idle_since_s;
    let idle: Vec<Arc<Live>> = tree.directory.pin().values().filter(is_idle).cloned().collect();
    put_away(tree, idle).await;
}

async fn put_away_for_room(tree: &Arc<Tree>) {
    let mut excess = tree.room.excess_bytes();
    let mut all: Vec<Arc<Live>> = tree.directory.pin().values().cloned().collect();
    all.sort_unstable_by_key(|live| live.used_at_s());
    let mut longest_unused = Vec::new();
    for live in all {
        if excess == 0 {
            break;
        }
        excess = excess.saturating_sub(live.memory_bytes());
        longest_unused.push(live);
    }
    tracing::debug!(actors = longest_unused.len(), "memory is short; those not used for longest are put away");
    put_away(tree, longest_unused).await;
}

/// Asks the shards to put actors away, unless they are used again before that.
async fn put_away(tree: &Arc<Tree>, actors: Vec<Arc<Live>>) {
    for live in actors {
        let shard = tree.shard_of(&live.path);
        let unless_used_after_s = live.used_at_s();
        if shard.tell(Passivate { live, unless_used_after_s }).await.is_err() {
            return;
        }
    }
    metrics::gauge!("star_actors_live").set(tree.directory.len() as f64);
}
