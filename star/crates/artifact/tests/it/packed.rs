//! The store of packs through the door that its callers use.

use std::path::Path;
use std::sync::Arc;

use bytes::{Bytes, BytesMut};
use star_artifact::PackedStore;
use star_core::ports::content::{ByteRange, ContentError, ContentRef, ContentStore, Expected};
use star_core::ports::meta::{Batch, KeyRange, MetaStore, Operation, Shard};
use star_path::Digest;
use star_testkit::MemoryMeta;

use crate::fixture::{Fixture, content, get, noise, put, put_whole, text};

/// Sizes around every border that the store has.
const SIZES: [usize; 11] = [0, 1, 4096, 4097, 65_536, 65_537, 524_287, 524_288, 1_048_577, 3_000_001, 9_000_000];

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_went_in_comes_out_before_and_after_somebody_refers_to_it_and_after_a_restart() {
    let mut fixture = Fixture::new().await;
    let contents: Vec<Bytes> =
        (1..).zip(SIZES).flat_map(|(seed, size)| [noise(size, seed), text(size, seed + 100)]).collect();
    for bytes in &contents {
        let put = put_whole(&*fixture.store, bytes).await;
        assert_eq!(put, content(bytes), "{}", bytes.len());
        assert_eq!(fixture.store.stat(&put.digest).await.unwrap(), Some(put.clone()));
        assert!(get(&*fixture.store, &put, None).await.unwrap() == *bytes, "{}", bytes.len());
        fixture.refer(&put).await;
        assert!(get(&*fixture.store, &put, None).await.unwrap() == *bytes, "{}, once more", bytes.len());
    }
    for _ in 0..2 {
        fixture = fixture.reopened().await;
        for bytes in &contents {
            assert!(get(&*fixture.store, &content(bytes), None).await.unwrap() == *bytes, "{}", bytes.len());
        }
        fixture.store.close().await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn any_range_of_any_content_can_be_had() {
    let fixture = Fixture::new().await;
    for bytes in [text(3_000_000, 1), noise(3_000_000, 2), text(300_000, 3), text(50_000, 4), text(100, 5)] {
        let kept = fixture.keep(&bytes).await;
        let len = bytes.len() as u64;
        for (start, end) in [(0, 0), (0, 1), (1, len - 1), (len / 3, len / 2), (len - 1, len), (len, len)] {
            let range = ByteRange { start, len: end - start };
            let got = get(&*fixture.store, &kept, Some(range)).await.unwrap();
            assert!(got == bytes[start as usize..end as usize], "{start}..{end} of {len}");
        }
        get(&*fixture.store, &kept, Some(ByteRange { start: len, len: 1 })).await.unwrap_err();
        get(&*fixture.store, &kept, Some(ByteRange { start: u64::MAX, len: 2 })).await.unwrap_err();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_there_is_not_stored_again() {
    let mut fixture = Fixture::new().await;
    let first = text(16_000_000, 1);
    fixture.keep(&first).await;
    // Sealed packs have no room that was taken ahead.
    fixture = fixture.reopened().await;
    let once = fixture.packed_bytes();
    fixture.keep(&first).await;
    assert_eq!(fixture.packed_bytes(), once, "the same again");
    let mut second = BytesMut::from(&first[..]);
    second[8_000_000..8_000_010].copy_from_slice(b"0123456789");
    let second = second.freeze();
    let kept = fixture.keep(&second).await;
    fixture = fixture.reopened().await;
    let more = fixture.packed_bytes() - once;
    assert!(more < 2 << 20, "{more} bytes for a change of ten");
    assert!(get(&*fixture.store, &kept, None).await.unwrap() == second);
    assert!(get(&*fixture.store, &content(&first), None).await.unwrap() == first);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_repeats_itself_is_stored_once() {
    let mut fixture = Fixture::new().await;
    let zeros = Bytes::from(vec![0; 64 << 20]);
    let kept = fixture.keep(&zeros).await;
    let piece = noise(2_000_000, 3);
    let twice = Bytes::from([&piece[..], &piece[..], &piece[..]].concat());
    let twice = fixture.keep(&Bytes::from([b"no format", &twice[..]].concat())).await;
    fixture = fixture.reopened().await;
    assert!(fixture.packed_bytes() < 6_500_000, "{}", fixture.packed_bytes());
    assert!(get(&*fixture.store, &kept, None).await.unwrap() == zeros);
    assert_eq!(get(&*fixture.store, &twice, None).await.unwrap().len(), 6_000_009);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_not_announced_like_this_is_refused_and_unknown() {
    let fixture = Fixture::new().await;
    for size in [100, 1_000_000] {
        let bytes = text(size, 1);
        let other = Digest::sha256([7; 32]);
        let size = size as u64;
        for expected in [
            Expected { digest: Some(other.clone()), ..Expected::default() },
            Expected { size_bytes: Some(size - 1), ..Expected::default() },
            Expected { size_bytes: Some(size + 1), ..Expected::default() },
        ] {
            let error = put(&*fixture.store, &bytes, 10_000, expected).await.unwrap_err();
            assert!(matches!(error, ContentError::Mismatch { .. }), "{error:?}");
        }
        let limited = Expected { limit_bytes: Some(size - 1), ..Expected::default() };
        let error = put(&*fixture.store, &bytes, 10_000, limited).await.unwrap_err();
        assert!(matches!(error, ContentError::TooLarge { .. }), "{error:?}");
        let unknown = content(&bytes);
        assert_eq!(fixture.store.stat(&unknown.digest).await.unwrap(), None);
        assert!(matches!(fixture.store.refer(&unknown).await, Err(ContentError::Unknown(_))));
        assert!(matches!(get(&*fixture.store, &unknown, None).await, Err(ContentError::Unknown(_))));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_nobody_referred_to_is_unknown_after_a_restart_and_can_be_sent_again() {
    let mut fixture = Fixture::new().await;
    let bytes = text(3_000_000, 1);
    let put = put_whole(&*fixture.store, &bytes).await;
    fixture = fixture.reopened().await;
    assert_eq!(fixture.store.stat(&put.digest).await.unwrap(), None);
    let before = fixture.packed_bytes();
    fixture.keep(&bytes).await;
    assert_eq!(fixture.packed_bytes(), before, "its chunks were there all the same");
    assert!(get(&*fixture.store, &put, None).await.unwrap() == bytes);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_refers_second_relies_on_the_first() {
    let fixture = Fixture::new().await;
    let bytes = text(1_000_000, 1);
    let (one, other) = tokio::join!(put_whole(&*fixture.store, &bytes), put_whole(&*fixture.store, &bytes));
    let early = fixture.store.refer(&one).await.unwrap();
    fixture.refer(&other).await;
    let id = star_wire::MessageId::next().as_u128();
    let shard = Shard::of_space("acme");
    let (preconditions, operations) = (early.preconditions, early.operations);
    let batch = Batch { id, shard, preconditions, operations, events: Vec::new(), at: 0 };
    fixture.meta.commit(batch).await.unwrap_err();
    let late = fixture.store.refer(&one).await.unwrap();
    assert!(late.operations.is_empty() && late.preconditions.len() == 1, "{late:?}");
    assert!(get(&*fixture.store, &one, None).await.unwrap() == bytes);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_another_content_names_is_kept_with_it() {
    let mut fixture = Fixture::new().await;
    let named: Vec<ContentRef> = futures::future::join_all((0..5).map(|seed| {
        let store = Arc::clone(&fixture.store);
        async move { put_whole(&*store, &text(10 + 200_000 * seed, seed as u64)).await }
    }))
    .await;
    let index = put_whole(&*fixture.store, &Bytes::from_static(b"an index")).await;
    fixture.store.keep_with(&named, &index).await.unwrap();
    fixture.refer(&index).await;
    fixture = fixture.reopened().await;
    for (seed, content) in named.iter().enumerate() {
        let bytes = get(&*fixture.store, content, None).await.unwrap();
        assert!(bytes == text(10 + 200_000 * seed, seed as u64));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn rows_of_packs_and_the_table_of_chunks_can_be_lost() {
    let mut fixture = Fixture::new().await;
    let contents = [text(3_000_000, 1), noise(2_000_000, 2), text(100_000, 3)];
    for bytes in &contents {
        fixture.keep(bytes).await;
    }
    fixture = fixture.reopened().await;
    fixture.store.close().await.unwrap();
    let rows = || async { fixture.meta.scan(KeyRange::prefix(&b"p/"[..]), 100).await.unwrap().rows };
    let before: Vec<_> = rows().await.into_iter().map(|(key, row)| (key, row.value)).collect();
    assert_eq!(before.len(), 6, "three packs, each with its mark");
    fixture.commit(Vec::new(), vec![Operation::DeleteRange(KeyRange::prefix(&b"p/"[..]))]).await;
    std::fs::remove_file(fixture.dir.path().join("chunks")).unwrap();
    fixture = fixture.reopened().await;
    let rows = fixture.meta.scan(KeyRange::prefix(&b"p/"[..]), 100).await.unwrap().rows;
    let after: Vec<_> = rows.into_iter().map(|(key, row)| (key, row.value)).collect();
    assert_eq!(after, before);
    let packed = fixture.packed_bytes();
    for bytes in &contents {
        assert!(get(&*fixture.store, &content(bytes), None).await.unwrap() == *bytes);
    }
    fixture.keep(&Bytes::from([&contents[0][..], b"and more"].concat())).await;
    fixture = fixture.reopened().await;
    let more = fixture.packed_bytes() - packed;
    assert!(more < 1 << 20, "{more} bytes, though all but the last chunk are there");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_flipped_bit_is_an_error_and_never_other_bytes() {
    let mut fixture = Fixture::new().await;
    let contents = [text(700_000, 1), text(100_000, 3)];
    for bytes in &contents {
        fixture.keep(bytes).await;
    }
    fixture = fixture.reopened().await;
    let Fixture { dir, meta, store } = fixture;
    drop(store);
    let packs: Vec<_> =
        walk(dir.path()).into_iter().filter(|path| path.extension().is_some_and(|end| end == "pack")).collect();
    assert_eq!(packs.len(), 2);
    for path in packs {
        let whole = std::fs::read(&path).unwrap();
        for at in (4096..whole.len()).step_by(whole.len() / 40) {
            let mut bytes = whole.clone();
            bytes[at] ^= 4;
            std::fs::remove_file(&path).unwrap();
            std::fs::write(&path, &bytes).unwrap();
            let store = loop {
                match PackedStore::open(dir.path(), Arc::<MemoryMeta>::clone(&meta)).await {
                    Ok(store) => break store,
                    Err(star_artifact::OpenError::InUse(_)) => tokio::task::yield_now().await,
                    Err(error) => panic!("{error:?}"),
                }
            };
            for wanted in &contents {
                if let Ok(got) = get(&*store, &content(wanted), None).await {
                    assert!(got == *wanted, "a flip at {at} of {}", path.display());
                }
            }
        }
        std::fs::remove_file(&path).unwrap();
        std::fs::write(&path, &whole).unwrap();
    }
}

fn walk(dir: &Path) -> Vec<std::path::PathBuf> {
    let entries = std::fs::read_dir(dir).unwrap().map(|entry| entry.unwrap().path());
    entries.flat_map(|path| if path.is_dir() { walk(&path) } else { vec![path] }).collect()
}
