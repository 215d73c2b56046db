//! The header: the page that a pack begins with, and that says which pack it is.
//!
//! | offset | bytes | what |
//! |---|---|---|
//! | 0 | 8 | magic, `STARPACK` |
//! | 8 | 2 | version (1) |
//! | 10 | 1 | class: `Z`, `R` or `M` |
//! | 11 | 1 | how contents were cut: 0 not at all, 1 FastCDC v2020 |
//! | 12 | 16 | id of the pack |
//! | 28 | 4 | generation |
//! | 32 | 16 | id of the store |
//! | 48 | 4 | number of the pack in its store |
//! | 52 | 4 | zero |
//! | 56 | 4 | level of normalisation |
//! | 60 | 12 | least, average and greatest length of a chunk, four bytes each |
//! | 72 | 4020 | zero |
//! | 4092 | 4 | CRC32C of bytes 0 to 4092 |

use super::fields::{array, not_zero, u16_at, u32_at};
use super::limits::{FRAME_BYTES, HEADER_BYTES};
use super::{Class, Flaw, Generation, PackId, What};

const MAGIC: [u8; 8] = *b"STARPACK";
const VERSION: u16 = 1;
const CHUNKER_AT: usize = 11;
const ORDINAL_AT: usize = 48;
const LEVEL_AT: usize = 56;
const LENGTHS_AT: usize = 60;
const ZERO_AT: usize = 72;
const CRC_AT: usize = HEADER_BYTES - 4;
const UNCUT: u8 = 0;
const FAST_CDC: u8 = 1;

/// The greatest level of normalisation that FastCDC knows.
const LEVEL_MAX: u32 = 3;

/// What the first page of a pack says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Header {
    /// What the pack holds.
    pub class: Class,
    /// Which pack it is.
    pub id: PackId,
    /// Which writing of it.
    pub generation: Generation,
    /// The store that it belongs to.
    pub store: [u8; 16],
    /// The number under which the metadata of the store names it: no other pack of the store ever had it.
    pub ordinal: u32,
    /// How the contents in it were cut.
    pub chunker: Chunker,
}

/// How contents were cut into chunks. Equal contents give equal chunks only under equal parameters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Chunker {
    /// Not by what they hold: whole, or in pieces of one length.
    Uncut,
    /// By FastCDC, version of 2020.
    FastCdc {
        /// Level of normalisation, 0 to 3.
        level: u32,
        /// Least length of a chunk but the last, in bytes.
        min: u32,
        /// Length that chunks tend to, in bytes.
        average: u32,
        /// Greatest length of a chunk, in bytes.
        max: u32,
    },
}

impl Chunker {
    fn fields(&self) -> (u8, [u32; 4]) {
        match *self {
            Chunker::Uncut => (UNCUT, [0; 4]),
            Chunker::FastCdc { level, min, average, max } => (FAST_CDC, [level, min, average, max]),
        }
    }

    fn read(page: &[u8]) -> Result<Chunker, Flaw> {
        match page[CHUNKER_AT] {
            UNCUT => match not_zero(&page[LEVEL_AT..ZERO_AT]) {
                None => Ok(Chunker::Uncut),
                Some(at) => Err(Flaw::at((LEVEL_AT + at) as u64, What::NotZero)),
            },
            FAST_CDC => Chunker::read_fast_cdc(page),
            other => Err(Flaw::field(CHUNKER_AT as u64, "the way of cutting", other)),
        }
    }

    fn read_fast_cdc(page: &[u8]) -> Result<Chunker, Flaw> {
        let level = u32_at(page, LEVEL_AT);
        if level > LEVEL_MAX {
            return Err(Flaw::field(LEVEL_AT as u64, "the level of normalisation", level));
        }
        let [min, average, max] = [0, 4, 8].map(|at| u32_at(page, LENGTHS_AT + at));
        let wrong = if min == 0 || min > average {
            Some((0, "the least length of a chunk", min))
        } else if average > max {
            Some((4, "the average length of a chunk", average))
        } else if max > FRAME_BYTES {
            Some((8, "the greatest length of a chunk", max))
        } else {
            None
        };
        match wrong {
            Some((at, field, value)) => Err(Flaw::field((LENGTHS_AT + at) as u64, field, value)),
            None => Ok(Chunker::FastCdc { level, min, average, max }),
        }
    }
}

impl Header {
    /// The page.
    pub fn encode(&self) -> [u8; HEADER_BYTES] {
        let (chunker, numbers) = self.chunker.fields();
        let mut page = [0; HEADER_BYTES];
        page[..8].copy_from_slice(&MAGIC);
        page[8..10].copy_from_slice(&VERSION.to_be_bytes());
        page[10] = self.class.letter();
        page[CHUNKER_AT] = chunker;
        page[12..28].copy_from_slice(self.id.as_bytes());
        page[28..32].copy_from_slice(&self.generation.0.to_be_bytes());
        page[32..48].copy_from_slice(&self.store);
        page[ORDINAL_AT..ORDINAL_AT + 4].copy_from_slice(&self.ordinal.to_be_bytes());
        for (at, number) in (LEVEL_AT..).step_by(4).zip(numbers) {
            page[at..at + 4].copy_from_slice(&number.to_be_bytes());
        }
        seal(&mut page);
        page
    }

