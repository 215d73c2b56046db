//! Contents whose rows are too many for one batch: written ahead, and taken away, whatever comes between.

use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use star_core::ports::content::{ContentRef, ContentStore};
use star_core::ports::meta::{KeyRange, MetaStore, Operation, Precondition};
use star_path::Digest;
use star_testkit::MemoryMeta;
use tempfile::TempDir;

use crate::chunk::{ChunkId, Encoding};
use crate::packed::collect::CollectOptions;
use crate::packed::metadata::Stored;
use crate::packed::pending::Pending;
use crate::packed::{OpenError, PackedStore};
use crate::rows::{self, Extent, Layout, Ordinal, Sha256};

const BIG: Sha256 = [7; 32];

/// More packs than a batch has operations.
const PACKS: u32 = 1000;

struct Fixture {
    dir: TempDir,
    meta: Arc<MemoryMeta>,
    store: Arc<PackedStore>,
}

impl Fixture {
    async fn new() -> Fixture {
        let (dir, meta) = (tempfile::tempdir().unwrap(), MemoryMeta::new());
        let store = PackedStore::open(dir.path(), Arc::<MemoryMeta>::clone(&meta)).await.unwrap();
        let fixture = Fixture { dir, meta, store };
        let marks: Vec<_> =
            (0..PACKS).map(|pack| Operation::Put(rows::live_pack(Ordinal(pack)), Bytes::new())).collect();
        for marks in marks.chunks(400) {
            fixture.commit(Vec::new(), marks.to_vec()).await;
        }
        fixture
    }

    async fn commit(&self, preconditions: Vec<Precondition>, operations: Vec<Operation>) {
        assert!(self.store.inner.commit_if(preconditions, operations).await.unwrap());
    }

    /// The store of a process that knows nothing of what was going on.
    async fn reopened(self) -> Fixture {
        let Fixture { dir, meta, store } = self;
        drop(store);
        loop {
            match PackedStore::open(dir.path(), Arc::<MemoryMeta>::clone(&meta)).await {
                Ok(store) => return Fixture { dir, meta, store },
                Err(OpenError::InUse(_)) => tokio::time::sleep(Duration::from_millis(1)).await,
                Err(error) => panic!("{error:?}"),
            }
        }
    }

    /// Takes in a content that lies in `packs` packs, from the first one on.
    fn sent(&self, packs: u32) -> ContentRef {
        let extents = (0..packs).map(|pack| Extent {
            pack: Ordinal(pack),
            first_slot: 0,
            slots: 1,
            offset: 4096,
            stored_len: 10,
            plain_start: u64::from(pack) * 100,
        });
        let size_bytes = u64::from(packs) * 100;
        let layout = Layout::new(Encoding::Zstd, size_bytes, extents).unwrap();
        let pieces = vec![(ChunkId::of(b""), 100); packs as usize];
        let pending = Pending::packed(&BIG, layout, &pieces, Vec::new(), Instant::now()).unwrap();
        self.store.inner.add_pending(BIG, pending).unwrap();
        ContentRef { digest: Digest::sha256(BIG), size_bytes }
    }

    async fn count(&self, table: &'static str) -> usize {
        let (mut range, mut count) = (KeyRange::prefix(table), 0);
        loop {
            let page = self.meta.scan(range.clone(), 500).await.unwrap();
            count += page.rows.len();
            match page.next {
                Some(next) => range.start = next,
                None => return count,
            }
        }
    }

    /// Runs the collector as often as it takes.
    async fn collect(&self) {
        for _ in 0..4 {
            let options = CollectOptions { grace: Duration::ZERO, force: true, now: Instant::now() };
            self.store.collect(options).await.unwrap();
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_content_in_very_many_packs_is_referred_to_and_goes_with_all_its_rows() {
    let fixture = Fixture::new().await;
    let content = fixture.sent(PACKS);
    let reference = fixture.store.refer(&content).await.unwrap();
    assert!(reference.operations.len() < 10, "the rows went ahead");
    // Whoever asks meanwhile is told the same.
    assert_eq!(fixture.store.refer(&content).await.unwrap(), reference);
    fixture.commit(reference.preconditions, reference.operations).await;
    assert_eq!((fixture.count("f/").await, fixture.count("x/").await), (PACKS as usize, 2));
    let stored = fixture.store.inner.stored(&BIG).await.unwrap();
    assert!(matches!(stored, Stored::Live(_)), "{stored:?}");
    fixture.store.inner.pending.remove(&BIG);
    fixture.collect().await;
    for table in ["x/", "m/", "l/", "f/"] {
        assert_eq!(fixture.count(table).await, 0, "{table}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn rows_that_were_written_ahead_for_nobody_are_taken_away() {
    let mut fixture = Fixture::new().await;
    let content = fixture.sent(PACKS);
    let reference = fixture.store.refer(&content).await.unwrap();
    fixture.collect().await;
    assert_eq!(fixture.count("f/").await, PACKS as usize, "somebody is about to refer to it");
    fixture = fixture.reopened().await;
    fixture.collect().await;
    for table in ["x/", "m/", "l/", "f/"] {
        assert_eq!(fixture.count(table).await, 0, "{table}");
    }
    let late = fixture.store.inner.commit_if(reference.preconditions, reference.operations).await.unwrap();
    assert!(!late, "a reference to what is gone");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whoever_sends_what_was_begun_or_half_gone_finishes_that_first() {
    let mut fixture = Fixture::new().await;
    let content = fixture.sent(PACKS);
    fixture.store.refer(&content).await.unwrap();
    fixture = fixture.reopened().await;
    // Other packs than those of before: none of its edges may stay.
    let content = fixture.sent(600);
    let reference = fixture.store.refer(&content).await.unwrap();
    fixture.commit(reference.preconditions, reference.operations).await;
    assert_eq!(fixture.count("f/").await, 600);
    // A removal that was cut off behind its first batch.
    let Stored::Live(row) = fixture.store.inner.stored(&BIG).await.unwrap() else { panic!("it is not there") };
    let operations = vec![
        Operation::Delete(rows::content_key(&BIG)),
        Operation::Delete(rows::live_content(&BIG)),
        Operation::Put(rows::gone_content(&BIG), row.encode().unwrap()),
    ];
    fixture.commit(Vec::new(), operations).await;
    fixture = fixture.reopened().await;
    assert_eq!(fixture.store.stat(&content.digest).await.unwrap(), None);
    let content = fixture.sent(20);
    let reference = fixture.store.refer(&content).await.unwrap();
    fixture.commit(reference.preconditions, reference.operations).await;
    assert_eq!((fixture.count("f/").await, fixture.count("l/").await), (20, 0));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whoever_revives_a_content_leaves_its_row_alone() {
    let fixture = Fixture::new().await;
    let content = fixture.sent(3);
    let reference = fixture.store.refer(&content).await.unwrap();
    fixture.commit(reference.preconditions, reference.operations).await;
    fixture.commit(Vec::new(), vec![Operation::Delete(rows::live_content(&BIG))]).await;
    let row = async || fixture.meta.read(&[rows::content_key(&BIG)]).await.unwrap();
    let before = row().await;
    fixture.store.inner.pending.remove(&BIG);
    assert_eq!(fixture.store.stat(&content.digest).await.unwrap(), Some(content));
    assert_eq!(row().await, before, "the collector may just be writing it");
}
