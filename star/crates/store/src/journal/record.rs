//! A frame: one batch in the journal, byte by byte.
//!
//! All integers are big-endian.
//!
//! | offset | bytes | what |
//! |---|---|---|
//! | 0 | 4 | magic, `a5 53 54 4a` |
//! | 4 | 1 | format: the layout of this header (1) |
//! | 5 | 1 | schema: the layout of the body (1, see [`super::body`]) |
//! | 6 | 2 | shard |
//! | 8 | 4 | length of the body |
//! | 12 | 8 | position of the batch in the log |
//! | 20 | 8 | the last position known to be durable when this frame was written |
//! | 28 | 8 | revision of the shard |
//! | 36 | 16 | id of the batch |
//! | 52 | 8 | wall clock of the committer, milliseconds since 1970 |
//! | 60 | 8 | chain: first 8 bytes of the BLAKE3 of the former frame, header and body |
//! | 68 | 4 | CRC32C of the installation id, bytes 0 to 68, and the body |
//! | 72 | | body |
//!
//! The chain makes frames follow each other: one left over from a write that was taken back
//! cannot continue another. The durable position tells a torn group from damage: frames of one
//! group reach the disk in any order, so a valid frame behind a bad one is damage only if the
//! bad one was durable when the valid one was written. The installation id goes first into the
//! checksum so that a value which happens to hold the bytes of a frame is not taken for one.

use bytes::Bytes;
use star_core::ports::clock::UnixMillis;
use star_core::ports::meta::{Position, Revision, Shard};

/// Bytes of the header.
pub(crate) const HEADER_BYTES: usize = 72;
/// What every frame begins with.
pub(crate) const MAGIC: [u8; 4] = [0xa5, b'S', b'T', b'J'];
/// The layout of the header that this program writes.
pub(crate) const FORMAT: u8 = 1;
/// Longest body that a reader accepts: the largest batch is below it, garbage mostly above.
pub(crate) const MAX_BODY_BYTES: usize = 2 * 1024 * 1024;

const CRC_AT: usize = 68;

/// Names the installation that a journal belongs to.
pub(crate) type Installation = [u8; 16];
/// What ties a frame to the one before it.
pub(crate) type Chain = [u8; 8];

/// The header of a frame.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Header {
    pub(crate) schema: u8,
    pub(crate) shard: Shard,
    pub(crate) position: Position,
    pub(crate) durable: Position,
    pub(crate) revision: Revision,
    pub(crate) id: u128,
    pub(crate) at: UnixMillis,
    pub(crate) chain: Chain,
}

/// A frame whose checksum held.
#[derive(Debug, Clone)]
pub(crate) struct Frame {
    pub(crate) header: Header,
    pub(crate) body: Bytes,
    /// The chain value that the next frame must carry.
    pub(crate) link: Chain,
}

impl Frame {
    /// Bytes of the whole frame.
    pub(crate) fn len(&self) -> usize {
        HEADER_BYTES + self.body.len()
    }
}

/// Why bytes are not a frame.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum NotAFrame {
    /// More bytes are needed, this many in all.
    Short { needed: usize },
    /// Not what was written, or never a frame.
    Bad,
    /// Written by a later version of this program, and whole.
    TooNew { version: u8 },
}

/// Appends a frame to a buffer and gives back the chain value for the next one.
pub(crate) fn write_frame(buffer: &mut Vec<u8>, installation: &Installation, header: &Header, body: &[u8]) -> Chain {
    let start = buffer.len();
    buffer.extend_from_slice(&MAGIC);
    buffer.push(FORMAT);
    buffer.push(header.schema);
    buffer.extend_from_slice(&header.shard.number().to_be_bytes());
    let body_len = u32::try_from(body.len()).expect("a body is at most a batch, far below 4 GiB");
    buffer.extend_from_slice(&body_len.to_be_bytes());
    buffer.extend_from_slice(&header.position.to_be_bytes());
    buffer.extend_from_slice(&header.durable.to_be_bytes());
    buffer.extend_from_slice(&header.revision.to_be_bytes());
    buffer.extend_from_slice(&header.id.to_be_bytes());
    buffer.extend_from_slice(&header.at.to_be_bytes());
    buffer.extend_from_slice(&header.chain);
    let crc = checksum(installation, &buffer[start..], body);
    buffer.extend_from_slice(&crc.to_be_bytes());
    buffer.extend_from_slice(body);
    link_of(&buffer[start..])
}

