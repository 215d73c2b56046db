//! Checking, copying away and back, and changing the engine.

use std::fs;
use std::path::Path;
use std::sync::Arc;

use star_core::ports::meta::{Key, KeyRange, MetaStore, Versioned};

use super::{disk, flip, open, put, putting, segment};
use crate::maintain::{self, BackupError, Part, Report, RestoreError, Until};
use crate::{IndexKind, OpenError, OpenOptions, Store};

fn options(dir: &Path, kind: IndexKind) -> OpenOptions {
    OpenOptions { disk: Arc::new(disk::FaultyDisk::that_syncs_nothing()), ..OpenOptions::new(dir).with_index(kind) }
}

fn check(dir: &Path, kind: IndexKind) -> Report {
    maintain::check(&options(dir, kind), &mut |_| {}).unwrap()
}

async fn rows(store: &Store) -> Vec<(Key, Versioned)> {
    store.scan(KeyRange::prefix(""), 1_000).await.unwrap().rows
}

/// Batches `k<from>` and on, each at the wall clock of its position times ten.
async fn fill(store: &Store, from: u64, count: u64) {
    for number in from..from + count {
        let mut batch = putting(&format!("k{number:03}"), &[b'v'; 2_000]);
        batch.at = (number + 1) * 10;
        store.commit(batch).await.unwrap();
    }
}

/// Two hundred batches and two checkpoints, closed.
async fn closed(dir: &Path, kind: IndexKind) -> Vec<(Key, Versioned)> {
    let store = open(dir, kind).unwrap();
    fill(&store, 0, 80).await;
    store.checkpoint().await.unwrap();
    fill(&store, 80, 80).await;
    store.checkpoint().await.unwrap();
    fill(&store, 160, 40).await;
    let rows = rows(&store).await;
    store.close().await;
    rows
}

#[tokio::test]
async fn a_good_store_has_no_problems() {
    for kind in [IndexKind::Redb, IndexKind::Sled] {
        let dir = tempfile::tempdir().unwrap();
        closed(dir.path(), kind).await;
        let report = check(dir.path(), kind);
        assert_eq!((report.position, report.frames, report.rows, report.checkpoints), (200, 200, 200, 2));
        assert_eq!(report.events, 200);
        assert!(report.segments > 1 && report.problems.is_empty(), "{report:?}");
    }
}

#[tokio::test]
async fn a_check_names_the_file_and_the_offset_of_each_damage() {
    let dir = tempfile::tempdir().unwrap();
    closed(dir.path(), IndexKind::Redb).await;
    flip(&segment(dir.path(), 1), 100_000);
    let checkpoint = crate::checkpoint::files::path_of(&crate::checkpoint::files::dir_of(dir.path()), 80);
    flip(&checkpoint, 70_000);
    let report = check(dir.path(), IndexKind::Redb);
    let found: Vec<_> = report.problems.iter().map(|problem| (problem.file.clone(), problem.offset)).collect();
    assert_eq!(found.len(), 2, "{report:?}");
    assert_eq!(found[0].0, segment(dir.path(), 1));
    assert!(found[0].1 <= 100_000 && found[0].1 > 90_000);
    assert_eq!(found[1], (checkpoint, 64 * 1024));
    assert!(report.problems[0].remedy.contains("backup") && report.problems[1].remedy.contains("remove it"));
}

#[tokio::test]
async fn a_check_finds_an_index_that_is_not_what_the_log_says() {
    let (dir, other) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    closed(dir.path(), IndexKind::Redb).await;
    // The same installation, but another batch at the last position.
    let copy = maintain::backup(&options(dir.path(), IndexKind::Redb), other.path()).unwrap();
    assert_eq!(copy.position, 200);
    for (dir, key) in [(dir.path(), "one"), (other.path(), "two")] {
        let store = open(dir, IndexKind::Redb).unwrap();
        put(&store, key).await.unwrap();
        store.close().await;
    }
    fs::copy(other.path().join("index/redb.db"), dir.path().join("index/redb.db")).unwrap();
    let report = check(dir.path(), IndexKind::Redb);
    assert_eq!(report.problems.len(), 1, "{report:?}");
    assert!(report.problems[0].remedy.contains("made again"));
    fs::remove_file(dir.path().join("index/redb.db")).unwrap();
    open(dir.path(), IndexKind::Redb).unwrap().close().await;
    assert!(check(dir.path(), IndexKind::Redb).problems.is_empty(), "the remedy works");
}

#[tokio::test]
async fn a_store_in_use_is_neither_checked_nor_copied_from_outside() {
    let (dir, into) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let _store = open(dir.path(), IndexKind::Memory).unwrap();
    let options = options(dir.path(), IndexKind::Memory);
    assert!(matches!(maintain::check(&options, &mut |_| {}), Err(OpenError::Locked { .. })));
    assert!(matches!(maintain::backup(&options, into.path()), Err(BackupError::Store(OpenError::Locked { .. }))));
}

