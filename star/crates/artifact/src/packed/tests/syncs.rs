//! After a sync that failed, nobody is told that what it was to make durable is so.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use bytes::Bytes;
use star_core::ports::content::{ContentError, ContentRef, ContentStore, Expected, Ingest};
use star_testkit::MemoryMeta;
use tempfile::TempDir;

use super::disk::{Faulty, Switches};
use crate::chunk::samples::words;
use crate::packed::PackedStore;

const MIB: usize = 1 << 20;

async fn store() -> (TempDir, Arc<Switches>, Arc<PackedStore>) {
    let (dir, disk) = (tempfile::tempdir().unwrap(), Faulty::default());
    let switches = disk.switches();
    let store = PackedStore::open_on(Arc::new(disk), dir.path().to_owned(), MemoryMeta::new()).await.unwrap();
    (dir, switches, store)
}

async fn begun(store: &PackedStore, bytes: &Bytes) -> Box<dyn Ingest> {
    let mut ingest = store.ingest(Expected::default()).await.unwrap();
    for start in (0..bytes.len()).step_by(MIB) {
        ingest.write(bytes.slice(start..bytes.len().min(start + MIB))).await.unwrap();
    }
    ingest
}

async fn put(store: &PackedStore, bytes: &Bytes) -> Result<ContentRef, ContentError> {
    begun(store, bytes).await.finish().await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_in_a_pack_that_could_not_be_synced_is_written_again() {
    let (_dir, switches, store) = store().await;
    let bytes = words(1, 3 * MIB);
    // So that the pack is there before the sync that fails.
    put(&store, &words(2, MIB)).await.unwrap();
    switches.fail_sync.store(true, Ordering::Relaxed);
    let before = switches.written.load(Ordering::Relaxed);
    put(&store, &bytes).await.unwrap_err();
    let once = switches.written.load(Ordering::Relaxed) - before;
    let kept = put(&store, &bytes).await.unwrap();
    let both = switches.written.load(Ordering::Relaxed) - before;
    assert!(both > once * 19 / 10, "{once} bytes, and {both} with those that were written again");
    assert_eq!(store.stat(&kept.digest).await.unwrap(), Some(kept));
    // What was durable before is shared as ever.
    put(&store, &words(2, MIB)).await.unwrap();
    let more = switches.written.load(Ordering::Relaxed) - before - both;
    assert!(more < MIB as u64 / 10, "{more}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whoever_asks_after_somebody_elses_sync_failed_is_told_to_send_it_again() {
    let (_dir, switches, store) = store().await;
    put(&store, &words(2, MIB)).await.unwrap();
    let before = switches.written.load(Ordering::Relaxed);
    let bytes = words(3, 24 * MIB);
    let slow = begun(&store, &bytes).await;
    let deadline = Instant::now() + Duration::from_secs(60);
    while switches.written.load(Ordering::Relaxed) - before < 4 * MIB as u64 {
        assert!(Instant::now() < deadline, "nothing of it is written");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    switches.fail_sync.store(true, Ordering::Relaxed);
    put(&store, &words(4, MIB)).await.unwrap_err();
    let error = slow.finish().await.unwrap_err();
    assert!(format!("{error:?}").contains("Unsure"), "{error:?}");
    assert_eq!(put(&store, &bytes).await.unwrap().size_bytes, bytes.len() as u64);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_upload_that_failed_takes_nothing_more() {
    let (_dir, switches, store) = store().await;
    // No pack is there, and the first one cannot be made.
    switches.fail_sync.store(true, Ordering::Relaxed);
    let (mut ingest, mut seed) = (store.ingest(Expected::default()).await.unwrap(), 0);
    let deadline = Instant::now() + Duration::from_secs(60);
    while ingest.write(words(seed, MIB)).await.is_ok() {
        assert!(Instant::now() < deadline, "it never fails");
        seed += 1;
    }
    ingest.write(words(1, MIB)).await.unwrap_err();
    ingest.finish().await.unwrap_err();
}
