//! A journal that ends in the middle of a write.

use std::fs;
use std::sync::Arc;

use star_core::ports::meta::Shard;

use super::{count, open, put, segment, with_journal, written};
use crate::IndexKind;
use crate::disk::LocalDisk;
use crate::journal::append::{Appender, Entry};
use crate::journal::{body, replay};
use crate::limits::SEGMENT_HEADER_BYTES;

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
async fn zeros_or_noise_behind_the_last_batch_are_cut() {
    let dir = tempfile::tempdir().unwrap();
    written(dir.path(), IndexKind::Memory, 3).await;
    let whole = fs::read(segment(dir.path(), 1)).unwrap();
    for tail in [vec![0; 10_000], vec![0xa5; 333], b"\xa5STJ\x01\x01".repeat(50)] {
        let copy = with_journal(&[whole.as_slice(), &tail].concat());
        let store = open(copy.path(), IndexKind::Memory).unwrap();
        assert_eq!(count(&store).await, 3);
        drop(store);
        assert_eq!(fs::read(segment(copy.path(), 1)).unwrap(), whole);
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
    replay::open(Arc::new(LocalDisk), &dir.join("journal"), 0, |_, _| {}).unwrap()
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
