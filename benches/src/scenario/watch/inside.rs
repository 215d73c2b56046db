//! Watchers of a store of this process, as every way to watch uses them.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use star_core::event::{Event, EventType};
use star_core::gate::Authority;
use star_core::kind::Kind;
use star_core::ports::clock::{Clock, SystemClock};
use star_core::ports::meta::MetaStore;
use star_core::stored::Change;
use star_core::watch::{Filter, WatchItem, Watcher};
use star_path::{ResourcePath, Selector};
use star_store::{OpenOptions, Store};
use tokio::task::JoinSet;

use super::Watched;
use super::crowd::Crowd;
use super::http::NEWS;
use crate::failure::Failure;
use crate::meter::Meter;
use crate::tree::{BenchTree, path, refused};

/// The detail of an event that says when it happened.
const WHEN: &str = "body";

pub(super) struct Inside {
    store: Arc<Store>,
    meta: Arc<dyn MetaStore>,
    news: ResourcePath,
    crowd: Arc<Crowd>,
    /// Ends with us.
    _watching: JoinSet<()>,
}

impl Inside {
    pub(super) async fn start(dir: &Path, watchers: usize) -> Result<Inside, Failure> {
        let store = Store::open(OpenOptions::new(dir)).map_err(|error| Failure::wrong("the store", error))?;
        let bench = BenchTree::on(store.clone()).await?;
        bench.create(Kind::Space, path("bench")).await?;
        bench.create(Kind::Base, path(NEWS)).await?;
        let meta: Arc<dyn MetaStore> = store.clone();
        let crowd = Arc::new(Crowd::of(watchers));
        let mut watching = JoinSet::new();
        for number in 0..watchers {
            let selector = Selector::parse(NEWS).map_err(|error| Failure::wrong("the benchmark", error))?;
            let watcher = Watcher::from_now(&bench.tree.log, Filter::from(selector));
            watching.spawn(watch(watcher, Arc::clone(&crowd), number));
        }
        Ok(Inside { store, meta, news: path(NEWS), crowd, _watching: watching })
    }

    pub(super) async fn close(self) {
        self.store.close().await;
    }
}

/// Watches until the store closes; who waits for what it sees notices when it ends early.
async fn watch(mut watcher: Watcher, crowd: Arc<Crowd>, number: usize) {
    while let Ok(item) = watcher.next().await {
        let WatchItem::Event(_, happened) = item else { continue };
        let when = happened.event.detail.get(WHEN).and_then(|when| when.parse().ok());
        if let Some(micros) = when {
            crowd.saw(number, Duration::from_micros(micros));
        }
    }
}

/// Writes into the log of a store that something happened.
pub(super) async fn tell(meta: &Arc<dyn MetaStore>, news: &ResourcePath, since: Duration) -> Result<(), Failure> {
    let event = Event::new(EventType::Broadcast, news, Kind::Base, &Authority::System.agent());
    let event = event.with(WHEN, since.as_micros().to_string());
    let mut change = Change::of(news, SystemClock.now_ms());
    change.tell(&event).map_err(refused)?;
    change.commit(meta).await.map(drop).map_err(refused)
}

#[async_trait]
impl Watched for Inside {
    async fn happen(&self, since: Duration) -> Result<(), Failure> {
        tell(&self.meta, &self.news, since).await
    }

    fn meter(&self) -> Meter {
        Meter::start()
    }

    fn crowd(&self) -> &Crowd {
        &self.crowd
    }
}
