//! The tree of this process, on a store on the disk.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use star_core::kind::Kind;
use star_core::ports::meta::MetaStore;
use star_store::{OpenOptions, Store};

use super::{Client, Committer, PARENTS, in_tasks};
use crate::failure::Failure;
use crate::figures::Measure;
use crate::tree::{BenchTree, path};

/// Creates that tell how many bytes of the journal one takes.
const SAMPLE: u64 = 500;

pub(super) struct Inside {
    store: Arc<Store>,
    tree: Arc<BenchTree>,
    made: Arc<AtomicU64>,
}

impl Inside {
    pub(super) async fn open(dir: &Path) -> Result<Inside, Failure> {
        let store = Store::open(OpenOptions::new(dir)).map_err(|error| Failure::wrong("the store", error))?;
        let tree = BenchTree::on(store.clone()).await?;
        tree.create(Kind::Space, path("bench")).await?;
        for parent in 0..PARENTS {
            tree.create(Kind::Base, path(&format!("bench:p{parent}"))).await?;
        }
        Ok(Inside { store, tree: Arc::new(tree), made: Arc::default() })
    }

    /// How many bytes of the journal one create takes.
    pub(super) async fn bytes_of_one(&self) -> Result<usize, Failure> {
        let before = self.store.status().journal_bytes;
        self.create_times(SAMPLE).await?;
        Ok(usize::try_from((self.store.status().journal_bytes - before) / SAMPLE).unwrap_or(usize::MAX))
    }

    /// Creates so many, one after the other.
    pub(super) async fn create_times(&self, times: u64) -> Result<(), Failure> {
        let mut client = self.client(0);
        for _ in 0..times {
            client.commit().await?;
        }
        Ok(())
    }

    fn client(&self, parent: usize) -> Creator {
        Creator { tree: Arc::clone(&self.tree), parent, made: Arc::clone(&self.made) }
    }
}

#[async_trait]
impl Committer for Inside {
    async fn measure(&self, clients: usize, parents: usize, time: Duration) -> Result<Measure, Failure> {
        in_tasks((0..clients).map(|client| self.client(client % parents)).collect(), time).await
    }
}

/// Somebody who creates below one parent.
struct Creator {
    tree: Arc<BenchTree>,
    parent: usize,
    made: Arc<AtomicU64>,
}

impl Client for Creator {
    async fn commit(&mut self) -> Result<(), Failure> {
        let number = self.made.fetch_add(1, Ordering::Relaxed);
        self.tree.create(Kind::Base, path(&format!("bench:p{}:n{number}", self.parent))).await
    }
}
