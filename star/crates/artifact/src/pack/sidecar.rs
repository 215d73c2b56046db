//! The log of slots beside an open pack: what would be its footer, were it sealed now.
//!
//! Record after record, without a header; the pack beside it says which version this is.
//!
//! | offset | bytes | what |
//! |---|---|---|
//! | 0 | 52 | the slot |
//! | 52 | 4 | how many frames of the pack were durable when this was written |
//! | 56 | 4 | zero |
//! | 60 | 4 | CRC32C of the id of the pack, its generation, the number of the record, bytes 0 to 60 |
//!
//! A record tells of earlier ones that they were durable. So one that does not hold was torn while
//! it was written, unless a later one says that it was durable: then it is damaged.

use super::fields::{array, not_zero, u32_at};
use super::limits::{RECORD_BYTES, SLOT_BYTES, SLOTS};
use super::{Flaw, Generation, PackId, PackName, Slot, What};

const DURABLE_AT: usize = SLOT_BYTES;
const ZERO_AT: usize = 56;
const CRC_AT: usize = 60;

/// A slot in the log of an open pack.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Record {
    /// The slot.
    pub slot: Slot,
    /// How many frames were durable when it was written; at most the number of the record.
    pub durable: u32,
}

impl Record {
    /// The bytes of the record with this number, counted from 0, for the pack of this name alone.
    pub fn encode(&self, name: PackName, number: u32) -> [u8; RECORD_BYTES] {
        let mut bytes = [0; RECORD_BYTES];
        bytes[..SLOT_BYTES].copy_from_slice(&self.slot.encode());
        bytes[DURABLE_AT..ZERO_AT].copy_from_slice(&self.durable.to_be_bytes());
        seal(&mut bytes, name, number);
        bytes
    }

    /// What the bytes of the record with this number say.
    ///
    /// # Errors
    /// If they are not such a record; the offset of the flaw counts from the start of the record.
    pub fn decode(bytes: &[u8; RECORD_BYTES], name: PackName, number: u32) -> Result<Record, Flaw> {
        if u32_at(bytes, CRC_AT) != checksum(bytes, name.id, name.generation, number) {
            return Err(Flaw::at(0, What::Checksum));
        }
        let slot = Slot::decode(&array(bytes, 0))?;
        let durable = u32_at(bytes, DURABLE_AT);
        if durable > number {
            return Err(Flaw::field(DURABLE_AT as u64, "the number of durable frames", durable));
        }
        match not_zero(&bytes[ZERO_AT..CRC_AT]) {
            Some(at) => Err(Flaw::at((ZERO_AT + at) as u64, What::NotZero)),
            None => Ok(Record { slot, durable }),
        }
    }
}

/// Writes the checksum of a record.
pub(crate) fn seal(bytes: &mut [u8; RECORD_BYTES], name: PackName, number: u32) {
    let crc = checksum(bytes, name.id, name.generation, number);
    bytes[CRC_AT..].copy_from_slice(&crc.to_be_bytes());
}

/// Bound to the pack and the place, so that blocks of another file, or of another place in this
/// one, are never taken for its own.
fn checksum(bytes: &[u8; RECORD_BYTES], id: PackId, generation: Generation, number: u32) -> u32 {
    let mut crc = crc32c::crc32c(id.as_bytes());
    crc = crc32c::crc32c_append(crc, &generation.0.to_be_bytes());
    crc = crc32c::crc32c_append(crc, &number.to_be_bytes());
    crc32c::crc32c_append(crc, &bytes[..CRC_AT])
}

/// What a log says, up to the first record that does not hold.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Log {
    /// The slots of the records that hold.
    pub slots: Vec<Slot>,
    /// How many frames are known to have been durable: no record behind the last of `slots` holds
    /// that says more than this.
    pub durable: usize,
    /// Whether anything stands behind the last of `slots`: a record that was torn while it was
    /// written, or one behind such a one.
    pub torn: bool,
}

impl Log {
    /// Reads a log. Takes time and memory in proportion to the bytes, and what lies behind the
    /// greatest number of slots that a pack may have is not looked at.
    ///
    /// # Errors
    /// If a record does not hold and a later one says that it was durable.
    pub fn read(bytes: &[u8], name: PackName) -> Result<Log, Flaw> {
        let mut log = Log { slots: Vec::new(), durable: 0, torn: false };
        let mut first_torn = None;
        for (number, bytes) in bytes.chunks(RECORD_BYTES).take(SLOTS).enumerate() {
            match whole(bytes).and_then(|bytes| Record::decode(bytes, name, number as u32)) {
                Ok(record) => {
                    log.durable = log.durable.max(record.durable as usize);
                    if first_torn.is_none() {
                        log.slots.push(record.slot);
                    }
                }
                Err(flaw) => {
                    first_torn.get_or_insert(flaw.moved((number * RECORD_BYTES) as u64));
                }
            }
            log.torn |= first_torn.is_some() && not_zero(bytes).is_some();
        }
        match first_torn {
            Some(flaw) if log.slots.len() < log.durable => Err(flaw),
            _ => Ok(log),
        }
    }
}

