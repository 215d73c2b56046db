//! A segment: one file of the journal, named by the position of its first frame.
//!
//! `00000000000000a1.seg` begins with a page that says whose journal it is and what it continues,
//! and goes on with frames up to its end. Only the last segment grows. The header page,
//! big-endian:
//!
//! | offset | bytes | what |
//! |---|---|---|
//! | 0 | 8 | magic, `STARJRNL` |
//! | 8 | 2 | version (1) |
//! | 10 | 16 | id of the installation |
//! | 26 | 8 | position of the first frame |
//! | 34 | 8 | chain value that the first frame carries |
//! | 42 | 8 | wall clock when it was made, milliseconds since 1970 |
//! | 50 | 4042 | zero |
//! | 4092 | 4 | CRC32C of bytes 0 to 4092 |
//!
//! A segment is made under a name of its own and renamed when its header is durable, so that a
//! name that ends in `.seg` always has a whole header.

use std::io;
use std::path::{Path, PathBuf};

use star_core::ports::clock::UnixMillis;
use star_core::ports::meta::Position;

use super::record::{Chain, Installation, array};
use crate::disk::{Disk, DiskFile};
use crate::limits::SEGMENT_HEADER_BYTES;

const MAGIC: [u8; 8] = *b"STARJRNL";
const VERSION: u16 = 1;
const CRC_AT: usize = SEGMENT_HEADER_BYTES - 4;
const UNFINISHED: &str = "next.tmp";

/// What the first page of a segment says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct SegmentHeader {
    pub(crate) installation: Installation,
    pub(crate) first: Position,
    pub(crate) chain: Chain,
    pub(crate) made: UnixMillis,
}

/// Why a page is not a header.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum BadHeader {
    /// Not what was written.
    Damaged,
    /// Written by a later version of this program, and whole.
    TooNew { version: u16 },
}

impl SegmentHeader {
    pub(crate) fn encode(&self) -> Vec<u8> {
        let mut page = Vec::with_capacity(SEGMENT_HEADER_BYTES);
        page.extend_from_slice(&MAGIC);
        page.extend_from_slice(&VERSION.to_be_bytes());
        page.extend_from_slice(&self.installation);
        page.extend_from_slice(&self.first.to_be_bytes());
        page.extend_from_slice(&self.chain);
        page.extend_from_slice(&self.made.to_be_bytes());
        page.resize(CRC_AT, 0);
        let crc = crc32c::crc32c(&page);
        page.extend_from_slice(&crc.to_be_bytes());
        page
    }

    pub(crate) fn decode(page: &[u8]) -> Result<SegmentHeader, BadHeader> {
        if page.len() != SEGMENT_HEADER_BYTES
            || page[..8] != MAGIC
            || crc32c::crc32c(&page[..CRC_AT]) != u32::from_be_bytes(array(page, CRC_AT))
        {
            return Err(BadHeader::Damaged);
        }
        let version = u16::from_be_bytes(array(page, 8));
        if version != VERSION {
            return Err(BadHeader::TooNew { version });
        }
        Ok(SegmentHeader {
            installation: array(page, 10),
            first: u64::from_be_bytes(array(page, 26)),
            chain: array(page, 34),
            made: u64::from_be_bytes(array(page, 42)),
        })
    }

    /// Reads the header of an open segment.
    pub(crate) fn read(file: &dyn DiskFile) -> io::Result<Result<SegmentHeader, BadHeader>> {
        let mut page = vec![0; SEGMENT_HEADER_BYTES];
        let mut filled = 0;
        while filled < page.len() {
            match file.read_at(&mut page[filled..], filled as u64)? {
                0 => break,
                read => filled += read,
            }
        }
        Ok(SegmentHeader::decode(&page[..filled]))
    }
}

/// Where the segment that begins with a position lies.
pub(crate) fn path_of(dir: &Path, first: Position) -> PathBuf {
    dir.join(format!("{first:016x}.seg"))
}

/// The first positions of the segments in a directory, in order.
pub(crate) fn list(disk: &dyn Disk, dir: &Path) -> io::Result<Vec<Position>> {
    let mut firsts: Vec<Position> = disk.list(dir)?.iter().filter_map(|path| first_of(path)).collect();
    firsts.sort_unstable();
    Ok(firsts)
}

fn first_of(path: &Path) -> Option<Position> {
    let name = path.file_name()?.to_str()?.strip_suffix(".seg")?;
    (name.len() == 16).then(|| Position::from_str_radix(name, 16).ok()).flatten()
}

/// Why a segment was not made.
#[derive(Debug)]
pub(crate) enum CreateError {
    /// Nothing of it is left.
    TakenBack(io::Error),
    /// It may or may not be there after a crash.
    Unsure(io::Error),
}

/// Makes a segment with its header, durably.
pub(crate) fn create(disk: &dyn Disk, dir: &Path, header: &SegmentHeader) -> Result<Box<dyn DiskFile>, CreateError> {
    let unfinished = dir.join(UNFINISHED);
    let made = write_header(disk, &unfinished, header)
        .and_then(|file| disk.rename(&unfinished, &path_of(dir, header.first)).map(|()| file));
    let file = match made {
        Ok(file) => file,
        Err(error) => {
            // What is left under the unfinished name is overwritten by the next attempt.
            if let Err(leftover) = disk.remove(&unfinished) {
                tracing::debug!(%leftover, "an unfinished segment could not be removed");
            }
            return Err(CreateError::TakenBack(error));
        }
    };
    disk.sync_dir(dir).map_err(CreateError::Unsure)?;
    Ok(file)
}

fn write_header(disk: &dyn Disk, path: &Path, header: &SegmentHeader) -> io::Result<Box<dyn DiskFile>> {
    let file = disk.create(path)?;
    file.write_all_at(&header.encode(), 0)?;
    file.sync()?;
    Ok(file)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::disk::LocalDisk;

    fn header() -> SegmentHeader {
        SegmentHeader { installation: [5; 16], first: 161, chain: *b"chain678", made: 99 }
    }

    #[test]
    fn a_segment_is_found_by_its_name_and_says_what_it_is() {
        let dir = tempfile::tempdir().unwrap();
        create(&LocalDisk, dir.path(), &header()).unwrap();
        assert!(dir.path().join("00000000000000a1.seg").is_file());
        std::fs::write(dir.path().join("notes.txt"), "x").unwrap();
        assert_eq!(list(&LocalDisk, dir.path()).unwrap(), [161]);
        let file = LocalDisk.open(&path_of(dir.path(), 161)).unwrap();
        assert_eq!(SegmentHeader::read(file.as_ref()).unwrap(), Ok(header()));
    }

    #[test]
    fn a_header_with_any_flipped_bit_is_damaged_and_a_later_one_is_named() {
        let page = header().encode();
        assert_eq!(page.len(), SEGMENT_HEADER_BYTES);
        for byte in [0, 7, 8, 20, 40, 60, 3_000, 4_094] {
            let mut flipped = page.clone();
            flipped[byte] ^= 0x10;
            assert_eq!(SegmentHeader::decode(&flipped), Err(BadHeader::Damaged), "byte {byte}");
        }
        let mut later = page;
        later[8..10].copy_from_slice(&7u16.to_be_bytes());
        let crc = crc32c::crc32c(&later[..CRC_AT]);
        later[CRC_AT..].copy_from_slice(&crc.to_be_bytes());
        assert_eq!(SegmentHeader::decode(&later), Err(BadHeader::TooNew { version: 7 }));
    }
}
