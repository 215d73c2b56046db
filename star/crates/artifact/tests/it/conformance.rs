//! What every content store does, wherever it keeps its bytes.

use bytes::Bytes;
use futures::StreamExt;
use star_core::ports::content::{ByteRange, ContentError, ContentStatus, ContentStore, Expected, Reading};

use crate::fixture::{Fixture, content, get, noise, put, put_whole, soon, until};

/// Sizes around every border that the store has.
const SIZES: [usize; 8] = [0, 1, 4096, 65_536, 65_537, 262_144, 262_145, 3_000_001];

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_went_in_comes_out() {
    let fixture = Fixture::new().await;
    let store = fixture.port();
    for (seed, size) in (1..).zip(SIZES) {
        let bytes = noise(size, seed);
        let put = put_whole(&*store, &bytes).await;
        assert_eq!(put, content(&bytes), "{size}");
        assert_eq!(store.stat(&put.digest).await.unwrap(), Some(put.clone()));
        assert!(get(&*store, &put, None).await.unwrap() == bytes, "{size}");
        assert!(get(&*store, &put, None).await.unwrap() == bytes, "{size}, once more");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_went_in_is_there_after_a_restart() {
    let fixture = Fixture::new().await;
    let bytes = [noise(10, 1), noise(200_000, 2)];
    for bytes in &bytes {
        fixture.keep(bytes).await;
    }
    let fixture = fixture.reopened().await;
    for bytes in &bytes {
        assert!(get(&*fixture.store, &content(bytes), None).await.unwrap() == *bytes);
    }
    until(|| fixture.store.status() == ContentStatus { contents: 2, bytes: 200_010 }).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_size_of_the_pieces_does_not_matter() {
    let fixture = Fixture::new().await;
    let bytes = noise(1_500_000, 9);
    for piece in [999, 65_536, 262_144, 1_500_000] {
        let put = put(&*fixture.store, &bytes, piece, Expected::default()).await.unwrap();
        assert_eq!(put, content(&bytes), "{piece}");
    }
    until(|| fixture.store.status() == ContentStatus { contents: 1, bytes: 1_500_000 }).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn bytes_that_were_not_announced_are_refused_and_not_kept() {
    let fixture = Fixture::new().await;
    let store = fixture.port();
    let bytes = noise(300_000, 3);
    let other = content(b"other").digest;
    let digest = Expected { digest: Some(other), ..Expected::default() };
    let short = Expected { size_bytes: Some(299_999), ..Expected::default() };
    let long = Expected { size_bytes: Some(300_001), ..Expected::default() };
    for (expected, wrong) in [(digest, "digest"), (short, "size"), (long, "size")] {
        let refused = put(&*store, &bytes, 50_000, expected).await.unwrap_err();
        assert!(matches!(refused, ContentError::Mismatch { what, .. } if what == wrong), "{refused}");
    }
    let announced = content(&bytes);
    assert_eq!(store.stat(&announced.digest).await.unwrap(), None);
    let expected = Expected {
        digest: Some(announced.digest.clone()),
        size_bytes: Some(announced.size_bytes),
        limit_bytes: Some(announced.size_bytes),
    };
    assert_eq!(put(&*store, &bytes, 50_000, expected).await.unwrap(), announced);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn more_bytes_than_allowed_are_refused_as_soon_as_they_come() {
    let fixture = Fixture::new().await;
    let limit = Expected { limit_bytes: Some(100), ..Expected::default() };
    let mut ingest = fixture.store.ingest(limit.clone()).await.unwrap();
    ingest.write(noise(100, 1)).await.unwrap();
    let refused = ingest.write(noise(1, 1)).await.unwrap_err();
    assert!(matches!(refused, ContentError::TooLarge { limit_bytes: 100 }), "{refused}");
    ingest.finish().await.expect_err("nothing is published after a refusal");
    let announced = Expected { size_bytes: Some(101), ..limit };
    let refused = fixture.store.ingest(announced).await.err().unwrap();
    assert!(matches!(refused, ContentError::TooLarge { limit_bytes: 100 }), "{refused}");
    assert_eq!(fixture.store.status(), ContentStatus::default());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_unknown_content_is_unknown() {
    let fixture = Fixture::new().await;
    for size in [10, 100_000] {
        let absent = content(&noise(size, 77));
        assert_eq!(fixture.store.stat(&absent.digest).await.unwrap(), None);
        let unknown = fixture.store.read(&absent, None).await.err().unwrap();
        assert!(matches!(unknown, ContentError::Unknown(digest) if digest == absent.digest));
        put_whole(&*fixture.store, &noise(size, 77)).await;
        get(&*fixture.store, &absent, None).await.expect("an earlier absence is not remembered");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_range_outside_of_the_content_is_an_error() {
    let fixture = Fixture::new().await;
    for size in [10, 100_000] {
        let put = put_whole(&*fixture.store, &noise(size, 1)).await;
        let size = put.size_bytes;
        for (start, len) in [(0, size + 1), (size, 1), (size + 1, 0), (u64::MAX, 2)] {
            let range = Some(ByteRange { start, len });
            assert!(fixture.store.read(&put, range).await.is_err(), "{len} from {start} of {size}");
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_dropped_ingest_leaves_nothing() {
    let fixture = Fixture::new().await;
    let mut ingest = fixture.store.ingest(Expected::default()).await.unwrap();
    ingest.write(noise(2_000_000, 1)).await.unwrap();
    drop(ingest);
    assert_eq!(fixture.store.status(), ContentStatus::default());
    assert_eq!(fixture.store.stat(&content(&noise(2_000_000, 1)).digest).await.unwrap(), None);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn many_ingests_of_the_same_bytes_make_one_content() {
    let fixture = Fixture::new().await;
    let bytes = noise(700_000, 5);
    let ingests = (0..16).map(|_| {
        let (store, bytes) = (fixture.port(), bytes.clone());
        tokio::spawn(async move { put_whole(&*store, &bytes).await })
    });
    for ingest in ingests.collect::<Vec<_>>() {
        assert_eq!(ingest.await.unwrap(), content(&bytes));
    }
    until(|| fixture.store.status() == ContentStatus { contents: 1, bytes: 700_000 }).await;
    assert!(get(&*fixture.store, &content(&bytes), None).await.unwrap() == bytes);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_reader_does_not_notice_the_same_bytes_coming_again() {
    let fixture = Fixture::new().await;
    let bytes = noise(2_000_000, 6);
    let held = put_whole(&*fixture.store, &bytes).await;
    let Reading::Stream(mut before) = fixture.store.read(&held, None).await.unwrap() else {
        panic!("two megabytes come as a stream");
    };
    let mut got = before.next().await.unwrap().unwrap().to_vec();
    let mut again = fixture.store.ingest(Expected::default()).await.unwrap();
    again.write(bytes.clone()).await.unwrap();
    let during = get(&*fixture.store, &held, None).await.unwrap();
    assert_eq!(again.finish().await.unwrap(), held);
    while let Some(piece) = before.next().await {
        got.extend_from_slice(&piece.unwrap());
    }
    let after = get(&*fixture.store, &held, None).await.unwrap();
    assert!(got == bytes && during == bytes && after == bytes);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn idle_senders_do_not_starve_a_busy_one() {
    let fixture = Fixture::new().await;
    let kept_waiting = Bytes::from(vec![7; 200_000]);
    let mut idle = Vec::new();
    for _ in 0..400 {
        let mut ingest = fixture.store.ingest(Expected::default()).await.unwrap();
        soon(ingest.write(kept_waiting.clone())).await.unwrap();
        idle.push(ingest);
    }
    let bytes = noise(4_000_000, 8);
    assert_eq!(soon(put_whole(&*fixture.store, &bytes)).await, content(&bytes));
}
