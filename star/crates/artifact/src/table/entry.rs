//! One chunk of the table, in 16 bytes.

use std::num::NonZeroU16;

use crate::chunk::ChunkId;
use crate::rows::Ordinal;

/// Where a chunk lies.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Place {
    /// In which pack.
    pub pack: Ordinal,
    /// In which slot of it.
    pub slot: u16,
}

/// The beginning of a chunk's name, and where it lies.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Entry {
    pub(super) prefix: u64,
    pack: u32,
    /// One more than the slot, so that a free place of the table takes no room of its own to say so.
    slot: NonZeroU16,
}

/// How many bytes an entry takes in a snapshot: two remain for later.
pub(super) const BYTES: usize = 16;

/// The first eight bytes of a chunk's name.
pub(super) fn prefix(chunk: &ChunkId) -> u64 {
    let bytes = chunk.as_bytes().first_chunk().expect("a name has 32 bytes");
    u64::from_be_bytes(*bytes)
}

impl Entry {
    pub(super) fn of(chunk: &ChunkId, place: Place) -> Entry {
        Entry { prefix: prefix(chunk), pack: place.pack.0, slot: NonZeroU16::MIN.saturating_add(place.slot) }
    }

    /// Where the chunk lies.
    pub fn place(&self) -> Place {
        Place { pack: Ordinal(self.pack), slot: self.slot.get() - 1 }
    }

    /// The first byte of the chunk's name.
    pub(super) fn shard(&self) -> usize {
        (self.prefix >> 56) as usize
    }

    pub(super) fn write(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(&self.prefix.to_be_bytes());
        out.extend_from_slice(&self.pack.to_be_bytes());
        out.extend_from_slice(&self.slot.get().to_be_bytes());
        out.extend_from_slice(&[0; 2]);
    }

    /// Reads what [`write`](Entry::write) wrote; none for anything else.
    pub(super) fn read(bytes: &[u8; BYTES]) -> Option<Entry> {
        let (prefix, rest) = bytes.split_first_chunk::<8>()?;
        let (pack, rest) = rest.split_first_chunk::<4>()?;
        let (slot, rest) = rest.split_first_chunk::<2>()?;
        let entry = Entry {
            prefix: u64::from_be_bytes(*prefix),
            pack: u32::from_be_bytes(*pack),
            slot: NonZeroU16::new(u16::from_be_bytes(*slot))?,
        };
        (rest == [0; 2]).then_some(entry)
    }
}