/// The end of a log may be a part of a record.
fn whole(bytes: &[u8]) -> Result<&[u8; RECORD_BYTES], Flaw> {
    let what = What::Length { found: bytes.len() as u64, expected: RECORD_BYTES as u64 };
    bytes.try_into().map_err(|_| Flaw::at(bytes.len() as u64, what))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::chunk::{ChunkId, Encoding};

    const NAME: PackName = PackName { id: PackId::from_bytes([7; 16]), generation: Generation(2) };

    fn slot(number: u32) -> Slot {
        let chunk = ChunkId::of(&number.to_be_bytes());
        Slot { chunk, offset: 4096 + 10 * number, stored_len: 10, plain_len: 10, crc: number, encoding: Encoding::Raw }
    }

    /// A log of records, of which each says how many were durable.
    fn log(durable: &[u32]) -> Vec<u8> {
        let record = |(number, durable): (usize, &u32)| {
            let number = number as u32;
            Record { slot: slot(number), durable: *durable }.encode(NAME, number)
        };
        durable.iter().enumerate().flat_map(record).collect()
    }

    proptest! {
        #[test]
        fn every_record_reads_back(number in 0..8192_u32, durable: u32) {
            let record = Record { slot: slot(number), durable: durable % (number + 1) };
            let bytes = record.encode(NAME, number);
            prop_assert_eq!(Record::decode(&bytes, NAME, number), Ok(record));
            prop_assert!(Record::decode(&bytes, NAME, number + 1).is_err());
        }
    }

    #[test]
    fn a_log_is_read_up_to_what_was_torn() {
        let bytes = log(&[0, 0, 0, 3, 3]);
        let all: Vec<Slot> = (0..5).map(slot).collect();
        for len in 0..=bytes.len() {
            let whole = len / RECORD_BYTES;
            let durable = if whole > 3 { 3 } else { 0 };
            let torn = len % RECORD_BYTES > 0;
            assert_eq!(Log::read(&bytes[..len], NAME), Ok(Log { slots: all[..whole].to_vec(), durable, torn }));
        }
        let reserved = [&bytes[..], &[0; 1000]].concat();
        assert_eq!(Log::read(&reserved, NAME), Ok(Log { slots: all, durable: 3, torn: false }));
    }

    #[test]
    fn a_record_that_was_durable_and_does_not_hold_is_damage() {
        let bytes = log(&[0, 0, 0, 3, 3]);
        for bit in 0..bytes.len() * 8 {
            let mut flipped = bytes.clone();
            flipped[bit / 8] ^= 1 << (bit % 8);
            let number = bit / 8 / RECORD_BYTES;
            match Log::read(&flipped, NAME) {
                Err(flaw) => assert!(number < 3 && flaw.offset == (number * RECORD_BYTES) as u64, "bit {bit}"),
                Ok(log) => assert!(number >= 3 && log.slots.len() == number && log.torn, "bit {bit}"),
            }
        }
    }

    #[test]
    fn zeros_in_place_of_durable_records_are_damage_and_not_space() {
        let mut bytes = log(&[0, 0, 2]);
        bytes[..RECORD_BYTES].fill(0);
        assert_eq!(Log::read(&bytes, NAME), Err(Flaw::at(0, What::Checksum)));
    }

    #[test]
    fn records_of_another_pack_are_not_taken_for_its_own() {
        let other = PackName { generation: Generation(3), ..NAME };
        let read = Log::read(&log(&[0, 0]), other).unwrap();
        assert_eq!((read.slots.len(), read.torn), (0, true));
    }

    #[test]
    fn a_record_whose_checksum_holds_is_still_looked_at() {
        for (at, to, offset) in [(46, 9, 46), (55, 2, 52), (56, 1, 56), (59, 1, 59)] {
            let mut bytes = Record { slot: slot(1), durable: 0 }.encode(NAME, 1);
            bytes[at] = to;
            seal(&mut bytes, NAME, 1);
            assert_eq!(Record::decode(&bytes, NAME, 1).unwrap_err().offset, offset, "byte {at}");
        }
    }
}
