//! Files that are not what was written: noticed, never given out as good, repaired by the bytes.

use std::fs::{self, OpenOptions};
use std::os::unix::fs::FileExt;
use std::path::Path;

use futures::StreamExt;
use star_core::ports::content::{ContentError, ContentStatus, ContentStore, Reading};

use crate::fixture::{Fixture, content, get, noise, put_whole, until};

fn truncate(file: &Path, len: u64) {
    OpenOptions::new().write(true).open(file).unwrap().set_len(len).unwrap();
}

fn flip(file: &Path, at: u64) {
    let file = OpenOptions::new().read(true).write(true).open(file).unwrap();
    let mut byte = [0];
    file.read_exact_at(&mut byte, at).unwrap();
    file.write_all_at(&[byte[0] ^ 1], at).unwrap();
}

fn is_corrupt<T>(result: &Result<T, ContentError>) -> bool {
    matches!(result, Err(ContentError::Corrupt { .. }))
}

#[tokio::test]
async fn a_small_content_with_a_flipped_bit_is_not_given_out() {
    let fixture = Fixture::new();
    let held = put_whole(&*fixture.store, &noise(5000, 1)).await;
    flip(&fixture.file(&held.digest), 4321);
    assert!(is_corrupt(&get(&*fixture.store, &held, None).await));
}

#[tokio::test]
async fn a_flipped_bit_anywhere_is_found_by_a_check() {
    let fixture = Fixture::new();
    for (size, at) in [(1, 0), (5000, 4999), (20_000_000, 19_999_999)] {
        let held = put_whole(&*fixture.store, &noise(size, 2)).await;
        assert_eq!(fixture.store.verify(&held.digest).await.unwrap(), held);
        flip(&fixture.file(&held.digest), at);
        assert!(is_corrupt(&fixture.store.verify(&held.digest).await));
    }
    let absent = content(b"absent").digest;
    let unknown = fixture.store.verify(&absent).await.unwrap_err();
    assert!(matches!(unknown, ContentError::Unknown(_)), "{unknown}");
}

#[tokio::test]
async fn a_file_cut_before_it_is_opened_is_an_error() {
    let fixture = Fixture::new();
    for size in [5000, 500_000] {
        let held = put_whole(&*fixture.store, &noise(size, 3)).await;
        truncate(&fixture.file(&held.digest), 100);
        assert!(is_corrupt(&fixture.store.read(&held, None).await));
    }
}

#[tokio::test]
async fn a_file_cut_while_it_is_read_ends_in_an_error_and_not_early() {
    let fixture = Fixture::new();
    let bytes = noise(3_000_000, 4);
    let held = put_whole(&*fixture.store, &bytes).await;
    let Reading::Stream(mut stream) = fixture.store.read(&held, None).await.unwrap() else {
        panic!("three megabytes come as a stream");
    };
    let mut got = stream.next().await.unwrap().unwrap().to_vec();
    truncate(&fixture.file(&held.digest), 1_000_000);
    let end = loop {
        match stream.next().await.expect("an error comes before the end") {
            Ok(piece) => got.extend_from_slice(&piece),
            Err(error) => break error,
        }
    };
    assert!(matches!(end, ContentError::Corrupt { .. }), "{end}");
    assert!(bytes.starts_with(&got));
    assert!(stream.next().await.is_none());
    assert!(is_corrupt(&fixture.store.read(&held, None).await), "and for the next reader");
}

#[tokio::test]
async fn the_right_bytes_repair_a_file_of_the_wrong_length() {
    let fixture = Fixture::new();
    until(|| fixture.store.is_counted()).await;
    for size in [5000, 500_000] {
        let bytes = noise(size, 5);
        let held = put_whole(&*fixture.store, &bytes).await;
        truncate(&fixture.file(&held.digest), 100);
        fixture.store.verify(&held.digest).await.unwrap_err();
        assert_eq!(put_whole(&*fixture.store, &bytes).await, held);
        assert!(get(&*fixture.store, &held, None).await.unwrap() == bytes);
        assert_eq!(fixture.store.verify(&held.digest).await.unwrap(), held);
    }
    assert_eq!(fixture.store.status().contents, 2);
    assert_eq!(fixture.files().len(), 2);
}

#[tokio::test]
async fn a_symbolic_link_is_never_followed() {
    let fixture = Fixture::new();
    for size in [500, 500_000] {
        let bytes = noise(size, 6);
        let held = content(&bytes);
        let target = fixture.dir.path().join("elsewhere");
        fs::write(&target, &bytes).unwrap();
        std::os::unix::fs::symlink(&target, fixture.file(&held.digest)).unwrap();
        assert_eq!(fixture.store.stat(&held.digest).await.unwrap(), None);
        assert!(is_corrupt(&fixture.store.read(&held, None).await));
        put_whole(&*fixture.store, &bytes).await;
        assert!(fixture.file(&held.digest).symlink_metadata().unwrap().is_file());
        assert!(get(&*fixture.store, &held, None).await.unwrap() == bytes);
    }
}

#[tokio::test]
async fn strangers_in_the_directories_are_not_counted() {
    let fixture = Fixture::new();
    put_whole(&*fixture.store, &noise(10, 7)).await;
    let shard = fixture.dir.path().join("content/abc");
    fs::write(shard.join("notes.txt"), "not a content").unwrap();
    fs::create_dir(shard.join("abc".repeat(21) + "a")).unwrap();
    let fixture = fixture.reopened();
    until(|| fixture.store.is_counted()).await;
    assert_eq!(fixture.store.status(), ContentStatus { contents: 1, bytes: 10 });
}
