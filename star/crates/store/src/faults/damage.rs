//! Bytes that are not what was written.

use std::fs;

use star_core::ports::meta::{MetaStore, ReadError};

use super::{count, open, put, putting, segment, with_journal, written};
use crate::limits::{SEGMENT_BYTES, SEGMENT_HEADER_BYTES};
use crate::{IndexKind, OpenError};

#[track_caller]
fn damaged(opened: Result<std::sync::Arc<crate::Store>, OpenError>) -> (std::path::PathBuf, u64, String) {
    match opened {
        Err(OpenError::Damaged { file, offset, remedy, .. }) => (file, offset, remedy),
        Err(other) => panic!("{other}"),
        Ok(_) => panic!("a damaged journal was opened"),
    }
}

#[tokio::test]
async fn a_flipped_bit_in_any_batch_is_refused_with_place_and_remedy() {
    let dir = tempfile::tempdir().unwrap();
    let lengths = written(dir.path(), IndexKind::Memory, 4).await;
    let whole = fs::read(segment(dir.path(), 1)).unwrap();
    for at in SEGMENT_HEADER_BYTES..lengths[4] {
        let mut bytes = whole.clone();
        bytes[at] ^= 1 << (at % 8);
        let copy = with_journal(&bytes);
        let (file, offset, remedy) = damaged(open(copy.path(), IndexKind::Memory));
        let frame = lengths.iter().rev().find(|length| **length <= at).unwrap();
        assert_eq!((file, offset), (segment(copy.path(), 1), *frame as u64), "flipped at {at}");
        assert!(remedy.contains("backup") && remedy.contains(&format!("truncate -s {offset}")));
        assert_eq!(fs::read(segment(copy.path(), 1)).unwrap(), bytes, "nothing was changed");
    }
}

#[tokio::test]
async fn a_flipped_bit_in_the_header_of_a_segment_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    written(dir.path(), IndexKind::Memory, 2).await;
    let whole = fs::read(segment(dir.path(), 1)).unwrap();
    for at in (0..SEGMENT_HEADER_BYTES).step_by(101) {
        let mut bytes = whole.clone();
        bytes[at] ^= 4;
        let copy = with_journal(&bytes);
        let (file, offset, remedy) = damaged(open(copy.path(), IndexKind::Memory));
        assert_eq!(offset, 0);
        assert!(remedy.contains(&format!("remove {}", file.display())), "{remedy}");
    }
}

#[tokio::test]
async fn a_journal_that_lost_what_the_index_has_seen_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    let lengths = written(dir.path(), IndexKind::Redb, 4).await;
    let whole = fs::read(segment(dir.path(), 1)).unwrap();
    fs::write(segment(dir.path(), 1), &whole[..lengths[3]]).unwrap();
    let (_, offset, remedy) = damaged(open(dir.path(), IndexKind::Redb));
    assert_eq!(offset, lengths[3] as u64);
    assert!(remedy.contains("index"));
    fs::remove_dir_all(dir.path().join("index")).unwrap();
    assert_eq!(count(&open(dir.path(), IndexKind::Redb).unwrap()).await, 3, "the remedy works");
}

#[tokio::test]
async fn a_cut_as_the_remedy_says_opens_with_what_is_before() {
    let dir = tempfile::tempdir().unwrap();
    let lengths = written(dir.path(), IndexKind::Memory, 4).await;
    let mut bytes = fs::read(segment(dir.path(), 1)).unwrap();
    bytes[lengths[1] + 20] ^= 1;
    fs::write(segment(dir.path(), 1), &bytes).unwrap();
    let (_, offset, _) = damaged(open(dir.path(), IndexKind::Memory));
    fs::write(segment(dir.path(), 1), &bytes[..offset as usize]).unwrap();
    assert_eq!(count(&open(dir.path(), IndexKind::Memory).unwrap()).await, 1);
}