#[tokio::test]
async fn an_engine_is_changed_with_the_data_in_place_and_the_old_one_is_gone() {
    let dir = tempfile::tempdir().unwrap();
    let expected = closed(dir.path(), IndexKind::Redb).await;
    for (to, gone) in [(IndexKind::Sled, "redb.db"), (IndexKind::Redb, "sled"), (IndexKind::Memory, "redb.db")] {
        let converted = maintain::convert(&options(dir.path(), to)).unwrap();
        assert_eq!((converted.position, converted.rows), (200, 200));
        let files: Vec<_> = [to].into_iter().filter(|kind| *kind != IndexKind::Memory).collect();
        assert_eq!(maintain::engines(dir.path()), files);
        assert!(!dir.path().join("index").join(gone).exists());
        let store = open(dir.path(), to).unwrap();
        assert_eq!(rows(&store).await, expected);
        store.close().await;
    }
}

#[tokio::test]
async fn a_backup_of_a_store_at_work_is_consistent_and_the_next_copies_what_came_since() {
    let (dir, into) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    closed(dir.path(), IndexKind::Redb).await;
    let store = open(dir.path(), IndexKind::Redb).unwrap();
    let writing = {
        let store = Arc::clone(&store);
        tokio::spawn(async move { fill(&store, 200, 200).await })
    };
    let first = store.backup(into.path()).unwrap();
    writing.await.unwrap();
    assert!(first.position >= 200 && first.files > 3);
    let second = store.backup(into.path()).unwrap();
    assert_eq!(second.position, 400);
    assert!(second.bytes < 600_000 && second.files < first.files + 3, "{first:?} {second:?}");
    let third = store.backup(into.path()).unwrap();
    assert_eq!((third.files, third.bytes), (0, 0), "nothing came since");
    let expected = rows(&store).await;
    store.close().await;
    let restored = tempfile::tempdir().unwrap();
    maintain::restore(into.path(), restored.path(), Until::End, Part::Everything).unwrap();
    let store = open(restored.path(), IndexKind::Redb).unwrap();
    assert_eq!(rows(&store).await, expected);
    assert_eq!(store.events(0, 1_000).await.unwrap().events.len(), 400);
    store.close().await;
    assert!(check(restored.path(), IndexKind::Redb).problems.is_empty());
}

#[tokio::test]
async fn a_store_is_restored_to_any_position_and_to_any_time() {
    let (dir, backup) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let all = closed(dir.path(), IndexKind::Redb).await;
    maintain::backup(&options(dir.path(), IndexKind::Redb), backup.path()).unwrap();
    let moments = [1, 2, 79, 80, 81, 125, 126, 159, 160, 161, 199, 200];
    let each = moments
        .iter()
        .flat_map(|position| [(Until::Position(*position), *position), (Until::Time(position * 10 + 5), *position)]);
    for (until, position) in each {
        let into = tempfile::tempdir().unwrap();
        let restored = maintain::restore(backup.path(), into.path(), until, Part::Everything).unwrap();
        assert_eq!(restored.position, position);
        let store = open(into.path(), IndexKind::Memory).unwrap();
        assert_eq!(rows(&store).await, all[..position as usize], "{until:?}");
        let next = put(&store, "next").await.unwrap();
        assert_eq!((next.position, next.revision), (position + 1, position + 1));
    }
}

#[tokio::test]
async fn a_part_of_a_store_is_restored_as_a_store_of_its_own() {
    let (dir, backup) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let all = closed(dir.path(), IndexKind::Redb).await;
    maintain::backup(&options(dir.path(), IndexKind::Redb), backup.path()).unwrap();
    let into = tempfile::tempdir().unwrap();
    let wanted =
        |shard: star_core::ports::meta::Shard, key: &Key| shard.number() == 1 && key.as_bytes().starts_with(b"k01");
    maintain::restore(backup.path(), into.path(), Until::Position(190), Part::Rows(&wanted)).unwrap();
    let store = open(into.path(), IndexKind::Redb).unwrap();
    assert_eq!(rows(&store).await, all[10..20]);
    assert_eq!(store.status().oldest_event, 191, "it begins without events");
    assert_eq!(put(&store, "next").await.unwrap().revision, 191);
    store.close().await;
    assert!(check(into.path(), IndexKind::Redb).problems.is_empty());
}

#[tokio::test]
async fn what_cannot_be_restored_is_refused_before_anything_is_written() {
    let (dir, backup) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    closed(dir.path(), IndexKind::Memory).await;
    maintain::backup(&options(dir.path(), IndexKind::Memory), backup.path()).unwrap();
    let restore = |into: &Path, until| maintain::restore(backup.path(), into, until, Part::Everything);
    assert!(matches!(restore(dir.path(), Until::End), Err(RestoreError::NotEmpty { .. })));
    let into = tempfile::tempdir().unwrap();
    let beyond = restore(into.path(), Until::Position(201));
    assert!(matches!(beyond, Err(RestoreError::NotReached { position: 201, end: 200 })));
    flip(&segment(backup.path(), 1), 100_000);
    let damaged = restore(into.path(), Until::Position(60));
    assert!(matches!(damaged, Err(RestoreError::Store(OpenError::Damaged { .. }))));
    assert_eq!(fs::read_dir(into.path()).unwrap().count(), 0);
    let nothing = maintain::restore(into.path(), &into.path().join("new"), Until::End, Part::Everything);
    assert!(matches!(nothing, Err(RestoreError::NoBackup { .. })));
}
