//! A disk that is full, fails, or cannot sync.

use std::io::ErrorKind;
use std::path::Path;
use std::sync::{Arc, Mutex};

use star_core::ports::meta::{CommitError, MetaStore};

use super::disk::FaultyDisk;
use super::{count, open, put, putting};
use crate::limits::SEGMENT_BYTES;
use crate::{IndexKind, OpenOptions, Store};

fn open_on(dir: &Path, disk: &FaultyDisk, said: &Arc<Mutex<Vec<String>>>) -> Arc<Store> {
    let said = Arc::clone(said);
    let options = OpenOptions {
        disk: Arc::new(disk.clone()),
        on_fatal: Arc::new(move |why| said.lock().unwrap().push(why.to_owned())),
        ..OpenOptions::new(dir).with_index(IndexKind::Memory)
    };
    Store::open(options).unwrap()
}

#[tokio::test]
async fn a_full_disk_at_any_write_changes_nothing_and_room_brings_the_store_back() {
    for failing in 0..8 {
        let dir = tempfile::tempdir().unwrap();
        let (disk, said) = (FaultyDisk::default(), Arc::default());
        let store = open_on(dir.path(), &disk, &said);
        disk.fail_writes_from(failing, ErrorKind::StorageFull);
        let mut done = 0;
        while put(&store, &format!("k{done}")).await.is_ok() {
            done += 1;
        }
        assert_eq!(done as u64, failing);
        let before = store.status().journal_bytes;
        assert!(matches!(put(&store, "never").await, Err(CommitError::DiskFull)));
        assert_eq!(std::fs::metadata(super::segment(dir.path(), 1)).unwrap().len(), before);
        assert_eq!(count(&store).await, done, "reads go on");
        disk.heal();
        let committed = put(&store, &format!("k{done}")).await.unwrap();
        assert_eq!((committed.position, committed.revision), (failing + 1, failing + 1));
        drop(store);
        assert_eq!(count(&open(dir.path(), IndexKind::Memory).unwrap()).await, done + 1);
        assert!(said.lock().unwrap().is_empty());
    }
}

#[tokio::test]
async fn a_write_that_fails_is_taken_back_and_its_id_may_be_sent_again() {
    let dir = tempfile::tempdir().unwrap();
    let (disk, said) = (FaultyDisk::default(), Arc::default());
    let store = open_on(dir.path(), &disk, &said);
    disk.fail_writes_from(0, ErrorKind::Other);
    let batch = putting("k0", b"v");
    assert!(matches!(store.commit(batch.clone()).await, Err(CommitError::Ambiguous)));
    assert_eq!(count(&store).await, 0);
    disk.heal();
    assert_eq!(store.commit(batch).await.unwrap().position, 1);
}

#[tokio::test]
async fn a_batch_sent_twice_at_once_to_a_full_disk_is_refused_twice() {
    let dir = tempfile::tempdir().unwrap();
    let (disk, said) = (FaultyDisk::default(), Arc::default());
    let store = open_on(dir.path(), &disk, &said);
    disk.fail_writes_from(0, ErrorKind::StorageFull);
    let batch = putting("k0", b"v");
    let sent: Vec<_> = (0..64)
        .map(|_| {
            let (store, batch) = (Arc::clone(&store), batch.clone());
            tokio::spawn(async move { store.commit(batch).await })
        })
        .collect();
    for one in sent {
        assert!(matches!(one.await.unwrap(), Err(CommitError::DiskFull)));
    }
}

#[tokio::test]
async fn a_disk_without_room_for_the_next_segment_is_full_and_nothing_more() {
    let dir = tempfile::tempdir().unwrap();
    let (disk, said) = (FaultyDisk::default(), Arc::default());
    let store = open_on(dir.path(), &disk, &said);
    let large = || {
        let mut batch = putting("large", b"");
        batch.events[0].body = vec![b'e'; 20_000].into();
        batch
    };
    while store.status().journal_bytes + 21_000 < SEGMENT_BYTES {
        store.commit(large()).await.unwrap();
    }
    disk.fail_writes_from(0, ErrorKind::StorageFull);
    assert!(matches!(store.commit(large()).await, Err(CommitError::DiskFull)));
    assert_eq!(store.status().segments, 1);
    disk.heal();
    store.commit(large()).await.unwrap();
    assert_eq!(store.status().segments, 2);
    put(&store, "k0").await.unwrap();
    drop(store);
    assert_eq!(count(&open(dir.path(), IndexKind::Memory).unwrap()).await, 1);
}

#[tokio::test]
async fn a_failed_sync_ends_the_process_with_a_message_and_acknowledges_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let (disk, said) = (FaultyDisk::default(), Arc::default());
    let store = open_on(dir.path(), &disk, &said);
    put(&store, "k0").await.unwrap();
    disk.fail_syncs();
    assert!(matches!(put(&store, "k1").await, Err(CommitError::Ambiguous)));
    let messages = said.lock().unwrap().clone();
    assert_eq!(messages.len(), 1);
    assert!(messages[0].contains("the disk does not answer"), "{messages:?}");
    assert!(matches!(put(&store, "k2").await, Err(CommitError::Closed)));
}

/// Commits and checkpoints until one of them fails; gives the keys that were acknowledged.
async fn work_until_it_fails(store: &Store, from: usize) -> Vec<String> {
    let mut acknowledged = Vec::new();
    for number in from..from + 12 {
        let key = format!("k{number:03}");
        let mut batch = putting(&key, b"v");
        batch.events[0].body = vec![b'e'; 40_000].into();
        let committed = store.commit(batch).await;
        if committed.is_ok() {
            acknowledged.push(key);
        }
        let failed = committed.is_err() || number % 4 == 3 && store.checkpoint().await.is_err();
        if failed {
            return acknowledged;
        }
    }
    acknowledged
}

#[tokio::test]
async fn any_write_may_fail_and_nothing_acknowledged_is_lost_nor_anything_else_kept() {
    for kind in [ErrorKind::StorageFull, ErrorKind::Other] {
        for failing in 0..60 {
            let dir = tempfile::tempdir().unwrap();
            let (disk, said) = (FaultyDisk::that_syncs_nothing(), Arc::default());
            let store = open_on(dir.path(), &disk, &said);
            disk.fail_writes_from(failing, kind);
            let mut acknowledged = work_until_it_fails(&store, 0).await;
            disk.heal();
            acknowledged.extend(work_until_it_fails(&store, 100).await);
            assert!(acknowledged.len() >= 12, "write {failing}: work goes on when there is room again");
            store.close().await;
            drop(store);
            let store = open(dir.path(), IndexKind::Memory).unwrap();
            let page = store.scan(star_core::ports::meta::KeyRange::prefix("k"), 1_000).await.unwrap();
            let found: Vec<String> =
                page.rows.iter().map(|(key, _)| String::from_utf8(key.as_bytes().to_vec()).unwrap()).collect();
            assert_eq!(found, acknowledged, "write {failing}");
            assert!(said.lock().unwrap().is_empty());
        }
    }
}
