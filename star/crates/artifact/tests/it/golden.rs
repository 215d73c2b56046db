//! Packs of every version, which are read for ever.
//!
//! `UPDATE_GOLDEN=1` writes those that are missing; one that is there is never written again.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Instant;

use bytes::Bytes;
use star_artifact::chunk::{ChunkId, Encoding, Frame};
use star_artifact::pack::{
    Chunker, Class, Folder, Footer, Generation, Header, LocalDisk, OpenPack, PackId, PackName, Recovered, recover,
};
use star_artifact::rows::{Content, Extent, Layout, Ordinal, Pack, Place, Slots, limits, manifest};

/// What each golden pack holds.
const TEXTS: [&str; 3] = ["starlane", "a second frame", "and a third one, a little longer than the others are"];

fn golden(file: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden/pack/1").join(file)
}

fn header(class: Class) -> Header {
    let chunker = match class {
        Class::Zstd => Chunker::FastCdc { level: 2, min: 65_536, average: 262_144, max: 1_048_576 },
        Class::Raw | Class::Small => Chunker::Uncut,
    };
    Header {
        class,
        id: PackId::from_bytes(*b"golden-pack-of-1"),
        generation: Generation(7),
        store: *b"the-golden-store",
        ordinal: 1_234_567_890,
        chunker,
    }
}

/// Frames as they are made today; small packs hold both encodings.
fn frames(class: Class) -> Vec<Frame> {
    let encoding = |number: usize| match class {
        Class::Zstd => Encoding::Zstd,
        Class::Raw => Encoding::Raw,
        Class::Small => [Encoding::Raw, Encoding::Zstd][number % 2],
    };
    let frame = |(number, text): (usize, &&str)| {
        let plain = text.as_bytes();
        let stored = match encoding(number) {
            Encoding::Zstd => compress(plain),
            Encoding::Raw => plain.to_vec(),
        };
        let (chunk, encoding) = (ChunkId::of(plain), encoding(number));
        Frame { chunk, plain_len: plain.len() as u32, encoding, stored: Bytes::from(stored) }
    };
    TEXTS.iter().enumerate().map(frame).collect()
}

/// With the length of its content and a checksum, as every frame has them.
fn compress(plain: &[u8]) -> Vec<u8> {
    let mut compressor = zstd::bulk::Compressor::new(3).unwrap();
    compressor.include_checksum(true).unwrap();
    compressor.compress(plain).unwrap()
}

fn folder(dir: &Path) -> Folder {
    Folder::open(Arc::new(LocalDisk), dir).unwrap()
}

/// Writes an open pack of these frames, of which the first are known to be durable.
fn write(folder: &Folder, class: Class, frames: &[Frame]) -> OpenPack {
    let mut pack = OpenPack::create(folder, header(class)).unwrap();
    pack.append(&frames[..2], Instant::now()).unwrap();
    pack.sync().unwrap();
    pack.append(&frames[2..], Instant::now()).unwrap();
    pack
}

fn update(file: &str, bytes: impl FnOnce() -> Vec<u8>) {
    if std::env::var_os("UPDATE_GOLDEN").is_some() && !golden(file).exists() {
        fs::create_dir_all(golden("")).unwrap();
        fs::write(golden(file), bytes()).unwrap();
    }
}

fn texts(footer: &Footer, stored: impl Fn(usize) -> Vec<u8>) -> Vec<String> {
    let plain = |(number, slot): (usize, &star_artifact::pack::Slot)| {
        let plain = match slot.encoding {
            Encoding::Zstd => zstd::bulk::decompress(&stored(number), slot.plain_len as usize).unwrap(),
            Encoding::Raw => stored(number),
        };
        assert_eq!((ChunkId::of(&plain), plain.len()), (slot.chunk, slot.plain_len as usize));
        String::from_utf8(plain).unwrap()
    };
    footer.slots.iter().enumerate().map(plain).collect()
}

#[test]
fn sealed_packs_of_version_1_are_read_and_their_frames_are_written_as_the_same_bytes() {
    for (class, file) in [(Class::Zstd, "zstd.pack"), (Class::Raw, "raw.pack"), (Class::Small, "small.pack")] {
        update(file, || {
            let dir = tempfile::tempdir().unwrap();
            let folder = folder(dir.path());
            let sealed = write(&folder, class, &frames(class)).seal().unwrap();
            fs::read(folder.sealed_path(sealed.name)).unwrap()
        });
        let bytes = fs::read(golden(file)).unwrap();
        let footer = Footer::of_file(&bytes).unwrap();
        assert_eq!(footer.header, header(class), "{file}");
        let stored = |number: usize| {
            let slot = &footer.slots[number];
            let stored = &bytes[slot.offset as usize..slot.end() as usize];
            assert!(slot.holds(stored), "{file}: frame {number}");
            stored.to_vec()
        };
        assert_eq!(texts(&footer, stored), TEXTS, "{file}");

        // The frames of the file, not those of today: zstd may come to compress in another way.
        let frames: Vec<Frame> = (0..TEXTS.len())
            .map(|number| {
                let slot = &footer.slots[number];
                let (chunk, plain_len, encoding) = (slot.chunk, slot.plain_len, slot.encoding);
                Frame { chunk, plain_len, encoding, stored: stored(number).into() }
            })
            .collect();
        let dir = tempfile::tempdir().unwrap();
        let folder = folder(dir.path());
        let again = write(&folder, class, &frames).seal().unwrap();
        assert_eq!(fs::read(folder.sealed_path(again.name)).unwrap(), bytes, "{file} is written in another way");
    }
}

