//! How frames follow each other in a pack: back to back, of one class, within the limits.

use super::limits::{HEADER_BYTES, SLOTS, STORED_BYTES};
use super::{Class, Slot, What};

/// The frames of a pack up to somewhere.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Chain {
    class: Class,
    count: usize,
    end: u32,
}

impl Chain {
    /// A pack without frames.
    pub(crate) const fn new(class: Class) -> Chain {
        Chain { class, count: 0, end: HEADER_BYTES as u32 }
    }

    /// How many frames there are.
    pub(crate) const fn count(&self) -> usize {
        self.count
    }

    /// Where the next frame begins.
    pub(crate) const fn end(&self) -> u32 {
        self.end
    }

    /// Bytes of all frames.
    pub(crate) const fn stored_bytes(&self) -> u32 {
        self.end - HEADER_BYTES as u32
    }

    /// Whether a frame of this length may follow.
    pub(crate) fn has_room(&self, stored_len: u64) -> bool {
        self.count < SLOTS && u64::from(self.stored_bytes()) + stored_len <= u64::from(STORED_BYTES)
    }

    /// Takes the next frame, if it can be that.
    pub(crate) fn push(&mut self, slot: &Slot) -> Result<(), What> {
        if slot.offset != self.end {
            return Err(What::Gap { found: slot.offset, expected: self.end });
        }
        if !self.class.holds(slot.encoding) {
            return Err(What::Mixed { class: self.class, encoding: slot.encoding });
        }
        if !self.has_room(u64::from(slot.stored_len)) {
            return Err(What::Field { field: "the end of a frame", value: slot.end() });
        }
        self.count += 1;
        self.end += slot.stored_len;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::chunk::{ChunkId, Encoding};

    fn slot(offset: u32, len: u32) -> Slot {
        let chunk = ChunkId::of(b"");
        Slot { chunk, offset, stored_len: len, plain_len: len, crc: 0, encoding: Encoding::Raw }
    }

    #[test]
    fn frames_follow_without_gap_or_overlap() {
        let mut chain = Chain::new(Class::Raw);
        chain.push(&slot(4096, 10)).unwrap();
        let before = chain;
        for offset in [0, 4096, 4105, 4107, u32::MAX] {
            assert_eq!(chain.push(&slot(offset, 1)), Err(What::Gap { found: offset, expected: 4106 }));
        }
        assert_eq!(chain, before);
        chain.push(&slot(4106, 1)).unwrap();
        assert_eq!((chain.count(), chain.end(), chain.stored_bytes()), (2, 4107, 11));
    }

    #[test]
    fn a_pack_ends_at_its_limits() {
        let mut full = Chain::new(Class::Raw);
        let piece = STORED_BYTES / 8;
        for number in 0..8 {
            full.push(&slot(4096 + number * piece, piece)).unwrap();
        }
        assert!(matches!(full.push(&slot(full.end(), 1)), Err(What::Field { .. })));
        let mut many = Chain::new(Class::Raw);
        for number in 0..SLOTS as u32 {
            many.push(&slot(4096 + number, 1)).unwrap();
        }
        assert!(matches!(many.push(&slot(many.end(), 1)), Err(What::Field { .. })));
    }

    #[test]
    fn classes_are_not_mixed() {
        let mixed = What::Mixed { class: Class::Zstd, encoding: Encoding::Raw };
        assert_eq!(Chain::new(Class::Zstd).push(&slot(4096, 1)), Err(mixed));
        assert_eq!(Chain::new(Class::Small).push(&slot(4096, 1)), Ok(()));
    }
}
