//! The sites of all hosts, as they stand at the end of the log.
//!
//! A site is read once and kept until an event concerns it; a request looks only whether the log
//! has moved on. If it has, the request waits until the follower has read that far, so that
//! whoever was told that a tag moved is served by the new version from the next request on.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use quick_cache::sync::Cache;
use star_core::command::{Command, Open};
use star_core::event::{Event, EventType};
use star_core::gate::Authority;
use star_core::kind::Kind;
use star_core::ports::meta::Position;
use star_core::stored::Change;
use star_core::tree::Tree;
use star_core::vitals::{Luck, Vitals};
use star_core::watch::{Filter, WatchItem, Watcher};
use star_path::{Digest, ResourcePath};
use star_wire::{ErrorCode, StarError};
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio_util::task::AbortOnDropHandle;

use super::recent::Recent;
use super::routes::Routes;
use super::site::{Loaded, Routing, Site};
use crate::limits;

/// The sites of all hosts.
pub(super) struct Sites {
    shared: Arc<Shared>,
    /// The end of the log.
    head: watch::Receiver<Position>,
    /// How far the follower has read.
    followed: watch::Receiver<Position>,
    _follower: AbortOnDropHandle<()>,
    /// Whether sites were in memory when they were asked for.
    known: Luck,
    /// Whether the paths of requests were remembered by their routes.
    pub(super) paths: Luck,
}

struct Shared {
    tree: Arc<Tree>,
    cache: Cache<Box<str>, Arc<Site>>,
    recent: Mutex<Recent>,
    /// The last good routes of each Space, for when what follows cannot be read.
    former: Mutex<HashMap<ResourcePath, Arc<Routes>>>,
    /// The content of the routes that were last told to be rejected.
    told: Mutex<HashMap<ResourcePath, Digest>>,
}

impl Sites {
    /// Begins to follow the log. Must be called inside a tokio runtime.
    pub(super) fn start(tree: &Arc<Tree>) -> Sites {
        let watcher = Watcher::from_now(&tree.log, Filter::everything().only(can_matter));
        let (follower, followed) = watch::channel(watcher.position());
        let shared = Arc::new(Shared {
            tree: Arc::clone(tree),
            cache: Cache::new(limits::SITES),
            recent: Mutex::new(Recent::after(watcher.position())),
            former: Mutex::default(),
            told: Mutex::default(),
        });
        let follow = follow(Arc::clone(&shared), watcher, follower);
        Sites {
            shared,
            head: tree.ports.meta.head(),
            followed,
            _follower: AbortOnDropHandle::new(tokio::spawn(follow)),
            known: Luck::default(),
            paths: Luck::default(),
        }
    }

    /// The site of a Space, which may not exist.
    ///
    /// # Errors
    /// For faults that may pass, such as a disk that does not answer.
    pub(super) async fn of(&self, space: &str) -> Result<Arc<Site>, StarError> {
        if self.caught_up().await
            && let Some(site) = self.shared.cache.get(space)
        {
            self.known.note(true);
            return Ok(site);
        }
        self.known.note(false);
        let read_at = *self.followed.borrow();
        self.shared.load(space, read_at).await
    }

    /// What the sites say of themselves.
    pub(super) fn vitals(&self) -> Vitals {
        let cache = &self.shared.cache;
        let paths = cache.iter().map(|(_, site)| match &site.routing {
            Routing::Ready(routes) => routes.remembers(),
            _ => 0,
        });
        let caches = vec![
            self.known.of_cache("sites", "the routes of Spaces, read and checked", cache.len(), None),
            self.paths.of_cache("web_paths", "where the routes of a Space lead a path", paths.sum(), None),
        ];
        Vitals { caches, ..Vitals::default() }
    }

    /// Waits until the follower has read the log up to now; not for ever.
    async fn caught_up(&self) -> bool {
        let head = *self.head.borrow();
        if *self.followed.borrow() >= head {
            return true;
        }
        let mut followed = self.followed.clone();
        let read = followed.wait_for(|position| *position >= head);
        matches!(tokio::time::timeout(limits::SITE_WAIT, read).await, Ok(Ok(_)))
    }
}

async fn follow(shared: Arc<Shared>, mut watcher: Watcher, follower: watch::Sender<Position>) {
    let mut reading = JoinSet::new();
    loop {
        match watcher.moved().await {
            Ok(items) => {
                let position = watcher.position();
                let changed = shared.apply(items);
                follower.send_replace(position);
                // Routes are read again before anybody asks for them, so that a mistake in them is
                // known at once.
                for space in changed {
                    let shared = Arc::clone(&shared);
                    reading.spawn(async move { shared.read_again(&space, position).await });
                }
                while reading.try_join_next().is_some() {}
            }
            Err(error) => {
                tracing::warn!(%error, "the web router cannot follow the log; routes are read for each request");
                tokio::time::sleep(limits::SITE_REST).await;
            }
        }
    }
}

