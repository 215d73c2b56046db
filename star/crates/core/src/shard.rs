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

use crate::cell::{Cell, Seed};
use crate::keys;
use crate::kind::Kind;
use crate::limits;
use crate::placement::Owner;
use crate::record::Resource;
use crate::stored;
use crate::tree::{Counters, Live, Tree};

/// The actor of a shard.
pub(crate) struct ShardActor {
    tree: Weak<Tree>,
    /// Actors that are ending: a new one for the same path waits for them.
    ending: HashMap<ResourcePath, ActorRef<Cell>>,
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
        if let Some(former) = self.ending.remove(&resource.path) {
            former.wait_for_shutdown().await;
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
    let prepared = Cell::prepare_with_mailbox(kameo::mailbox::bounded(limits::MAILBOX));
    let now_s = tree.deadlines.uptime_s();
    let live = Arc::new(Live::new(resource.path.clone(), resource.record.kind, prepared.actor_ref().clone(), now_s));
    tree.directory.pin().insert(resource.path.clone(), Arc::clone(&live));
    Counters::count(&tree.counters.activations);
    prepared.spawn(Seed { tree: Arc::clone(tree), live: Arc::clone(&live) });
    metrics::gauge!("star_actors_live").set(tree.directory.len() as f64);
    live
}

/// Tells a shard to put an idle actor away.
struct Passivate(Arc<Live>);

impl Message<Passivate> for ShardActor {
    type Reply = ();

    async fn handle(&mut self, Passivate(live): Passivate, _: &mut Context<Self, ()>) {
        self.ending.retain(|_, actor| actor.is_alive());
        let Some(tree) = self.tree.upgrade() else { return };
        let still_idle = live.idle_s(tree.deadlines.uptime_s()) >= limits::IDLE.as_secs();
        if still_idle {
            tree.directory.pin().remove(&live.path);
            Counters::count(&tree.counters.passivations);
            self.ending.insert(live.path.clone(), live.actor.clone());
            live.retire();
        }
    }
}

/// Looks for idle actors now and then, as long as the tree lives.
pub(crate) fn sweep(tree: &Arc<Tree>) {
    let tree = Arc::downgrade(tree);
    tokio::spawn(async move {
        loop {
            tokio::time::sleep(limits::SWEEP).await;
            let Some(tree) = tree.upgrade() else { return };
            put_idle_away(&tree, limits::IDLE).await;
        }
    });
}

async fn put_idle_away(tree: &Arc<Tree>, idle: Duration) {
    let now_s = tree.deadlines.uptime_s();
    let is_idle = |live: &&Arc<Live>| live.idle_s(now_s) >= idle.as_secs();
    let idle: Vec<Arc<Live>> = tree.directory.pin().values().filter(is_idle).cloned().collect();
    for live in idle {
        let shard = tree.shard_of(&live.path);
        if shard.tell(Passivate(live)).await.is_err() {
            return;
        }
    }
    metrics::gauge!("star_actors_live").set(tree.directory.len() as f64);
}
