//! An index that is gone, damaged, or fails at work.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use star_core::ports::meta::{Key, KeyRange, MetaStore, Position, Revision, ScanPage, Shard};

use super::{count, open, put, written};
use crate::index::{Index, IndexError, Record, Row, ShardState, View};
use crate::{IndexKind, OpenOptions, Store, open as opening};

fn index_file(dir: &Path) -> std::path::PathBuf {
    dir.join("index").join("redb.db")
}

async fn everything(store: &Store) -> ScanPage {
    store.scan(KeyRange::prefix(""), 1_000).await.unwrap()
}

#[tokio::test]
async fn an_index_that_is_gone_cut_or_noise_is_made_again_identical() {
    let dir = tempfile::tempdir().unwrap();
    written(dir.path(), IndexKind::Redb, 20).await;
    let file = index_file(dir.path());
    let whole = fs::read(&file).unwrap();
    let store = open(dir.path(), IndexKind::Redb).unwrap();
    let expected = everything(&store).await.rows;
    assert_eq!(expected.len(), 20);
    drop(store);
    let noise = |seed: u32| (0..whole.len() as u32).map(|at| (at.wrapping_mul(seed) >> 13) as u8).collect::<Vec<u8>>();
    let mut header_of_noise = whole.clone();
    header_of_noise[..512].copy_from_slice(&noise(77)[..512]);
    let mut pages_of_noise = whole.clone();
    pages_of_noise[4_096..].copy_from_slice(&noise(31)[4_096..]);
    for bytes in
        [noise(0x9e37_79b9), whole[..whole.len() / 2].to_vec(), whole[..100].to_vec(), header_of_noise, pages_of_noise]
    {
        fs::write(&file, &bytes).unwrap();
        let store = open(dir.path(), IndexKind::Redb).unwrap();
        assert_eq!(everything(&store).await.rows, expected);
    }
    fs::remove_dir_all(dir.path().join("index")).unwrap();
    assert_eq!(everything(&open(dir.path(), IndexKind::Redb).unwrap()).await.rows, expected);
}

#[tokio::test]
async fn an_older_index_catches_up() {
    let dir = tempfile::tempdir().unwrap();
    written(dir.path(), IndexKind::Redb, 5).await;
    let older = fs::read(index_file(dir.path())).unwrap();
    let store = open(dir.path(), IndexKind::Redb).unwrap();
    for number in 5..9 {
        put(&store, &format!("k{number}")).await.unwrap();
    }
    store.close().await;
    fs::write(index_file(dir.path()), older).unwrap();
    assert_eq!(count(&open(dir.path(), IndexKind::Redb).unwrap()).await, 9);
}

#[tokio::test]
async fn the_index_of_another_installation_is_not_believed() {
    let (dir, other) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    written(dir.path(), IndexKind::Redb, 3).await;
    written(other.path(), IndexKind::Redb, 7).await;
    fs::copy(index_file(other.path()), index_file(dir.path())).unwrap();
    assert_eq!(count(&open(dir.path(), IndexKind::Redb).unwrap()).await, 3);
}

#[tokio::test]
async fn the_engine_may_change_from_one_start_to_the_next() {
    let dir = tempfile::tempdir().unwrap();
    written(dir.path(), IndexKind::Memory, 4).await;
    for kind in [IndexKind::Redb, IndexKind::Memory, IndexKind::Redb] {
        assert_eq!(count(&open(dir.path(), kind).unwrap()).await, 4);
    }
}

#[tokio::test]
async fn an_index_that_fails_at_work_is_brought_back_and_the_batch_is_answered() {
    for kind in [IndexKind::Memory, IndexKind::Redb] {
        let dir = tempfile::tempdir().unwrap();
        let options = OpenOptions::new(dir.path()).with_index(kind);
        let mut opened = opening::open(&options).unwrap();
        let fails = Arc::new(AtomicBool::new(false));
        opened.index = Arc::new(FailingIndex { inner: opened.index, fails: Arc::clone(&fails) });
        let store = Store::start(opened, options).unwrap();
        put(&store, "k0").await.unwrap();
        fails.store(true, Ordering::SeqCst);
        assert_eq!(put(&store, "k1").await.unwrap().position, 2);
        assert_eq!(put(&store, "k2").await.unwrap().position, 3);
        assert_eq!(count(&store).await, 3);
        let events = store.events(0, 10).await.unwrap();
        assert_eq!((events.events.len(), events.read_to), (3, 3));
    }
}

/// An index that fails when told to.
struct FailingIndex {
    inner: Arc<dyn Index>,
    fails: Arc<AtomicBool>,
}

impl View for FailingIndex {
    fn read(&self, keys: &[Key]) -> Result<Vec<Option<Row>>, IndexError> {
        self.inner.read(keys)
    }

    fn scan(&self, range: &KeyRange, limit: usize) -> Result<ScanPage, IndexError> {
        self.inner.scan(range, limit)
    }

    fn written_since(
        &self,
        range: &KeyRange,
        shard: Shard,
        since: Revision,
        except: &dyn Fn(&[u8]) -> bool,
    ) -> Result<Option<Row>, IndexError> {
        self.inner.written_since(range, shard, since, except)
    }
}

impl Index for FailingIndex {
    fn name(&self) -> &'static str {
        "failing"
    }

    fn apply(&self, records: &[Record]) -> Result<(), IndexError> {
        if self.fails.load(Ordering::SeqCst) {
            return Err(IndexError { engine: "failing", full: false, source: "told to".into() });
        }
        self.inner.apply(records)
    }

    fn fill(&self, rows: &[(Key, Row)]) -> Result<(), IndexError> {
        self.inner.fill(rows)
    }

    fn filled(&self, shards: &BTreeMap<Shard, ShardState>, applied: Position) -> Result<(), IndexError> {
        self.inner.filled(shards, applied)
    }

    fn sync(&self) -> Result<(), IndexError> {
        self.inner.sync()
    }

    fn applied(&self) -> Result<Position, IndexError> {
        self.inner.applied()
    }

    fn shards(&self) -> Result<Vec<(Shard, ShardState)>, IndexError> {
        self.inner.shards()
    }

    fn bytes(&self) -> u64 {
        self.inner.bytes()
    }
}