impl Shared {
    /// Forgets the sites that events concern; answers the Spaces whose routes may be others now.
    fn apply(&self, items: Vec<WatchItem>) -> Vec<ResourcePath> {
        let mut recent = self.recent.lock().unwrap_or_else(PoisonError::into_inner);
        let mut changed = Vec::new();
        let mut events = Vec::new();
        for item in items {
            match item {
                WatchItem::Event(_, happened) => events.push(happened),
                WatchItem::Gap { to, .. } => {
                    recent.gap(to);
                    self.cache.clear();
                }
                WatchItem::Progress(_) => {}
            }
        }
        if events.is_empty() {
            return changed;
        }
        let concerned = |site: &Site| events.iter().any(|happened| site.concerned_by(&happened.event));
        for (_, site) in self.cache.iter() {
            if matches!(site.routing, Routing::Ready(_)) && concerned(&site) {
                changed.push(site.space.clone());
            }
        }
        self.cache.retain(|_, site| !concerned(site));
        for happened in events {
            let event = &happened.event;
            let set = event.what == EventType::Changed && event.kind == Kind::Space;
            if set && !changed.contains(&event.path) {
                changed.push(event.path.clone());
            }
            recent.push(happened);
        }
        changed
    }

    /// Reads a site and keeps it, unless something happened to it meanwhile.
    async fn load(&self, space: &str, read_at: Position) -> Result<Arc<Site>, StarError> {
        let path = ResourcePath::parse(space)?;
        let former = self.former().get(&path).cloned();
        let Loaded { site, rejected } = Site::load(&self.tree, &path, former).await?;
        if let Some(error) = rejected {
            self.tell(&site, &error).await;
        }
        match (&site.routing, site.source.is_some()) {
            (Routing::Ready(routes), _) => {
                self.former().insert(path, Arc::clone(routes));
            }
            // Routes that were taken away are not to come back.
            (_, false) => {
                self.former().remove(&path);
            }
            (_, true) => {}
        }
        let site = Arc::new(site);
        let recent = self.recent.lock().unwrap_or_else(PoisonError::into_inner);
        if recent.leaves_alone(&site, read_at) {
            self.cache.insert(space.into(), Arc::clone(&site));
        }
        Ok(site)
    }

    async fn read_again(&self, space: &ResourcePath, read_at: Position) {
        if let Err(error) = self.load(space.as_str(), read_at).await {
            tracing::warn!(%space, %error, "the routes could not be read again; the next request will try");
        }
    }

    fn former(&self) -> std::sync::MutexGuard<'_, HashMap<ResourcePath, Arc<Routes>>> {
        self.former.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Records that routes were left aside, once for each content of them.
    async fn tell(&self, site: &Site, error: &StarError) {
        let Some(source) = &site.source else { return };
        let Ok(digest) = self.digest(site, source).await else { return };
        {
            let mut told = self.told.lock().unwrap_or_else(PoisonError::into_inner);
            if told.insert(site.space.clone(), digest.clone()).as_ref() == Some(&digest) {
                return;
            }
        }
        tracing::warn!(space = %site.space, routes = %source, %error, "these routes cannot be used; the former ones stay in force");
        if let Err(failed) = self.record(site, source, &digest, error).await {
            tracing::warn!(space = %site.space, error = %failed, "the event about rejected routes could not be written");
        }
    }

    async fn digest(&self, site: &Site, source: &ResourcePath) -> Result<Digest, StarError> {
        let permit = self.tree.gate.admit(&site.visitor, Open.envelope(source)?).await?;
        Ok(self.tree.open(permit).await?.content.digest)
    }

    async fn record(
        &self,
        site: &Site,
        source: &ResourcePath,
        digest: &Digest,
        error: &StarError,
    ) -> Result<(), StarError> {
        let event = Event::new(EventType::RoutesRejected, &site.space, Kind::Space, &Authority::System.agent())
            .with("routes", source.to_string())
            .with("digest", digest.to_string())
            .with("code", error.code().to_string())
            .with("message", error.message());
        let mut change = Change::of(&site.space, self.tree.ports.clock.now_ms());
        change.tell(&event)?;
        let written = change.commit(&self.tree.ports.meta).await?;
        written.map(drop).ok_or_else(|| StarError::new(ErrorCode::Contended, "the event was not taken"))
    }
}

/// Events of other kinds than these are most of the log and change no site. A Mechtron or an App
/// is looked up anew for each request.
fn can_matter(event: &Event) -> bool {
    use Kind::{ArtifactBundle, ArtifactBundleSeries, Base, File, FileSystem, Root, Space};
    matches!(event.kind, Space | ArtifactBundleSeries | ArtifactBundle | File | FileSystem | Base | Root)
}
