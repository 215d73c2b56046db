//! What a pack is when the disk, the power or the bytes are not as they should be.

mod flips;
mod full;
mod left;
mod power;
mod sim;
mod unsure;

use std::path::Path;
use std::sync::Arc;
use std::time::Instant;

use bytes::Bytes;

use self::sim::SimDisk;
use super::header::tests::header;
use super::{Class, Folder, Found, Header, Left, OpenPack, PackName, Recovered, WriteError, recover};
use crate::chunk::{ChunkId, Encoding, Frame};

const ROOT: &str = "content";

fn folder(disk: &SimDisk) -> Folder {
    Folder::open(Arc::new(disk.clone()), Path::new(ROOT)).unwrap()
}

fn raw_header() -> Header {
    Header { class: Class::Raw, ..header() }
}

fn name() -> PackName {
    PackName::from(&raw_header())
}

/// A raw frame of this length that differs from all others.
fn frame(number: usize, len: usize) -> Frame {
    let plain: Vec<u8> = (0..len).map(|at| (at * 7 + number * 31 + 1) as u8 | 1).collect();
    let chunk = ChunkId::of(&plain);
    Frame { chunk, plain_len: len as u32, encoding: Encoding::Raw, stored: Bytes::from(plain) }
}

/// Runs of frames within and across sectors.
fn runs() -> Vec<Vec<Frame>> {
    let lengths: [&[usize]; 4] = [&[30, 700], &[1, 1500, 9], &[513], &[40, 40]];
    let mut number = 0;
    let mut next = |len: &usize| {
        number += 1;
        frame(number, *len)
    };
    lengths.iter().map(|lengths| lengths.iter().map(&mut next).collect()).collect()
}

/// What a writer was told before it ended.
#[derive(Debug, Default)]
struct Told {
    /// Frames that it tried to append, in order.
    tried: Vec<Frame>,
    /// Frames whose append was answered.
    appended: usize,
    /// Frames that it was told are durable.
    durable: usize,
    sealed: bool,
}

/// After which runs a writer syncs. Two runs wait for one sync, and the very last is made durable by
/// the seal.
const SOMETIMES: [bool; 4] = [true, false, true, false];

/// A writer that leaves it all to the seal.
const NEVER: [bool; 4] = [false; 4];

/// Appends, syncs and seals until something fails.
fn write(disk: &SimDisk, syncs: [bool; 4]) -> Told {
    let mut told = Told::default();
    match write_on(disk, syncs, &mut told) {
        Ok(()) => told.sealed = true,
        Err(error) => assert!(matches!(error, WriteError::Disk(_) | WriteError::Unsure(_)), "{error:?}"),
    }
    told
}

fn write_on(disk: &SimDisk, syncs: [bool; 4], told: &mut Told) -> Result<(), WriteError> {
    let mut pack = OpenPack::create(&folder(disk), raw_header())?;
    for (run, syncs) in runs().iter().zip(syncs) {
        told.tried.extend_from_slice(run);
        pack.append(run, Instant::now())?;
        told.appended += run.len();
        if syncs {
            told.durable = pack.sync()? as usize;
            assert_eq!(told.durable, told.appended);
        }
    }
    pack.seal().map_err(|unsealed| unsealed.error)?;
    told.durable = told.appended;
    Ok(())
}

/// What a start finds of the one pack of this disk.
fn start(disk: &SimDisk) -> Option<Left> {
    let Found { packs, strangers } = recover(&folder(disk)).unwrap();
    assert!(strangers.is_empty() && packs.len() <= 1, "{strangers:?} {packs:?}");
    match packs.into_iter().next() {
        None | Some((_, Ok(Recovered::Removed))) => None,
        Some((_, Ok(Recovered::Sealed(left)))) => Some(left),
        Some((_, Err(fault))) => panic!("{fault} {:?}", std::error::Error::source(&fault)),
    }
}

/// The frames in the sealed pack of this disk: nothing else may be there, and nothing may be wrong.
fn kept(disk: &SimDisk) -> Vec<(ChunkId, Vec<u8>)> {
    let folder = folder(disk);
    assert_eq!(folder.opened().unwrap(), Default::default(), "nothing stays open");
    let names = folder.sealed().unwrap();
    assert!(names.is_empty() || names == [name()], "{names:?}");
    let Some(name) = names.first() else { return Vec::new() };
    assert!(disk.is_frozen(&folder.sealed_path(*name)), "a sealed pack can be written");
    let (reader, footer) = folder.read(*name).unwrap();
    footer.slots.iter().map(|slot| (slot.chunk, reader.frame(slot).unwrap())).collect()
}

/// What was durable is kept, and what else is kept is what was appended next.
fn assert_kept(kept: &[(ChunkId, Vec<u8>)], told: &Told, state: &str) {
    assert!(kept.len() >= told.durable, "{state}: {} of {} durable frames are kept", kept.len(), told.durable);
    for (number, (chunk, bytes)) in kept.iter().enumerate() {
        let frame = &told.tried[number];
        assert!(*chunk == frame.chunk && bytes[..] == frame.stored[..], "{state}: frame {number} is another");
    }
}