#[test]
fn an_open_pack_of_version_1_is_taken_up() {
    let name = PackName::from(&header(Class::Raw));
    let open = |dir: &Path, ending: &str| dir.join(format!("open/{name}.{ending}"));
    for ending in ["pack", "slots"] {
        update(&format!("open.{ending}"), || {
            let dir = tempfile::tempdir().unwrap();
            let pack = write(&folder(dir.path()), Class::Raw, &frames(Class::Raw));
            let end = if ending == "pack" { pack.slots()[2].end() } else { 3 * 64 };
            // Without the room that is taken ahead, but for a few bytes of it.
            fs::read(open(dir.path(), ending)).unwrap()[..end as usize + 16].to_vec()
        });
    }
    let dir = tempfile::tempdir().unwrap();
    let folder = folder(dir.path());
    for ending in ["pack", "slots"] {
        fs::copy(golden(&format!("open.{ending}")), open(dir.path(), ending)).unwrap();
    }
    let (found, recovered) = recover(&folder).unwrap().packs.remove(0);
    let Ok(Recovered::Sealed(left)) = recovered else { panic!("{recovered:?}") };
    assert_eq!((found, left.torn, left.damaged), (name, false, Vec::new()));
    let (reader, footer) = folder.read(name).unwrap();
    assert_eq!(footer, left.footer);
    assert_eq!(texts(&footer, |number| reader.frame(&footer.slots[number]).unwrap()), TEXTS);
    let sealed = fs::read(folder.sealed_path(name)).unwrap();
    assert_eq!(sealed, fs::read(golden("raw.pack")).unwrap(), "taken up, it is what would have been sealed");
}

/// The stored form of every row, by its name.
fn rows() -> Vec<(&'static str, Vec<u8>)> {
    let extent = |pack, plain_start| Extent {
        pack: Ordinal(pack),
        first_slot: 3,
        slots: 2,
        offset: 4096,
        stored_len: 700,
        plain_start,
    };
    let layout = |extents: u32| {
        let all = (0..extents).map(|number| extent(number, u64::from(number) * 1000));
        Layout::new(Encoding::Zstd, u64::from(extents) * 1000, all).unwrap()
    };
    let content = |size_bytes, place| Content { size_bytes, place }.encode().unwrap().to_vec();
    let inline = Place::Inline(Bytes::from_static(b"bytes in their row"));
    let (paged, pages) = layout(limits::LAYOUT_PAGE_EXTENTS as u32 + 1).paged().unwrap();
    let mut slots = Slots::default();
    slots.add(5, 3);
    slots.add(100, 1);
    let pack = Pack { id: *b"golden-pack-of-1", generation: 2 };
    let chunks = [(ChunkId::of(b"one"), 3), (ChunkId::of(b"three"), 5)];
    vec![
        ("inline", content(18, inline)),
        ("packed", content(2000, Place::Packed(layout(2)))),
        ("paged", content((limits::LAYOUT_PAGE_EXTENTS as u64 + 1) * 1000, paged)),
        ("layout page", pages[1].to_vec()),
        ("manifest page", manifest::pages(&chunks).unwrap()[0].to_vec()),
        ("slots", slots.encode().unwrap().to_vec()),
        ("pack", pack.encode().unwrap().to_vec()),
    ]
}

#[test]
fn rows_are_read_and_written_as_they_were_released() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden/rows-v1.txt");
    let hex = |bytes: &[u8]| bytes.iter().map(|byte| format!("{byte:02x}")).collect::<String>();
    let lines: Vec<String> = rows().iter().map(|(name, bytes)| format!("{name}: {}\n", hex(bytes))).collect();
    if std::env::var_os("UPDATE_GOLDEN").is_some() && !path.exists() {
        fs::write(&path, lines.concat()).unwrap();
    }
    assert_eq!(fs::read_to_string(path).unwrap(), lines.concat());
    // What is read is what was written.
    for (name, bytes) in rows() {
        match name {
            "inline" | "packed" | "paged" => assert_eq!(Content::decode(&bytes).unwrap().encode().unwrap(), bytes),
            "slots" => assert_eq!(Slots::decode(&bytes).unwrap().encode().unwrap(), bytes),
            "pack" => assert_eq!(Pack::decode(&bytes).unwrap().encode().unwrap(), bytes),
            "manifest page" => assert_eq!(manifest::read_page(&bytes).unwrap().len(), 2),
            _ => {}
        }
    }
}
