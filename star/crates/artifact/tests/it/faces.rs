//! The two forms in which a content goes out: both are what went in, whatever is collected or breaks
//! meanwhile.

use std::io::{Read, Seek, SeekFrom, Write};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use bytes::{Bytes, BytesMut};
use futures::StreamExt;
use star_core::ports::content::{
    ByteRange, ByteStream, Coding, ContentError, ContentRef, ContentStore, Reading, StoredForm,
};

use crate::fixture::{Fixture, content, get, noise, put_whole, soon, text};

#[derive(Debug, Clone, Copy, PartialEq)]
enum Face {
    Plain,
    Stored,
}

/// Opens a content in a form.
async fn open(
    store: &dyn ContentStore,
    content: &ContentRef,
    face: Face,
    range: Option<ByteRange>,
) -> Result<ByteStream, ContentError> {
    let reading = match face {
        Face::Plain => store.read(content, range).await?,
        Face::Stored => {
            let form = store.stored_form(content).await?.expect("it lies in another form");
            store.read_stored(content, form, range).await?
        }
    };
    Ok(match reading {
        Reading::Whole(bytes) => Box::pin(futures::stream::iter([Ok(bytes)])),
        Reading::Stream(stream) => stream,
    })
}

/// Reads to the end or to the first error: what came, and whether that is all.
async fn drain(stream: &mut ByteStream, mut came: BytesMut) -> (Bytes, Result<(), ContentError>) {
    while let Some(piece) = soon(stream.next()).await {
        match piece {
            Ok(piece) => came.extend_from_slice(&piece),
            Err(error) => return (came.freeze(), Err(error)),
        }
    }
    (came.freeze(), Ok(()))
}

async fn whole(store: &dyn ContentStore, content: &ContentRef, face: Face) -> Result<Bytes, ContentError> {
    let (came, end) = drain(&mut open(store, content, face, None).await?, BytesMut::new()).await;
    end.map(|()| came)
}

fn unpacked(stored: &[u8]) -> Vec<u8> {
    zstd::stream::decode_all(stored).unwrap()
}

fn packs(dir: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(dir).unwrap().map(|entry| entry.unwrap().path());
    let all = entries.flat_map(|path| if path.is_dir() { packs(&path) } else { vec![path] });
    all.filter(|path| path.extension().is_some_and(|end| end == "pack")).collect()
}

/// The file of a pack as somebody has it who is not supposed to write to it.
fn writable(pack: &Path) -> std::fs::File {
    std::fs::set_permissions(pack, PermissionsExt::from_mode(0o644)).unwrap();
    std::fs::File::options().read(true).write(true).open(pack).unwrap()
}

/// Changes a bit in the middle of a pack.
fn spoil(pack: &Path) {
    let mut file = writable(pack);
    let middle = file.metadata().unwrap().len() / 2;
    let mut byte = [0];
    file.seek(SeekFrom::Start(middle)).unwrap();
    file.read_exact(&mut byte).unwrap();
    file.seek(SeekFrom::Start(middle)).unwrap();
    file.write_all(&[byte[0] ^ 8]).unwrap();
}

