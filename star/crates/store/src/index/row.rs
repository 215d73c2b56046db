//! How rows and marks look inside an engine on disk: each with a checksum of its own.
//!
//! Engines do not check all that they read, and a bit that flips in a page must not be served:
//! the checksum covers the key too, so that a value cannot appear under another one.
//!
//! | what | bytes (big-endian) |
//! |---|---|
//! | row | u64 created, u64 modified, u16 shard of the last write, CRC32C, the value |
//! | shard | u64 revision, u64 last revision that removed keys, CRC32C |
//! | applied | u64 position, CRC32C |

use bytes::Bytes;
use star_core::ports::meta::{Position, Revision, Shard};

use super::{Row, ShardState};
use crate::journal::record::array;

/// Bytes of a row before its value.
pub(crate) const ROW_HEADER_BYTES: usize = 22;
const ROW_CRC_AT: usize = 18;

/// Why bytes of an index are not believed.
pub(crate) type Nonsense = &'static str;

/// What a row says besides its value.
#[derive(Debug, Clone, Copy)]
pub(crate) struct RowHeader {
    pub(crate) created: Revision,
    pub(crate) modified: Revision,
    pub(crate) shard: Shard,
}

/// Writes a row into a buffer, which is emptied first.
pub(crate) fn encode(out: &mut Vec<u8>, key: &[u8], header: RowHeader, value: &[u8]) {
    out.clear();
    out.extend_from_slice(&header.created.to_be_bytes());
    out.extend_from_slice(&header.modified.to_be_bytes());
    out.extend_from_slice(&header.shard.number().to_be_bytes());
    let crc = checksum(key, &out[..ROW_CRC_AT], value);
    out.extend_from_slice(&crc.to_be_bytes());
    out.extend_from_slice(value);
}

/// Reads what a row says besides its value, all of it checked.
pub(crate) fn decode_header(key: &[u8], row: &[u8]) -> Result<RowHeader, Nonsense> {
    if row.len() < ROW_HEADER_BYTES {
        return Err("a row is shorter than its header");
    }
    let crc = u32::from_be_bytes(array(row, ROW_CRC_AT));
    if crc != checksum(key, &row[..ROW_CRC_AT], &row[ROW_HEADER_BYTES..]) {
        return Err("the checksum of a row does not hold");
    }
    let shard = Shard::new(u16::from_be_bytes(array(row, 16))).ok_or("a row names a shard out of range")?;
    let (created, modified) = (u64::from_be_bytes(array(row, 0)), u64::from_be_bytes(array(row, 8)));
    Ok(RowHeader { created, modified, shard })
}

/// Reads a row, copying its value.
pub(crate) fn decode(key: &[u8], row: &[u8]) -> Result<Row, Nonsense> {
    let RowHeader { created, modified, shard } = decode_header(key, row)?;
    Ok(Row { value: Bytes::copy_from_slice(&row[ROW_HEADER_BYTES..]), created, modified, shard })
}

fn checksum(key: &[u8], header: &[u8], value: &[u8]) -> u32 {
    crc32c::crc32c_append(crc32c::crc32c_append(crc32c::crc32c(key), header), value)
}

/// The mark of a shard.
pub(crate) fn encode_state(shard: u16, state: ShardState) -> [u8; 20] {
    let mut out = [0; 20];
    out[..8].copy_from_slice(&state.revision.to_be_bytes());
    out[8..16].copy_from_slice(&state.erased.to_be_bytes());
    let crc = checksum(&shard.to_be_bytes(), &out[..16], &[]);
    out[16..].copy_from_slice(&crc.to_be_bytes());
    out
}

/// Reads the mark of a shard.
pub(crate) fn decode_state(shard: u16, bytes: &[u8]) -> Result<ShardState, Nonsense> {
    let holds =
        bytes.len() == 20 && u32::from_be_bytes(array(bytes, 16)) == checksum(&shard.to_be_bytes(), &bytes[..16], &[]);
    if !holds {
        return Err("the mark of a shard is not what was written");
    }
    Ok(ShardState { revision: u64::from_be_bytes(array(bytes, 0)), erased: u64::from_be_bytes(array(bytes, 8)) })
}

/// The mark of how far the log was applied.
pub(crate) fn encode_position(position: Position) -> [u8; 12] {
    let mut out = [0; 12];
    out[..8].copy_from_slice(&position.to_be_bytes());
    let crc = crc32c::crc32c(&out[..8]);
    out[8..].copy_from_slice(&crc.to_be_bytes());
    out
}

/// Reads the mark of how far the log was applied.
pub(crate) fn decode_position(bytes: &[u8]) -> Result<Position, Nonsense> {
    if bytes.len() != 12 || u32::from_be_bytes(array(bytes, 8)) != crc32c::crc32c(&bytes[..8]) {
        return Err("the applied position is not what was written");
    }
    Ok(u64::from_be_bytes(array(bytes, 0)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_reads_back_and_a_flipped_bit_anywhere_is_seen() {
        let header = RowHeader { created: 3, modified: 9, shard: Shard::new(700).unwrap() };
        let mut row = Vec::new();
        encode(&mut row, b"key", header, b"value");
        let read = decode(b"key", &row).unwrap();
        assert_eq!((read.created, read.modified, read.shard, &read.value[..]), (3, 9, header.shard, &b"value"[..]));
        assert!(decode(b"kex", &row).is_err(), "under another key");
        let state = ShardState { revision: 5, erased: 2 };
        let (shard, position) = (encode_state(8, state), encode_position(77));
        assert_eq!((decode_state(8, &shard), decode_position(&position)), (Ok(state), Ok(77)));
        assert!(decode_state(9, &shard).is_err(), "of another shard");
        let flips = |bytes: &[u8], reads: &dyn Fn(&[u8]) -> bool| {
            for bit in 0..bytes.len() * 8 {
                let mut flipped = bytes.to_vec();
                flipped[bit / 8] ^= 1 << (bit % 8);
                assert!(!reads(&flipped), "bit {bit}");
            }
        };
        flips(&row, &|bytes| decode(b"key", bytes).is_ok());
        flips(&shard, &|bytes| decode_state(8, bytes).is_ok());
        flips(&position, &|bytes| decode_position(bytes).is_ok());
    }
}