/// Reads the frame at the start of `bytes`, which may hold more.
pub(crate) fn read_frame(bytes: &[u8], installation: &Installation) -> Result<Frame, NotAFrame> {
    if bytes.len() < HEADER_BYTES {
        let likely = bytes.starts_with(&MAGIC[..bytes.len().min(MAGIC.len())]);
        return Err(if likely { NotAFrame::Short { needed: HEADER_BYTES } } else { NotAFrame::Bad });
    }
    if bytes[..4] != MAGIC {
        return Err(NotAFrame::Bad);
    }
    let body_len = u32::from_be_bytes(array(bytes, 8)) as usize;
    if body_len > MAX_BODY_BYTES {
        return Err(NotAFrame::Bad);
    }
    let needed = HEADER_BYTES + body_len;
    if bytes.len() < needed {
        return Err(NotAFrame::Short { needed });
    }
    let frame = &bytes[..needed];
    let body = &frame[HEADER_BYTES..];
    if checksum(installation, &frame[..CRC_AT], body) != u32::from_be_bytes(array(frame, CRC_AT)) {
        return Err(NotAFrame::Bad);
    }
    let (format, schema) = (frame[4], frame[5]);
    if format != FORMAT || schema > super::body::SCHEMA {
        return Err(NotAFrame::TooNew { version: format.max(schema) });
    }
    let shard = Shard::new(u16::from_be_bytes(array(frame, 6))).ok_or(NotAFrame::Bad)?;
    let header = Header {
        schema,
        shard,
        position: u64::from_be_bytes(array(frame, 12)),
        durable: u64::from_be_bytes(array(frame, 20)),
        revision: u64::from_be_bytes(array(frame, 28)),
        id: u128::from_be_bytes(array(frame, 36)),
        at: u64::from_be_bytes(array(frame, 52)),
        chain: array(frame, 60),
    };
    Ok(Frame { header, body: Bytes::copy_from_slice(body), link: link_of(frame) })
}

fn checksum(installation: &Installation, header: &[u8], body: &[u8]) -> u32 {
    crc32c::crc32c_append(crc32c::crc32c_append(crc32c::crc32c(installation), header), body)
}

fn link_of(frame: &[u8]) -> Chain {
    array(blake3::hash(frame).as_bytes(), 0)
}

/// `N` bytes at an offset that the caller knows to lie inside.
pub(crate) fn array<const N: usize>(bytes: &[u8], at: usize) -> [u8; N] {
    bytes[at..at + N].try_into().expect("a slice of N bytes is an array of N bytes")
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const INSTALLATION: Installation = [7; 16];

    fn header() -> Header {
        Header {
            schema: 1,
            shard: Shard::new(1023).unwrap(),
            position: 9,
            durable: 8,
            revision: 4,
            id: 0x0102_0304_0506_0708_090a_0b0c_0d0e_0f10,
            at: 1_700_000_000_000,
            chain: *b"12345678",
        }
    }

    #[test]
    fn a_frame_has_the_bytes_that_the_table_says() {
        let mut bytes = Vec::new();
        write_frame(&mut bytes, &INSTALLATION, &header(), b"body");
        assert_eq!(&bytes[..12], [0xa5, 0x53, 0x54, 0x4a, 1, 1, 0x03, 0xff, 0, 0, 0, 4]);
        assert_eq!(bytes[12..20], 9u64.to_be_bytes());
        assert_eq!(bytes[20..28], 8u64.to_be_bytes());
        assert_eq!(bytes[28..36], 4u64.to_be_bytes());
        assert_eq!(bytes[36..52], header().id.to_be_bytes());
        assert_eq!(bytes[52..60], 1_700_000_000_000u64.to_be_bytes());
        assert_eq!(&bytes[60..68], b"12345678");
        assert_eq!(&bytes[72..], b"body");
    }

    #[test]
    fn a_frame_of_a_later_format_is_told_from_garbage() {
        let mut bytes = Vec::new();
        write_frame(&mut bytes, &INSTALLATION, &Header { schema: 9, ..header() }, b"body");
        assert_eq!(read_frame(&bytes, &INSTALLATION).unwrap_err(), NotAFrame::TooNew { version: 9 });
    }

    #[test]
    fn a_frame_of_another_installation_is_bad() {
        let mut bytes = Vec::new();
        write_frame(&mut bytes, &INSTALLATION, &header(), b"body");
        assert_eq!(read_frame(&bytes, &[8; 16]).unwrap_err(), NotAFrame::Bad);
    }

    proptest! {
        #[test]
        fn every_frame_reads_back(body in proptest::collection::vec(any::<u8>(), 0..2_000), tail in any::<[u8; 5]>()) {
            let mut bytes = Vec::new();
            let link = write_frame(&mut bytes, &INSTALLATION, &header(), &body);
            bytes.extend_from_slice(&tail);
            let frame = read_frame(&bytes, &INSTALLATION).unwrap();
            prop_assert_eq!(frame.header, header());
            prop_assert_eq!(&frame.body[..], &body[..]);
            prop_assert_eq!(frame.link, link);
        }

        #[test]
        fn a_flipped_bit_anywhere_is_seen(bit in 0usize..(HEADER_BYTES + 40) * 8) {
            let mut bytes = Vec::new();
            write_frame(&mut bytes, &INSTALLATION, &header(), &[3; 40]);
            bytes[bit / 8] ^= 1 << (bit % 8);
            prop_assert!(read_frame(&bytes, &INSTALLATION).is_err());
        }

        #[test]
        fn no_bytes_make_the_reader_panic(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
            let mut framed = MAGIC.to_vec();
            framed.extend_from_slice(&bytes);
            prop_assert!(read_frame(&framed, &INSTALLATION).is_err());
            prop_assert!(read_frame(&bytes, &INSTALLATION).is_err());
        }
    }
}