fn quarantined(fixture: &Fixture) -> u64 {
    let queues = fixture.store.vitals().queues;
    queues.iter().find(|queue| queue.name == "content_packs_damaged").unwrap().taken
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_lies_there_is_a_stream_of_zstd_of_the_content_where_that_is_shorter() {
    let mut fixture = Fixture::new().await;
    let shrink: Vec<Bytes> =
        [4_097, 30_000, 65_536, 65_537, 600_000, 9_000_000].iter().map(|size| text(*size, 1)).collect();
    let do_not: Vec<Bytes> =
        [noise(30_000, 2), noise(200_000, 3), noise(3_000_000, 4), text(4_000, 5), text(0, 6)].into();
    for bytes in shrink.iter().chain(&do_not) {
        fixture.keep(bytes).await;
    }
    for _ in 0..2 {
        for bytes in &shrink {
            let form = fixture.store.stored_form(&content(bytes)).await.unwrap().unwrap();
            // The first time its frames are compared, then they are known to be whole.
            for _ in 0..2 {
                let stored = whole(&*fixture.store, &content(bytes), Face::Stored).await.unwrap();
                assert_eq!(form, StoredForm { coding: Coding::Zstd, size_bytes: stored.len() as u64 });
                assert!(stored.len() < bytes.len() && unpacked(&stored) == *bytes, "{}", bytes.len());
            }
            let other = StoredForm { size_bytes: form.size_bytes + 1, ..form };
            assert!(fixture.store.read_stored(&content(bytes), other, None).await.is_err());
        }
        for bytes in &do_not {
            assert_eq!(fixture.store.stored_form(&content(bytes)).await.unwrap(), None, "{}", bytes.len());
        }
        fixture = fixture.reopened().await;
    }
    let unknown = content(b"never seen");
    let unknown = ContentRef { size_bytes: 100_000, ..unknown };
    assert!(matches!(fixture.store.stored_form(&unknown).await, Err(ContentError::Unknown(_))));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn any_range_of_what_lies_there_can_be_had() {
    let mut fixture = Fixture::new().await;
    let contents = [text(50_000, 1), text(300_000, 2), text(20_000_000, 3)];
    for bytes in &contents {
        fixture.keep(bytes).await;
    }
    fixture = fixture.reopened().await;
    for bytes in &contents {
        let kept = content(bytes);
        let len = fixture.store.stored_form(&kept).await.unwrap().unwrap().size_bytes;
        let range = |start, end| Some(ByteRange { start, len: end - start });
        let mut parts = Vec::new();
        // Ranges come first, when little of it was compared.
        for (start, end) in [(len / 2, len / 2 + 1), (len - 1, len), (0, 1), (len / 3, len - 7), (len, len), (0, len)] {
            let mut stream = open(&*fixture.store, &kept, Face::Stored, range(start, end)).await.unwrap();
            let (came, end_of_it) = drain(&mut stream, BytesMut::new()).await;
            end_of_it.unwrap();
            parts.push((start, end, came));
        }
        let all = whole(&*fixture.store, &kept, Face::Stored).await.unwrap();
        for (start, end, came) in parts {
            assert!(came == all[start as usize..end as usize], "{start}..{end} of {len}");
        }
        for (start, more) in [(len, 1), (0, len + 1), (u64::MAX, 2)] {
            let range = Some(ByteRange { start, len: more });
            assert!(open(&*fixture.store, &kept, Face::Stored, range).await.is_err(), "{more} from {start} on");
        }
    }
}

/// A content in several extents, beside one that is in its way.
async fn beside_another(fixture: &Fixture, kept: &Bytes, other: &Bytes) {
    let (kept, other) = tokio::join!(put_whole(&*fixture.store, kept), put_whole(&*fixture.store, other));
    fixture.link("kept", &kept).await.unwrap();
    fixture.link("other", &other).await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whoever_reads_goes_on_where_the_content_lies_by_then_and_its_bytes_stay_the_same() {
    for (kept, other, faces) in [
        (text(24_000_000, 1), text(40_000_000, 2), &[Face::Plain, Face::Stored][..]),
        (noise(20_000_000, 1), noise(30_000_000, 2), &[Face::Plain]),
    ] {
        let mut fixture = Fixture::new().await;
        beside_another(&fixture, &kept, &other).await;
        fixture = fixture.reopened().await;
        let form = fixture.store.stored_form(&content(&kept)).await.unwrap();
        let mut begun = Vec::new();
        for face in faces {
            let mut stream = open(&*fixture.store, &content(&kept), *face, None).await.unwrap();
            let first = soon(stream.next()).await.unwrap().unwrap();
            begun.push((*face, stream, BytesMut::from(&first[..])));
        }
        fixture.remove("other").await;
        let all = fixture.collect_all().await;
        assert!(all.packs_removed > 0 && all.copied_bytes > 0, "{all:?}");
        assert_eq!(fixture.store.stored_form(&content(&kept)).await.unwrap(), form);
        for (face, mut stream, first) in begun {
            let (came, end) = drain(&mut stream, first).await;
            end.unwrap();
            let after = whole(&*fixture.store, &content(&kept), face).await.unwrap();
            assert!(came == after, "{face:?}: half of it came from elsewhere");
            match face {
                Face::Plain => assert!(came == kept),
                Face::Stored => assert!(unpacked(&came) == kept),
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_flipped_bit_ends_the_answer_until_the_content_is_sent_again() {
    for (bytes, faces) in [
        (text(12_000_000, 1), &[Face::Plain, Face::Stored][..]),
        (noise(12_000_000, 1), &[Face::Plain]),
        (text(60_000, 1), &[Face::Plain, Face::Stored]),
    ] {
        for face in faces {
            let mut fixture = Fixture::new().await;
            fixture.keep(&bytes).await;
            fixture = fixture.reopened().await;
            let pack = packs(fixture.dir.path()).pop().unwrap();
            let is_large = bytes.len() > 1_000_000;
            let before = if is_large { Some(whole_of_another(*face, &bytes).await) } else { None };
            spoil(&pack);
            let opened = open(&*fixture.store, &content(&bytes), *face, None).await;
            let (came, end) = match opened {
                Ok(mut stream) => drain(&mut stream, BytesMut::new()).await,
                Err(error) => (Bytes::new(), Err(error)),
            };
            assert!(matches!(end, Err(ContentError::Corrupt { .. })), "{face:?}: {end:?}");
            let before = before.unwrap_or_default();
            assert!(before.starts_with(&came), "{face:?}: other bytes");
            assert_eq!(quarantined(&fixture), 1);
            if is_large {
                let start = Some(ByteRange { start: 1000, len: 5000 });
                let mut stream = open(&*fixture.store, &content(&bytes), *face, start).await.unwrap();
                let (came, end) = drain(&mut stream, BytesMut::new()).await;
                end.unwrap();
                assert!(came == before[1000..6000], "what is whole is still read");
            }
            let more = Bytes::from([&bytes[..], b"and more"].concat());
            let kept = fixture.keep(&more).await;
            assert!(get(&*fixture.store, &kept, None).await.unwrap() == more, "{face:?}");
            assert!(whole(&*fixture.store, &content(&bytes), *face).await.is_err());
            fixture.keep(&bytes).await;
            for _ in 0..2 {
                assert!(get(&*fixture.store, &content(&bytes), None).await.unwrap() == bytes, "{face:?}: sent again");
                fixture = fixture.reopened().await;
            }
        }
    }
}

/// A form of bytes, as a store has it in which nothing breaks.
async fn whole_of_another(face: Face, bytes: &Bytes) -> Bytes {
    let fixture = Fixture::new().await;
    let kept = fixture.keep(bytes).await;
    whole(&*fixture.store, &kept, face).await.unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_pack_that_is_cut_while_it_is_read_ends_the_answer() {
    for (bytes, faces) in
        [(text(24_000_000, 1), &[Face::Plain, Face::Stored][..]), (noise(24_000_000, 1), &[Face::Plain])]
    {
        for (face, known) in faces.iter().flat_map(|face| [(*face, false), (*face, true)]) {
            let mut fixture = Fixture::new().await;
            fixture.keep(&bytes).await;
            fixture = fixture.reopened().await;
            let before = whole_of_another(face, &bytes).await;
            if known {
                assert!(whole(&*fixture.store, &content(&bytes), face).await.unwrap() == before);
            }
            let mut stream = open(&*fixture.store, &content(&bytes), face, None).await.unwrap();
            let first = soon(stream.next()).await.unwrap().unwrap();
            let pack = packs(fixture.dir.path()).pop().unwrap();
            let len = pack.metadata().unwrap().len();
            writable(&pack).set_len(len / 2 + 77).unwrap();
            let (came, end) = drain(&mut stream, BytesMut::from(&first[..])).await;
            assert!(matches!(end, Err(ContentError::Corrupt { .. })), "{face:?}, known: {known}: {end:?}");
            assert!(before.starts_with(&came) && came.len() < before.len(), "{face:?}: other bytes");
            assert_eq!(quarantined(&fixture), 1);
        }
    }
}
