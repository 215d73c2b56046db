//! Packs on the disk of the machine: written, sealed, taken up and read.

use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use proptest::prelude::*;
use star_artifact::chunk::{ChunkId, Encoding, Frame};
use star_artifact::pack::limits::{OPEN_FOR, SLOTS, STORED_BYTES};
use star_artifact::pack::{
    Chunker, Class, Folder, Generation, Header, LocalDisk, OpenPack, PackId, PackName, Recovered, Run, What,
    WriteError, recover,
};

fn folder(dir: &Path) -> Folder {
    Folder::open(Arc::new(LocalDisk), dir).unwrap()
}

fn header(class: Class) -> Header {
    let chunker = Chunker::FastCdc { level: 2, min: 1, average: 2, max: 3 };
    Header { class, id: PackId::random().unwrap(), generation: Generation(1), store: [1; 16], ordinal: 7, chunker }
}

fn frame(plain: &[u8], encoding: Encoding) -> Frame {
    let stored = match encoding {
        Encoding::Raw => plain.to_vec(),
        Encoding::Zstd => zstd::bulk::compress(plain, 1).unwrap(),
    };
    Frame { chunk: ChunkId::of(plain), plain_len: plain.len() as u32, encoding, stored: Bytes::from(stored) }
}

fn raw(plain: &[u8]) -> Frame {
    frame(plain, Encoding::Raw)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn what_was_appended_is_read_while_the_pack_is_open_when_it_is_sealed_and_when_it_was_left_open(
        runs in proptest::collection::vec(proptest::collection::vec("[a-z]{1,900}", 0..9), 1..6),
        class in proptest::sample::select(&Class::ALL[..]),
        left_open: bool,
    ) {
        let dir = tempfile::tempdir().unwrap();
        let folder = folder(dir.path());
        let mut pack = OpenPack::create(&folder, header(class)).unwrap();
        let (name, reader) = (pack.name(), pack.reader());
        let mut frames = Vec::new();
        for run in &runs {
            let encoding = if class == Class::Raw { Encoding::Raw } else { Encoding::Zstd };
            let run: Vec<Frame> = run.iter().map(|text| frame(text.as_bytes(), encoding)).collect();
            let Run { first, count, offset, stored_len } = pack.append(&run, Instant::now()).unwrap();
            prop_assert_eq!((usize::from(first), usize::from(count)), (frames.len(), run.len()));
            let stored: Vec<u8> = run.iter().flat_map(|frame| frame.stored.to_vec()).collect();
            let mut read = vec![0; stored_len as usize];
            reader.read(&mut read, u64::from(offset)).unwrap();
            prop_assert_eq!(read, stored);
            frames.extend(run);
        }
        prop_assert_eq!(pack.sync().unwrap() as usize, frames.len());
        if left_open {
            drop(pack);
            let (found, result) = recover(&folder).unwrap().packs.remove(0);
            prop_assert_eq!(found, name);
            match result.unwrap() {
                Recovered::Sealed(left) => {
                    prop_assert!(!left.torn && left.damaged.is_empty() && left.footer.slots.len() == frames.len());
                }
                Recovered::Removed => prop_assert!(frames.is_empty()),
            }
        } else if frames.is_empty() {
            pack.discard().unwrap();
        } else {
            let sealed = pack.seal().unwrap();
            let path = folder.sealed_path(name);
            prop_assert_eq!(std::fs::metadata(path).unwrap().len(), sealed.file_bytes);
        }
        prop_assert_eq!(std::fs::read_dir(dir.path().join("open")).unwrap().count(), 0);
        if !frames.is_empty() {
            let mode = std::fs::metadata(folder.sealed_path(name)).unwrap().permissions().mode();
            prop_assert_eq!(mode & 0o777, 0o444);
            let (sealed, footer) = folder.read(name).unwrap();
            folder.remove(name).unwrap();
            for (slot, frame) in footer.slots.iter().zip(&frames) {
                prop_assert_eq!((slot.chunk, slot.plain_len, slot.encoding), (frame.chunk, frame.plain_len, frame.encoding));
                // Also by who opened it before it was sealed, and after it was removed.
                prop_assert_eq!(&sealed.frame(slot).unwrap()[..], &frame.stored[..]);
                prop_assert_eq!(&reader.frame(slot).unwrap()[..], &frame.stored[..]);
            }
        }
        prop_assert!(folder.sealed().unwrap().is_empty());
    }
}

