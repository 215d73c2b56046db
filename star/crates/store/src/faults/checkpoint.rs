//! Checkpoints, and the journal that is trimmed behind them.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use star_core::ports::meta::{Key, KeyRange, MetaStore, Operation, Position, ReadError, Versioned};

use super::{disk, flip, open, put, putting};
use crate::checkpoint::files;
use crate::{IndexKind, OpenError, OpenOptions, Retention, Store};

const NOTHING_KEPT: Retention = Retention { age: Duration::ZERO, bytes: 0, held_bytes: u64::MAX };

fn eager(dir: &Path, kind: IndexKind, retention: Retention) -> Arc<Store> {
    let disk = Arc::new(disk::FaultyDisk::that_syncs_nothing());
    Store::open(OpenOptions { disk, retention, ..OpenOptions::new(dir).with_index(kind) }).unwrap()
}

async fn everything(store: &Store) -> Vec<(Key, Versioned)> {
    let (mut rows, mut start) = (Vec::new(), Some(Key::new("")));
    while let Some(from) = start {
        let page = store.scan(KeyRange { start: from, end: None }, 1_000).await.unwrap();
        rows.extend(page.rows);
        start = page.next;
    }
    rows
}

/// Some segments of batches that put, rewrite and remove.
async fn work(store: &Store, from: u64, batches: u64) -> Position {
    let mut position = 0;
    for number in from..from + batches {
        let mut batch = putting(&format!("w{:03}", number % 97), &[b'v'; 3_000]);
        if number.is_multiple_of(5) {
            batch.operations.push(Operation::Delete(Key::new(format!("w{:03}", number * 7 % 97))));
        }
        if number.is_multiple_of(50) {
            batch.operations.push(Operation::DeleteRange(KeyRange::prefix("w01")));
        }
        position = store.commit(batch).await.unwrap().position;
    }
    position
}

fn checkpoints(dir: &Path) -> Vec<PathBuf> {
    let mut found: Vec<PathBuf> = fs::read_dir(files::dir_of(dir))
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| files::position_of(path).is_some())
        .collect();
    found.sort();
    found
}

fn without_index(dir: &Path) {
    fs::remove_dir_all(dir.join("index")).unwrap();
}

/// Work, a checkpoint, work, a checkpoint, work; gives all rows.
async fn with_two_checkpoints(dir: &Path, kind: IndexKind, retention: Retention) -> Vec<(Key, Versioned)> {
    let store = eager(dir, kind, retention);
    for round in 0..3 {
        work(&store, round * 130, 130).await;
        if round < 2 {
            store.checkpoint().await.unwrap();
        }
    }
    let rows = everything(&store).await;
    store.close().await;
    assert_eq!(checkpoints(dir).len(), 2);
    rows
}

#[tokio::test]
async fn an_index_is_made_from_a_checkpoint_where_the_journal_before_it_is_gone() {
    for kind in [IndexKind::Redb, IndexKind::Sled, IndexKind::Memory] {
        let dir = tempfile::tempdir().unwrap();
        let rows = with_two_checkpoints(dir.path(), kind, NOTHING_KEPT).await;
        let store = open(dir.path(), kind).unwrap();
        assert!(store.status().oldest_event > 1, "the journal was trimmed");
        assert_eq!(everything(&store).await, rows);
        drop(store);
        if kind != IndexKind::Memory {
            without_index(dir.path());
            let store = open(dir.path(), kind).unwrap();
            assert_eq!(everything(&store).await, rows);
            assert_eq!(put(&store, "next").await.unwrap().position, 391);
        }
    }
}

#[tokio::test]
async fn a_damaged_checkpoint_is_passed_over_for_the_one_before_it_and_then_for_the_whole_journal() {
    let dir = tempfile::tempdir().unwrap();
    let rows = with_two_checkpoints(dir.path(), IndexKind::Redb, Retention::default()).await;
    let [older, newer] = checkpoints(dir.path()).try_into().unwrap();
    for damaged in [&newer, &older] {
        let len = fs::metadata(damaged).unwrap().len() as usize;
        flip(damaged, len - 50_000);
        without_index(dir.path());
        let store = open(dir.path(), IndexKind::Redb).unwrap();
        assert_eq!(everything(&store).await, rows);
        store.close().await;
    }
}

