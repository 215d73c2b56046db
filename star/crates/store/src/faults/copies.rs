//! Copies of a store that another process has open, one after the other into the same directory.

use std::fs;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use star_core::ports::meta::{Key, KeyRange, MetaStore};

use super::{flip, open, put, putting, segment};
use crate::maintain::{self, BackupError, Part, RestoreError, Until};
use crate::{IndexKind, Retention, Store};

async fn fill(store: &Store, from: u64, count: u64) {
    for number in from..from + count {
        store.commit(putting(&format!("k{number:05}"), &[b'v'; 2_000])).await.unwrap();
    }
}

fn restored(backup: &Path, until: Until) -> Result<(tempfile::TempDir, u64), RestoreError> {
    let into = tempfile::tempdir().unwrap();
    let restored = maintain::restore(backup, into.path(), until, Part::Everything)?;
    Ok((into, restored.position))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_store_at_work_is_copied_from_outside_up_to_what_it_showed_to_be_durable() {
    let (dir, into) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let options = crate::OpenOptions {
        retention: Retention { age: std::time::Duration::ZERO, ..Retention::default() },
        disk: Arc::new(super::disk::FaultyDisk::that_syncs_nothing()),
        ..crate::OpenOptions::new(dir.path())
    };
    let store = Store::open(options).unwrap();
    fill(&store, 0, 150).await;
    let over = Arc::new(AtomicBool::new(false));
    let writing = {
        let (store, over) = (Arc::clone(&store), Arc::clone(&over));
        tokio::spawn(async move {
            let mut number = 150;
            while !over.load(Ordering::Relaxed) {
                fill(&store, number, 20).await;
                number += 20;
                if number % 200 == 10 {
                    store.checkpoint().await.unwrap();
                }
            }
        })
    };
    let mut last = 0;
    for round in 0..12 {
        let shown = *store.head().borrow();
        match maintain::backup_running(dir.path(), shown, into.path()) {
            Ok(done) => {
                assert!(done.position == shown && shown >= last);
                last = shown;
                let (copy, position) = restored(into.path(), Until::End).unwrap();
                assert!(position >= shown, "round {round}");
                let restored = open(copy.path(), IndexKind::Memory).unwrap();
                let rows = restored.read(&[Key::new(format!("k{:05}", shown - 1))]).await.unwrap();
                assert!(rows[0].is_some(), "what was shown is there");
                restored.close().await;
            }
            // What connects the two was trimmed meanwhile: another directory would be begun.
            Err(BackupError::Trimmed { .. } | BackupError::NotContinued { .. }) => {
                fs::remove_dir_all(into.path()).unwrap();
            }
            Err(other) => panic!("{other}"),
        }
    }
    over.store(true, Ordering::Relaxed);
    writing.await.unwrap();
    assert!(last >= 150, "some rounds came through");
    store.close().await;
}

#[tokio::test]
async fn the_last_segment_of_a_copy_goes_on_where_it_ended() {
    let (dir, into) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let store = open(dir.path(), IndexKind::Memory).unwrap();
    fill(&store, 0, 20).await;
    let first = maintain::backup_running(dir.path(), 20, into.path()).unwrap();
    assert!(first.bytes > 40_000);
    fill(&store, 20, 1).await;
    let second = maintain::backup_running(dir.path(), 21, into.path()).unwrap();
    assert!(second.files == 1 && second.bytes < 4_000, "{second:?}");
    assert_eq!(maintain::check_copy(into.path(), u64::MAX, &mut |_| {}).unwrap().frames, 21);
    store.close().await;
}

#[tokio::test]
async fn another_store_and_another_course_of_the_same_store_are_not_mixed() {
    let (dir, into) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let store = open(dir.path(), IndexKind::Memory).unwrap();
    fill(&store, 0, 20).await;
    store.backup(into.path()).unwrap();
    store.close().await;
    // Restored to an earlier moment, it goes on in another way.
    let (again, _) = restored(into.path(), Until::Position(10)).unwrap();
    let store = open(again.path(), IndexKind::Memory).unwrap();
    fill(&store, 100, 30).await;
    assert!(matches!(store.backup(into.path()), Err(BackupError::NotContinued { .. })));
    store.close().await;
    let stranger = tempfile::tempdir().unwrap();
    let store = open(stranger.path(), IndexKind::Memory).unwrap();
    put(&store, "k").await.unwrap();
    assert!(matches!(store.backup(into.path()), Err(BackupError::NotContinued { .. })));
    store.close().await;
    assert_eq!(restored(into.path(), Until::End).unwrap().1, 20, "the copy is as it was");
}

#[tokio::test]
async fn a_copy_is_checked_and_read_without_being_changed() {
    let (dir, into) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let store = open(dir.path(), IndexKind::Memory).unwrap();
    fill(&store, 0, 150).await;
    store.backup(into.path()).unwrap();
    let all = store.scan(KeyRange::prefix(""), 1_000).await.unwrap().rows;
    store.close().await;
    let mut seen = Vec::new();
    let position = maintain::rows(into.path(), Until::Position(40), &mut |_, key, value| {
        seen.push((key.clone(), value.to_vec()));
    });
    assert_eq!(position.unwrap(), 40);
    let expected: Vec<_> = all[..40].iter().map(|(key, row)| (key.clone(), row.value.to_vec())).collect();
    assert_eq!(seen, expected);
    let file = segment(into.path(), 1);
    flip(&file, 200_000);
    let check = |upto| maintain::check_copy(into.path(), upto, &mut |_| {}).unwrap().problems;
    let problems = check(u64::MAX);
    assert!(problems.len() == 1 && problems[0].file == file && problems[0].offset > 190_000, "{problems:?}");
    assert!(problems[0].remedy.contains("another backup"));
    assert!(check(40).is_empty(), "what lies behind the moment does not matter");
    assert!(!into.path().join("lock").exists() && !into.path().join("index").exists());
}

#[tokio::test]
async fn a_moment_before_what_the_copy_holds_is_refused() {
    let (dir, into) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let store = open(dir.path(), IndexKind::Memory).unwrap();
    fill(&store, 0, 300).await;
    store.checkpoint().await.unwrap();
    store.backup(into.path()).unwrap();
    store.close().await;
    fs::remove_file(segment(into.path(), 1)).unwrap();
    let refused = restored(into.path(), Until::Position(3)).unwrap_err();
    assert!(matches!(refused, RestoreError::NotCovered { from } if from > 3), "{refused:?}");
    assert_eq!(restored(into.path(), Until::End).unwrap().1, 300);
}