#[tokio::test]
async fn a_journal_of_a_later_version_is_named_and_left_alone() {
    let dir = tempfile::tempdir().unwrap();
    written(dir.path(), IndexKind::Memory, 1).await;
    let mut bytes = fs::read(segment(dir.path(), 1)).unwrap();
    bytes[8..10].copy_from_slice(&2u16.to_be_bytes());
    let crc = crc32c::crc32c(&bytes[..SEGMENT_HEADER_BYTES - 4]);
    bytes[SEGMENT_HEADER_BYTES - 4..SEGMENT_HEADER_BYTES].copy_from_slice(&crc.to_be_bytes());
    let copy = with_journal(&bytes);
    assert!(matches!(open(copy.path(), IndexKind::Memory), Err(OpenError::TooNew { version: 2, .. })));
}

#[tokio::test]
async fn a_second_store_in_the_same_directory_is_told_who_has_it() {
    let dir = tempfile::tempdir().unwrap();
    let first = open(dir.path(), IndexKind::Memory).unwrap();
    match open(dir.path(), IndexKind::Memory) {
        Err(OpenError::Locked { pid, .. }) => assert_eq!(pid, Some(std::process::id())),
        other => panic!("{:?}", other.map(|_| "opened")),
    }
    first.close().await;
    open(dir.path(), IndexKind::Memory).unwrap();
}

/// Fills three segments with large batches.
async fn three_segments(dir: &std::path::Path) -> u64 {
    let store = open(dir, IndexKind::Redb).unwrap();
    let mut position = 0;
    while store.status().segments < 3 {
        let mut batch = putting("same", b"");
        batch.events[0].body = vec![b'e'; 20_000].into();
        position = store.commit(batch).await.unwrap().position;
    }
    put(&store, "k0").await.unwrap();
    store.close().await;
    position + 1
}

fn flip(path: &std::path::Path, at: u64) {
    use std::os::unix::fs::FileExt;
    let file = fs::File::options().read(true).write(true).open(path).unwrap();
    let mut byte = [0];
    file.read_exact_at(&mut byte, at).unwrap();
    file.write_all_at(&[byte[0] ^ 8], at).unwrap();
}

#[tokio::test]
async fn segments_follow_each_other_and_damage_is_found_where_it_is_read() {
    let dir = tempfile::tempdir().unwrap();
    let last = three_segments(dir.path()).await;
    let store = open(dir.path(), IndexKind::Redb).unwrap();
    let mut cursor = 0;
    let mut events = 0;
    while cursor < last {
        let page = store.events(cursor, 50).await.unwrap();
        assert!(page.read_to > cursor);
        events += page.events.len() as u64;
        cursor = page.read_to;
    }
    assert_eq!(events, last);
    drop(store);

    flip(&segment(dir.path(), 1), SEGMENT_BYTES / 2);
    let store = open(dir.path(), IndexKind::Redb).unwrap();
    assert_eq!(count(&store).await, 1, "what is in the index does not need the first segment");
    let read = store.events(0, 1_000).await.unwrap();
    let mut cursor = read.read_to;
    let failed = loop {
        match store.events(cursor, 1_000).await {
            Ok(page) => cursor = page.read_to,
            Err(error) => break error,
        }
    };
    assert!(matches!(&failed, ReadError::Corrupt { what } if what.contains("0000000000000001.seg")), "{failed}");
    drop(store);

    let firsts: Vec<u64> = (2..=last).filter(|first| segment(dir.path(), *first).exists()).collect();
    flip(&segment(dir.path(), firsts[0]), SEGMENT_BYTES / 2);
    assert_eq!(damaged(open(dir.path(), IndexKind::Redb)).0, segment(dir.path(), firsts[0]));
}

#[tokio::test]
async fn a_journal_without_its_beginning_makes_no_index() {
    let dir = tempfile::tempdir().unwrap();
    three_segments(dir.path()).await;
    fs::remove_file(segment(dir.path(), 1)).unwrap();
    let store = open(dir.path(), IndexKind::Redb).unwrap();
    assert_eq!(count(&store).await, 1);
    let compacted = store.events(0, 10).await;
    assert!(matches!(compacted, Err(ReadError::Compacted { oldest }) if oldest > 1));
    drop(store);
    fs::remove_dir_all(dir.path().join("index")).unwrap();
    let (file, _, remedy) = damaged(open(dir.path(), IndexKind::Redb));
    assert_eq!(file, dir.path().join("journal"));
    assert!(remedy.contains("restore the missing segments"), "{remedy}");
}