#[tokio::test]
async fn a_flipped_bit_anywhere_in_a_checkpoint_is_never_served() {
    let dir = tempfile::tempdir().unwrap();
    let rows = with_two_checkpoints(dir.path(), IndexKind::Memory, NOTHING_KEPT).await;
    let newer = checkpoints(dir.path()).pop().unwrap();
    let whole = fs::read(&newer).unwrap();
    for at in (0..whole.len()).step_by(whole.len() / 60) {
        flip(&newer, at);
        let store = open(dir.path(), IndexKind::Memory).unwrap();
        assert_eq!(everything(&store).await, rows, "flipped at {at}");
        store.close().await;
        fs::write(&newer, &whole).unwrap();
    }
}

#[tokio::test]
async fn without_a_good_checkpoint_and_the_beginning_of_the_journal_the_store_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    with_two_checkpoints(dir.path(), IndexKind::Redb, NOTHING_KEPT).await;
    checkpoints(dir.path()).iter().for_each(|path| flip(path, 70_000));
    without_index(dir.path());
    match open(dir.path(), IndexKind::Redb) {
        Err(OpenError::Damaged { what, remedy, .. }) => {
            assert!(what.contains("positions 1 to"), "{what}");
            assert!(remedy.contains("backup"), "{remedy}");
        }
        other => panic!("{:?}", other.map(|_| "opened")),
    }
}

#[tokio::test]
async fn a_store_whose_journal_is_gone_does_not_begin_as_an_empty_one() {
    let dir = tempfile::tempdir().unwrap();
    with_two_checkpoints(dir.path(), IndexKind::Redb, Retention::default()).await;
    fs::remove_dir_all(dir.path().join("journal")).unwrap();
    match open(dir.path(), IndexKind::Redb) {
        Err(OpenError::Damaged { file, what, .. }) => {
            assert_eq!(file, dir.path().join("journal"));
            assert!(what.contains("no journal, but a checkpoint"), "{what}");
        }
        other => panic!("{:?}", other.map(|_| "opened")),
    }
}

#[tokio::test]
async fn an_index_older_than_what_is_left_of_the_journal_is_made_again() {
    let dir = tempfile::tempdir().unwrap();
    let store = eager(dir.path(), IndexKind::Redb, NOTHING_KEPT);
    work(&store, 0, 10).await;
    store.close().await;
    let old = fs::read(dir.path().join("index/redb.db")).unwrap();
    let rows = with_two_checkpoints(dir.path(), IndexKind::Redb, NOTHING_KEPT).await;
    fs::write(dir.path().join("index/redb.db"), old).unwrap();
    assert_eq!(everything(&open(dir.path(), IndexKind::Redb).unwrap()).await, rows);
}

#[tokio::test]
async fn a_trimmed_journal_says_where_it_begins_and_nothing_before_it_is_read() {
    let dir = tempfile::tempdir().unwrap();
    let store = eager(dir.path(), IndexKind::Memory, NOTHING_KEPT);
    for round in 0..3 {
        work(&store, round * 130, 130).await;
        store.checkpoint().await.unwrap();
    }
    let status = store.status();
    assert!(status.oldest_event > 1 && status.oldest_event <= 261, "{status:?}");
    assert_eq!(status.checkpoint, 390);
    let oldest_behind = status.oldest_event - 1;
    let compacted = store.events(oldest_behind - 1, 10).await;
    assert!(matches!(compacted, Err(ReadError::Compacted { oldest }) if oldest == status.oldest_event));
    store.close().await;
    let store = open(dir.path(), IndexKind::Memory).unwrap();
    assert_eq!(store.events(oldest_behind, 10).await.unwrap().events[0].position, status.oldest_event);
    assert!(matches!(store.events(0, 10).await, Err(ReadError::Compacted { .. })));
    assert_eq!(store.status().oldest_event, status.oldest_event);
}

