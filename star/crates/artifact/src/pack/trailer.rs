//! The trailer: the last 64 bytes of a sealed pack, from which its footer is found.
//!
//! | offset | bytes | what |
//! |---|---|---|
//! | 0 | 4 | offset of the footer |
//! | 4 | 4 | number of its slots |
//! | 8 | 32 | BLAKE3 of the footer |
//! | 40 | 12 | zero |
//! | 52 | 4 | CRC32C of the id of the pack, its generation, and bytes 0 to 52 |
//! | 56 | 8 | magic, `STARPEND` |

use super::fields::{array, not_zero, u32_at};
use super::limits::{HEADER_BYTES, SLOT_BYTES, SLOTS, STORED_BYTES, TRAILER_BYTES};
use super::{Flaw, Generation, PackId, What};

const MAGIC: [u8; 8] = *b"STARPEND";
const ZERO_AT: usize = 40;
const CRC_AT: usize = 52;
const MAGIC_AT: usize = 56;

/// Where the footer of a pack lies, and what it must be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Trailer {
    /// Where the footer begins: where the last frame ends.
    pub footer_at: u32,
    /// How many slots it has; 1 to [`SLOTS`].
    pub slots: u32,
    /// BLAKE3 of its bytes.
    pub digest: [u8; 32],
}

impl Trailer {
    /// The bytes, for the pack of this name alone.
    pub fn encode(&self, id: PackId, generation: Generation) -> [u8; TRAILER_BYTES] {
        let mut bytes = [0; TRAILER_BYTES];
        bytes[..4].copy_from_slice(&self.footer_at.to_be_bytes());
        bytes[4..8].copy_from_slice(&self.slots.to_be_bytes());
        bytes[8..40].copy_from_slice(&self.digest);
        bytes[MAGIC_AT..].copy_from_slice(&MAGIC);
        seal(&mut bytes, id, generation);
        bytes
    }

    /// What the last bytes of the pack of this name say.
    ///
    /// # Errors
    /// If they are not those of a sealed pack of this name; the offset of the flaw counts from the
    /// start of the trailer.
    pub fn decode(bytes: &[u8; TRAILER_BYTES], id: PackId, generation: Generation) -> Result<Trailer, Flaw> {
        if bytes[MAGIC_AT..] != MAGIC {
            return Err(Flaw::at(MAGIC_AT as u64, What::Magic));
        }
        if u32_at(bytes, CRC_AT) != checksum(bytes, id, generation) {
            return Err(Flaw::at(0, What::Checksum));
        }
        if let Some(at) = not_zero(&bytes[ZERO_AT..CRC_AT]) {
            return Err(Flaw::at((ZERO_AT + at) as u64, What::NotZero));
        }
        let trailer = Trailer { footer_at: u32_at(bytes, 0), slots: u32_at(bytes, 4), digest: array(bytes, 8) };
        let header = HEADER_BYTES as u32;
        if !(header + 1..=header + STORED_BYTES).contains(&trailer.footer_at) {
            return Err(Flaw::field(0, "the offset of the footer", trailer.footer_at));
        }
        if !(1..=SLOTS as u32).contains(&trailer.slots) {
            return Err(Flaw::field(4, "the number of slots", trailer.slots));
        }
        Ok(trailer)
    }

    /// Length of the footer in bytes.
    pub fn footer_bytes(&self) -> usize {
        self.slots as usize * SLOT_BYTES
    }

    /// Length of the whole file in bytes.
    pub fn file_bytes(&self) -> u64 {
        u64::from(self.footer_at) + (self.footer_bytes() + TRAILER_BYTES) as u64
    }
}

/// Writes the checksum of a trailer.
pub(crate) fn seal(bytes: &mut [u8; TRAILER_BYTES], id: PackId, generation: Generation) {
    let crc = checksum(bytes, id, generation);
    bytes[CRC_AT..MAGIC_AT].copy_from_slice(&crc.to_be_bytes());
}

/// Bound to the pack, so that blocks of another file are never taken for its own.
fn checksum(bytes: &[u8; TRAILER_BYTES], id: PackId, generation: Generation) -> u32 {
    let name = crc32c::crc32c_append(crc32c::crc32c(id.as_bytes()), &generation.0.to_be_bytes());
    crc32c::crc32c_append(name, &bytes[..CRC_AT])
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const ID: PackId = PackId::from_bytes([7; 16]);
    const GENERATION: Generation = Generation(1);

    fn trailer() -> Trailer {
        Trailer { footer_at: 5000, slots: 3, digest: [9; 32] }
    }

    proptest! {
        #[test]
        fn every_trailer_reads_back(footer_at in 4097..=4096 + STORED_BYTES, slots in 1..=SLOTS as u32, digest: [u8; 32]) {
            let trailer = Trailer { footer_at, slots, digest };
            prop_assert_eq!(Trailer::decode(&trailer.encode(ID, GENERATION), ID, GENERATION), Ok(trailer));
        }
    }

    #[test]
    fn every_flipped_bit_is_seen() {
        let bytes = trailer().encode(ID, GENERATION);
        for bit in 0..bytes.len() * 8 {
            let mut flipped = bytes;
            flipped[bit / 8] ^= 1 << (bit % 8);
            assert!(Trailer::decode(&flipped, ID, GENERATION).is_err(), "bit {bit}");
        }
    }

    #[test]
    fn the_end_of_another_pack_is_not_taken_for_its_own() {
        let bytes = trailer().encode(ID, GENERATION);
        let other = PackId::from_bytes([8; 16]);
        assert_eq!(Trailer::decode(&bytes, other, GENERATION), Err(Flaw::at(0, What::Checksum)));
        assert_eq!(Trailer::decode(&bytes, ID, Generation(2)), Err(Flaw::at(0, What::Checksum)));
    }

    #[test]
    fn a_trailer_whose_checksum_holds_is_still_looked_at() {
        for (at, to, offset) in [(0, 0xff, 0), (2, 0, 0), (4, 1, 4), (7, 0, 4), (40, 1, 40), (51, 1, 51)] {
            let mut bytes = trailer().encode(ID, GENERATION);
            bytes[at] = to;
            seal(&mut bytes, ID, GENERATION);
            assert_eq!(Trailer::decode(&bytes, ID, GENERATION).unwrap_err().offset, offset, "byte {at}");
        }
    }
}
