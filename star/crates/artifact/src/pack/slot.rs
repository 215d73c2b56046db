//! A slot: where a frame lies in its pack, what it is, and how to know that it is whole.
//!
//! | offset | bytes | what |
//! |---|---|---|
//! | 0 | 32 | BLAKE3 of the plain bytes |
//! | 32 | 4 | offset in the pack |
//! | 36 | 3 | stored length |
//! | 39 | 3 | plain length |
//! | 42 | 4 | CRC32C of the stored bytes |
//! | 46 | 1 | encoding: 1 a frame of zstd, 2 the plain bytes |
//! | 47 | 5 | zero |

use super::fields::{array, not_zero, u24, u24_at, u32_at};
use super::limits::{FRAME_BYTES, SLOT_BYTES};
use super::{Flaw, What};
use crate::chunk::{ChunkId, Encoding, Frame};

const ENCODING_AT: usize = 46;
const ZERO_AT: usize = 47;
const ZSTD: u8 = 1;
const RAW: u8 = 2;

/// A frame in a pack.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Slot {
    /// Which chunk it is.
    pub chunk: ChunkId,
    /// Where it begins, in bytes from the start of the file.
    pub offset: u32,
    /// Length of the stored bytes; 1 to [`FRAME_BYTES`].
    pub stored_len: u32,
    /// Length of the plain bytes; 1 to [`FRAME_BYTES`].
    pub plain_len: u32,
    /// CRC32C of the stored bytes.
    pub crc: u32,
    /// What the stored bytes are.
    pub encoding: Encoding,
}

impl Slot {
    /// The slot of a frame that begins at an offset.
    ///
    /// # Errors
    /// If no slot can tell of such a frame: it has no bytes, too many of them, or says that it is
    /// raw and has two lengths. The offset of the flaw is that of the field in the slot.
    pub fn of(frame: &Frame, offset: u32) -> Result<Slot, Flaw> {
        let stored_len = u32::try_from(frame.stored.len()).unwrap_or(u32::MAX);
        let crc = crc32c::crc32c(&frame.stored);
        let slot =
            Slot { chunk: frame.chunk, offset, stored_len, plain_len: frame.plain_len, crc, encoding: frame.encoding };
        slot.check().map(|()| slot)
    }

    /// The bytes of a slot as [`Slot::of`] and [`Slot::decode`] give it.
    pub fn encode(&self) -> [u8; SLOT_BYTES] {
        let mut bytes = [0; SLOT_BYTES];
        bytes[..32].copy_from_slice(self.chunk.as_bytes());
        bytes[32..36].copy_from_slice(&self.offset.to_be_bytes());
        bytes[36..39].copy_from_slice(&u24(self.stored_len));
        bytes[39..42].copy_from_slice(&u24(self.plain_len));
        bytes[42..46].copy_from_slice(&self.crc.to_be_bytes());
        bytes[ENCODING_AT] = match self.encoding {
            Encoding::Zstd => ZSTD,
            Encoding::Raw => RAW,
        };
        bytes
    }

    /// What 52 bytes say. That they are those that were written is for their keeper to check.
    ///
    /// # Errors
    /// If no writer writes such a slot; the offset of the flaw counts from the start of the slot.
    pub fn decode(bytes: &[u8; SLOT_BYTES]) -> Result<Slot, Flaw> {
        let encoding = match bytes[ENCODING_AT] {
            ZSTD => Encoding::Zstd,
            RAW => Encoding::Raw,
            other => return Err(Flaw::field(ENCODING_AT as u64, "the encoding", other)),
        };
        if let Some(at) = not_zero(&bytes[ZERO_AT..]) {
            return Err(Flaw::at((ZERO_AT + at) as u64, What::NotZero));
        }
        let slot = Slot {
            chunk: ChunkId::from_bytes(array(bytes, 0)),
            offset: u32_at(bytes, 32),
            stored_len: u24_at(bytes, 36),
            plain_len: u24_at(bytes, 39),
            crc: u32_at(bytes, 42),
            encoding,
        };
        slot.check().map(|()| slot)
    }

    /// Where the frame ends, in bytes from the start of the file.
    pub fn end(&self) -> u64 {
        u64::from(self.offset) + u64::from(self.stored_len)
    }

    /// Whether these are the stored bytes of the frame.
    pub fn holds(&self, stored: &[u8]) -> bool {
        stored.len() as u64 == u64::from(self.stored_len) && crc32c::crc32c(stored) == self.crc
    }

    fn check(&self) -> Result<(), Flaw> {
        let possible = 1..=FRAME_BYTES;
        if !possible.contains(&self.stored_len) {
            return Err(Flaw::field(36, "the stored length of a frame", self.stored_len));
        }
        let of_its_encoding = self.encoding == Encoding::Zstd || self.plain_len == self.stored_len;
        if !possible.contains(&self.plain_len) || !of_its_encoding {
            return Err(Flaw::field(39, "the plain length of a frame", self.plain_len));
        }
        Ok(())
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use bytes::Bytes;
    use proptest::prelude::*;

    use super::*;

    pub(crate) fn frame(text: &str, encoding: Encoding) -> Frame {
        let plain = text.as_bytes();
        let stored = match encoding {
            Encoding::Zstd => Bytes::from(zstd::bulk::compress(plain, 3).unwrap()),
            Encoding::Raw => Bytes::copy_from_slice(plain),
        };
        Frame { chunk: ChunkId::of(plain), plain_len: plain.len() as u32, encoding, stored }
    }

    proptest! {
        #[test]
        fn every_slot_reads_back(
            chunk: [u8; 32], offset: u32, stored_len in 1..=FRAME_BYTES, plain_len in 1..=FRAME_BYTES, crc: u32,
            raw: bool,
        ) {
            let encoding = if raw { Encoding::Raw } else { Encoding::Zstd };
            let plain_len = if raw { stored_len } else { plain_len };
            let slot = Slot { chunk: ChunkId::from_bytes(chunk), offset, stored_len, plain_len, crc, encoding };
            prop_assert_eq!(Slot::decode(&slot.encode()), Ok(slot));
        }

        #[test]
        fn what_reads_as_a_slot_is_written_as_the_same_bytes(bytes in proptest::collection::vec(any::<u8>(), 52)) {
            let mut bytes: [u8; SLOT_BYTES] = array(&bytes, 0);
            bytes[ENCODING_AT] &= 3;
            bytes[ZERO_AT..].fill(0);
            if let Ok(slot) = Slot::decode(&bytes) {
                prop_assert_eq!(slot.encode(), bytes);
            }
        }
    }

    #[test]
    fn what_no_slot_can_tell_is_refused() {
        let good = Slot::of(&frame("hello", Encoding::Raw), 4096).unwrap();
        for (at, byte, offset) in [(38, 0, 36), (41, 9, 39), (46, 0, 46), (46, 3, 46), (47, 1, 47), (51, 1, 51)] {
            let mut bytes = good.encode();
            bytes[at] = byte;
            assert_eq!(Slot::decode(&bytes).unwrap_err().offset, offset, "byte {at}");
        }
        let empty = Frame { stored: Bytes::new(), ..frame("hello", Encoding::Zstd) };
        assert_eq!(Slot::of(&empty, 4096).unwrap_err().offset, 36);
        let long = Frame { plain_len: FRAME_BYTES + 1, ..frame("hello", Encoding::Zstd) };
        assert_eq!(Slot::of(&long, 4096).unwrap_err().offset, 39);
        assert!(Slot::decode(&[0; SLOT_BYTES]).is_err(), "space that was never written");
    }
}