#[tokio::test]
async fn a_durable_consumer_holds_the_journal_back_until_it_has_read() {
    let dir = tempfile::tempdir().unwrap();
    let store = eager(dir.path(), IndexKind::Memory, NOTHING_KEPT);
    assert_eq!(store.register_consumer("mirror", 0).await.unwrap(), 0);
    for round in 0..3 {
        work(&store, round * 130, 130).await;
        store.checkpoint().await.unwrap();
    }
    assert_eq!(store.status().oldest_event, 1, "it has read nothing");
    store.close().await;
    let store = eager(dir.path(), IndexKind::Memory, NOTHING_KEPT);
    store.advance_consumer("mirror", 200).await.unwrap();
    store.checkpoint().await.unwrap();
    let oldest = store.status().oldest_event;
    assert!(oldest > 1 && oldest <= 201, "{oldest}");
    assert!(store.events(200, 10).await.is_ok());
    store.drop_consumer("mirror").await.unwrap();
    store.checkpoint().await.unwrap();
    assert!(store.status().oldest_event > oldest);
}

#[tokio::test]
async fn a_consumer_too_far_behind_is_left_behind_and_told() {
    let dir = tempfile::tempdir().unwrap();
    let store = eager(dir.path(), IndexKind::Memory, Retention { held_bytes: 600_000, ..NOTHING_KEPT });
    store.register_consumer("asleep", 0).await.unwrap();
    for round in 0..4 {
        work(&store, round * 130, 130).await;
        store.checkpoint().await.unwrap();
    }
    assert!(matches!(store.events(0, 10).await, Err(ReadError::Compacted { .. })));
    assert_eq!(store.consumers()[0].position, 0, "its place is still known");
}

#[tokio::test]
async fn young_events_are_kept_and_old_ones_are_not() {
    for (age, trimmed) in [(Duration::from_secs(3_600), false), (Duration::ZERO, true)] {
        let dir = tempfile::tempdir().unwrap();
        let store = eager(dir.path(), IndexKind::Memory, Retention { age, ..Retention::default() });
        for round in 0..3 {
            work(&store, round * 130, 130).await;
            store.checkpoint().await.unwrap();
        }
        assert_eq!(store.status().oldest_event > 1, trimmed);
    }
}

#[tokio::test]
async fn checkpoints_are_made_while_others_write_and_show_what_the_log_says() {
    let dir = tempfile::tempdir().unwrap();
    let store = eager(dir.path(), IndexKind::Redb, Retention::default());
    let writing = {
        let store = Arc::clone(&store);
        tokio::spawn(async move { work(&store, 0, 400).await })
    };
    while !writing.is_finished() {
        store.checkpoint().await.unwrap();
        tokio::task::yield_now().await;
    }
    writing.await.unwrap();
    let rows = everything(&store).await;
    store.close().await;
    without_index(dir.path());
    assert_eq!(everything(&open(dir.path(), IndexKind::Redb).unwrap()).await, rows);
}

#[tokio::test]
async fn removals_before_a_checkpoint_are_remembered_after_the_journal_is_gone() {
    use star_core::ports::meta::{Batch, Precondition};
    let dir = tempfile::tempdir().unwrap();
    with_two_checkpoints(dir.path(), IndexKind::Redb, NOTHING_KEPT).await;
    let store = open(dir.path(), IndexKind::Redb).unwrap();
    let untouched = Precondition::RangeUnchangedSince(KeyRange::prefix("elsewhere"), 1);
    let batch = Batch { preconditions: vec![untouched], ..putting("next", b"") };
    store.commit(batch).await.unwrap();
    let removed = Precondition::RangeUnchangedSince(KeyRange::prefix("w01"), 340);
    let batch = Batch { preconditions: vec![removed], ..putting("next", b"") };
    store.commit(batch).await.unwrap_err();
}

#[tokio::test]
async fn a_long_stretch_of_the_log_is_covered_in_steps() {
    let dir = tempfile::tempdir().unwrap();
    let store = eager(dir.path(), IndexKind::Redb, Retention::default());
    work(&store, 0, 1_000).await;
    store.checkpoint().await.unwrap();
    let rows = everything(&store).await;
    store.close().await;
    assert_eq!(checkpoints(dir.path()).len(), 2, "one was made on the way");
    without_index(dir.path());
    assert_eq!(everything(&open(dir.path(), IndexKind::Redb).unwrap()).await, rows);
}
