//! A journal that ends in the middle of a write.

use std::fs;
use std::sync::Arc;

use star_core::ports::meta::{MetaStore, Shard};

use super::{count, open, put, segment, with_journal, written};
use crate::disk::LocalDisk;
use crate::journal::append::{Appender, Entry};
use crate::journal::{Sizes, body, replay};
use crate::limits::SEGMENT_HEADER_BYTES;
use crate::{IndexKind, OpenError};

#[tokio::test]
async fn a_journal_cut_at_any_byte_opens_with_all_whole_batches_before_it() {
    let dir = tempfile::tempdir().unwrap();
    let lengths = written(dir.path(), IndexKind::Memory, 6).await;
    let whole = fs::read(segment(dir.path(), 1)).unwrap();
    assert_eq!(whole.len(), lengths[6]);
    for cut in lengths[3]..=whole.len() {
        let kept = lengths.iter().filter(|length| **length <= cut).count() - 1;
        let copy = with_journal(&whole[..cut]);
        let store = open(copy.path(), IndexKind::Memory).unwrap();
        assert_eq!(count(&store).await, kept, "cut at {cut}");
        let next = put(&store, &format!("k{kept}")).await.unwrap();
        assert_eq!((next.position, next.revision), (kept as u64 + 1, kept as u64 + 1));
        drop(store);
        let store = open(copy.path(), IndexKind::Memory).unwrap();
        assert_eq!(count(&store).await, kept + 1, "cut at {cut}, opened again");
    }
}

#[tokio::test]
async fn reserved_space_behind_the_last_batch_is_the_end() {
    let dir = tempfile::tempdir().unwrap();
    written(dir.path(), IndexKind::Memory, 3).await;
    let whole = fs::read(segment(dir.path(), 1)).unwrap();
    let copy = with_journal(&[whole.as_slice(), &[0; 10_000]].concat());
    let store = open(copy.path(), IndexKind::Memory).unwrap();
    assert_eq!(count(&store).await, 3);
    assert_eq!(store.status().journal_bytes, whole.len() as u64);
    put(&store, "k3").await.unwrap();
    assert!(fs::metadata(segment(copy.path(), 1)).unwrap().len() > whole.len() as u64 + 1_000, "space is reserved");
    drop(store);
    let store = open(copy.path(), IndexKind::Memory).unwrap();
    assert_eq!(count(&store).await, 4);
    store.close().await;
    assert_eq!(fs::metadata(segment(copy.path(), 1)).unwrap().len(), store.status().journal_bytes);
}

#[tokio::test]
async fn noise_behind_the_last_batch_is_not_what_a_torn_write_leaves() {
    let dir = tempfile::tempdir().unwrap();
    written(dir.path(), IndexKind::Memory, 3).await;
    let whole = fs::read(segment(dir.path(), 1)).unwrap();
    for tail in [vec![0xa5; 333], b"\xa5STJ\x01\x01".repeat(50)] {
        let copy = with_journal(&[whole.as_slice(), &tail].concat());
        match open(copy.path(), IndexKind::Memory) {
            Err(OpenError::Damaged { offset, .. }) => assert_eq!(offset, whole.len() as u64),
            other => panic!("{:?}", other.map(|_| "opened")),
        }
    }
}

#[tokio::test]
async fn redb_opens_over_a_torn_journal_too() {
    let dir = tempfile::tempdir().unwrap();
    let lengths = written(dir.path(), IndexKind::Memory, 6).await;
    let whole = fs::read(segment(dir.path(), 1)).unwrap();
    for cut in (lengths[4]..whole.len()).step_by(17) {
        let copy = with_journal(&whole[..cut]);
        let store = open(copy.path(), IndexKind::Redb).unwrap();
        let kept = lengths.iter().filter(|length| **length <= cut).count() - 1;
        assert_eq!(count(&store).await, kept);
    }
}

/// Three frames written by one sync; gives the offset of each and of the end.
fn one_group_of_three(dir: &std::path::Path) -> Vec<usize> {
    let mut appender = opened(dir);
    let mut offsets = vec![SEGMENT_HEADER_BYTES];
    for number in 0..3 {
        let body = body::encode(&super::putting(&format!("k{number}"), b"v"));
        offsets.push(offsets[number] + crate::journal::record::HEADER_BYTES + body.len());
        let revision = number as u64 + 1;
        appender.stage(&Entry { shard: Shard::new(1).unwrap(), revision, id: revision.into(), at: 0, body: &body });
    }
    appender.write(0).unwrap();
    offsets
}

fn opened(dir: &std::path::Path) -> Appender {
    replay::open(Arc::new(LocalDisk), &dir.join("journal"), Sizes::default(), 0, |_, _| {}).unwrap()
}

#[tokio::test]
async fn a_group_of_which_any_frame_did_not_reach_the_disk_is_cut_there() {
    for lost in 0..3 {
        let dir = tempfile::tempdir().unwrap();
        let offsets = one_group_of_three(dir.path());
        let mut bytes = fs::read(segment(dir.path(), 1)).unwrap();
        bytes[offsets[lost]..offsets[lost + 1]].fill(0);
        fs::write(segment(dir.path(), 1), &bytes).unwrap();
        let store = open(dir.path(), IndexKind::Memory).unwrap();
        assert_eq!(count(&store).await, lost, "frame {lost} of the group was lost");
    }
}