#[test]
fn a_pack_is_full_by_its_bytes_and_a_run_too_many_changes_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let mut pack = OpenPack::create(&folder(dir.path()), header(Class::Raw)).unwrap();
    let now = Instant::now();
    let mebibyte = raw(&vec![b'm'; 1 << 20]);
    let run = vec![mebibyte.clone(); 31];
    pack.append(&run, now).unwrap();
    pack.append(&run, now).unwrap();
    assert!(!pack.is_full(now));
    pack.append(std::slice::from_ref(&mebibyte), now).unwrap();
    assert!(pack.is_full(now), "less room than a usual frame may need");
    assert_eq!(pack.room_for(&run), 1);
    assert!(matches!(pack.append(&run[..2], now), Err(WriteError::NoRoom)));
    pack.append(&run[..1], now).unwrap();
    assert_eq!((pack.stored_bytes(), pack.room_for(&run), pack.slots().len()), (STORED_BYTES, 0, 64));
    assert!(matches!(pack.append(&[raw(b"x")], now), Err(WriteError::NoRoom)));
    assert_eq!(pack.seal().unwrap().footer.slots.len(), 64);
}

#[test]
fn a_pack_is_full_by_its_slots() {
    let dir = tempfile::tempdir().unwrap();
    let mut pack = OpenPack::create(&folder(dir.path()), header(Class::Small)).unwrap();
    let now = Instant::now();
    let run = vec![raw(b"x"); SLOTS + 1];
    assert_eq!(pack.room_for(&run), SLOTS);
    assert!(matches!(pack.append(&run, now), Err(WriteError::NoRoom)));
    pack.append(&run[..SLOTS - 1], now).unwrap();
    assert!(!pack.is_full(now));
    pack.append(&run[..1], now).unwrap();
    assert!(pack.is_full(now));
    assert_eq!(pack.room_for(&run), 0);
    let sealed = pack.seal().unwrap();
    assert_eq!(folder(dir.path()).read(sealed.name).unwrap().1.slots.len(), SLOTS);
}

#[test]
fn a_pack_is_full_by_the_time_since_its_first_frame() {
    let dir = tempfile::tempdir().unwrap();
    let mut pack = OpenPack::create(&folder(dir.path()), header(Class::Raw)).unwrap();
    let begun = Instant::now();
    let first = begun + 10 * OPEN_FOR;
    assert!(!pack.is_full(first), "a pack without frames may wait");
    pack.append(&[], begun).unwrap();
    pack.append(&[raw(b"x")], first).unwrap();
    pack.append(&[raw(b"y")], first + OPEN_FOR / 2).unwrap();
    assert!(!pack.is_full(first + OPEN_FOR - Duration::from_nanos(1)));
    assert!(pack.is_full(first + OPEN_FOR));
}

#[test]
fn a_frame_that_does_not_belong_into_a_pack_is_refused_with_its_run() {
    let dir = tempfile::tempdir().unwrap();
    let mut pack = OpenPack::create(&folder(dir.path()), header(Class::Zstd)).unwrap();
    let good = frame(b"good", Encoding::Zstd);
    let mixed = What::Mixed { class: Class::Zstd, encoding: Encoding::Raw };
    let cases = [
        (raw(b"raw"), mixed),
        (Frame { plain_len: 0, ..good.clone() }, What::Field { field: "the plain length of a frame", value: 0 }),
        (
            Frame { stored: Bytes::new(), ..good.clone() },
            What::Field { field: "the stored length of a frame", value: 0 },
        ),
    ];
    for (bad, expected) in cases {
        match pack.append(&[good.clone(), bad], Instant::now()) {
            Err(WriteError::Refused { number: 1, what }) => assert_eq!(what, expected),
            other => panic!("{other:?}"),
        }
    }
    assert!(pack.slots().is_empty());
    pack.discard().unwrap();
    assert_eq!(recover(&folder(dir.path())).unwrap().packs.len(), 0);
}

#[test]
fn one_thread_syncs_while_another_appends() {
    let dir = tempfile::tempdir().unwrap();
    let folder = folder(dir.path());
    let mut pack = OpenPack::create(&folder, header(Class::Raw)).unwrap();
    let (send, due) = std::sync::mpsc::channel::<star_artifact::pack::Syncing>();
    let syncs = std::thread::spawn(move || due.into_iter().map(|sync| sync.run().unwrap()).collect::<Vec<_>>());
    for number in 1..=50_u32 {
        pack.append(&[raw(&number.to_be_bytes())], Instant::now()).unwrap();
        send.send(pack.syncing()).unwrap();
    }
    drop(send);
    let durable = syncs.join().unwrap();
    assert!((1..=50).zip(&durable).all(|(appended, durable)| *durable >= appended), "{durable:?}");
    assert_eq!(pack.durable(), 50);
    let name: PackName = pack.seal().unwrap().name;
    assert_eq!(folder.sealed().unwrap(), [name]);
}