    /// What a page says.
    ///
    /// # Errors
    /// If no version of this program that is known wrote the page.
    pub fn decode(page: &[u8]) -> Result<Header, Flaw> {
        if page.len() != HEADER_BYTES {
            let what = What::Length { found: page.len() as u64, expected: HEADER_BYTES as u64 };
            return Err(Flaw::at(page.len().min(HEADER_BYTES) as u64, what));
        }
        if page[..8] != MAGIC {
            return Err(Flaw::at(0, What::Magic));
        }
        if u32_at(page, CRC_AT) != crc32c::crc32c(&page[..CRC_AT]) {
            return Err(Flaw::at(0, What::Checksum));
        }
        let version = u16_at(page, 8);
        if version != VERSION {
            return Err(Flaw::at(8, What::Version { version }));
        }
        let class = Class::of_letter(page[10]).ok_or_else(|| Flaw::field(10, "the class", page[10]))?;
        for zeros in [ORDINAL_AT + 4..LEVEL_AT, ZERO_AT..CRC_AT] {
            if let Some(at) = not_zero(&page[zeros.clone()]) {
                return Err(Flaw::at((zeros.start + at) as u64, What::NotZero));
            }
        }
        Ok(Header {
            class,
            id: PackId::from_bytes(array(page, 12)),
            generation: Generation(u32_at(page, 28)),
            store: array(page, 32),
            ordinal: u32_at(page, ORDINAL_AT),
            chunker: Chunker::read(page)?,
        })
    }
}

/// Writes the checksum of a page.
pub(crate) fn seal(page: &mut [u8; HEADER_BYTES]) {
    let crc = crc32c::crc32c(&page[..CRC_AT]);
    page[CRC_AT..].copy_from_slice(&crc.to_be_bytes());
}

#[cfg(test)]
pub(crate) mod tests {
    use proptest::prelude::*;

    use super::*;

    pub(crate) fn header() -> Header {
        Header {
            class: Class::Zstd,
            id: PackId::from_bytes(*b"the-pack-of-test"),
            generation: Generation(3),
            store: *b"the-store-of-all",
            ordinal: 41,
            chunker: Chunker::FastCdc { level: 2, min: 65_536, average: 262_144, max: 1_048_576 },
        }
    }

    fn any_chunker() -> impl Strategy<Value = Chunker> {
        let cut = (0..=LEVEL_MAX, 1..1000_u32, 0..1000_u32, 0..1000_u32).prop_map(|(level, min, more, most)| {
            Chunker::FastCdc { level, min, average: min + more, max: min + more + most }
        });
        prop_oneof![Just(Chunker::Uncut), cut]
    }

    proptest! {
        #[test]
        fn every_header_reads_back(
            class in proptest::sample::select(&Class::ALL[..]),
            id: [u8; 16], generation: u32, store: [u8; 16], ordinal: u32, chunker in any_chunker(),
        ) {
            let id = PackId::from_bytes(id);
            let header = Header { class, id, generation: Generation(generation), store, ordinal, chunker };
            prop_assert_eq!(Header::decode(&header.encode()), Ok(header));
        }
    }

    #[test]
    fn a_whole_page_of_another_version_is_told_from_damage() {
        let mut page = header().encode();
        page[9] = 2;
        assert_eq!(Header::decode(&page).unwrap_err(), Flaw::at(0, What::Checksum));
        seal(&mut page);
        assert_eq!(Header::decode(&page).unwrap_err(), Flaw::at(8, What::Version { version: 2 }));
    }

    #[test]
    fn a_page_whose_checksum_holds_is_still_looked_at() {
        let wrong: [(usize, u8, What); 6] = [
            (0, b's', What::Magic),
            (10, b'X', What::Field { field: "the class", value: 88 }),
            (11, 7, What::Field { field: "the way of cutting", value: 7 }),
            (56, 4, What::Field { field: "the level of normalisation", value: 0x0400_0002 }),
            (60, 1, What::Field { field: "the least length of a chunk", value: 0x0101_0000 }),
            (4091, 1, What::NotZero),
        ];
        for (at, byte, what) in wrong {
            let mut page = header().encode();
            page[at] = byte;
            seal(&mut page);
            assert_eq!(Header::decode(&page).unwrap_err(), Flaw::at(at as u64, what));
        }
        let mut uncut = header().encode();
        uncut[11] = UNCUT;
        seal(&mut uncut);
        assert_eq!(Header::decode(&uncut).unwrap_err(), Flaw::at(59, What::NotZero));
    }

    #[test]
    fn every_flipped_bit_and_every_other_length_is_seen() {
        let page = header().encode();
        for bit in 0..page.len() * 8 {
            let mut flipped = page;
            flipped[bit / 8] ^= 1 << (bit % 8);
            assert!(Header::decode(&flipped).is_err(), "bit {bit}");
        }
        for len in 0..page.len() {
            assert!(Header::decode(&page[..len]).is_err(), "{len} bytes");
        }
        assert!(Header::decode(&[&page[..], &[0]].concat()).is_err());
    }
}
