//! The forms on disk, for tests that read bytes which were never written.
//!
//! No part of the interface. Each function reads a form and gives the bytes that would be written
//! for what was read; `sealed_…` mends the checksums, without which such bytes are turned away
//! before anything else is looked at. What must be true of it is said in `tests/fuzz`.

use std::path::Path;

use bytes::Bytes;
use star_core::ports::meta::{Batch, Shard};

use crate::checkpoint::blocks::BlockWriter;
use crate::checkpoint::format::StreamWriter;
use crate::checkpoint::read;
use crate::consumers;
use crate::disk::{Disk, DiskFile};
use crate::journal::record::{self, Installation};
use crate::journal::segment::SegmentHeader;
use crate::journal::{Fault, body, tail};
use crate::limits::SEGMENT_HEADER_BYTES;

/// Whose journal the bytes are taken for.
const INSTALLATION: Installation = *b"the-installation";

/// The frame at the start of the bytes, written again.
pub fn frame(bytes: &[u8]) -> Option<Vec<u8>> {
    let frame = record::read_frame(bytes, &INSTALLATION).ok()?;
    let mut again = Vec::with_capacity(frame.len());
    record::write_frame(&mut again, &INSTALLATION, &frame.header, &frame.body);
    Some(again)
}

/// The bytes as a frame whose magic, versions, length and checksum hold.
pub fn sealed_frame(bytes: &[u8]) -> Vec<u8> {
    let mut fields = [0; record::HEADER_BYTES];
    let (head, body) = bytes.split_at(bytes.len().min(record::HEADER_BYTES));
    fields[..head.len()].copy_from_slice(head);
    let number = |at: usize| u64::from_be_bytes(record::array(&fields, at));
    let header = record::Header {
        schema: body::SCHEMA,
        shard: Shard::of_space(&number(0).to_string()),
        position: number(12),
        durable: number(20),
        revision: number(28),
        id: u128::from_be_bytes(record::array(&fields, 36)),
        at: number(52),
        chain: record::array(&fields, 60),
    };
    let mut sealed = Vec::new();
    record::write_frame(&mut sealed, &INSTALLATION, &header, body);
    sealed
}

/// The body of a frame, written again.
pub fn body(bytes: &[u8]) -> Option<Vec<u8>> {
    let body = body::decode(Bytes::copy_from_slice(bytes))?;
    let batch = Batch {
        id: 0,
        shard: Shard::of_space(""),
        preconditions: Vec::new(),
        operations: body.operations,
        events: body.events,
        at: 0,
    };
    let again = body::encode(&batch);
    debug_assert_eq!(again.len(), body::encoded_len(&batch));
    Some(again)
}

/// What the bytes behind the last good frame are taken for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tail {
    /// Space that was never written.
    Unwritten,
    /// What may be cut.
    Torn,
    /// What must not be cut.
    Damaged,
}

/// What the bytes from `offset` on are taken for, where the frame of position `lost` should begin.
pub fn tail(rest: &[u8], offset: u64, lost: u64) -> Tail {
    match tail::judge(rest, offset, &INSTALLATION, lost) {
        tail::Tail::Unwritten => Tail::Unwritten,
        tail::Tail::Torn => Tail::Torn,
        tail::Tail::Damaged { .. } => Tail::Damaged,
    }
}

/// The file of the consumers, written again.
pub fn consumers(bytes: &[u8]) -> Option<Vec<u8>> {
    consumers::decode(bytes, &INSTALLATION).map(|cursors| consumers::encode(&cursors, &INSTALLATION))
}

/// The bytes as a file of consumers whose first and last bytes hold.
pub fn sealed_consumers(bytes: &[u8]) -> Vec<u8> {
    let head = consumers::encode(&consumers::Cursors::new(), &INSTALLATION);
    let mut sealed = head[..head.len() - 6].to_vec();
    sealed.extend_from_slice(bytes);
    let crc = crc32c::crc32c(&sealed);
    sealed.extend_from_slice(&crc.to_be_bytes());
    sealed
}

/// The header page of a segment, written again.
pub fn segment(page: &[u8]) -> Option<Vec<u8>> {
    SegmentHeader::decode(page).ok().map(|header| header.encode())
}

/// The bytes as the header page of a segment whose magic, version and checksum hold.
pub fn sealed_segment(bytes: &[u8]) -> Vec<u8> {
    let mut fields = [0; 40];
    let some = bytes.len().min(fields.len());
    fields[..some].copy_from_slice(&bytes[..some]);
    let header = SegmentHeader {
        installation: record::array(&fields, 0),
        first: u64::from_be_bytes(record::array(&fields, 16)),
        chain: record::array(&fields, 24),
        made: u64::from_be_bytes(record::array(&fields, 32)),
    };
    let mut page = header.encode();
    // What lies between the fields and the checksum is kept for later versions.
    let room = SEGMENT_HEADER_BYTES - 4;
    let rest = &bytes[some..];
    let spare = &mut page[50..room];
    let some = rest.len().min(spare.len());
    spare[..some].copy_from_slice(&rest[..some]);
    let crc = crc32c::crc32c(&page[..room]);
    page[room..].copy_from_slice(&crc.to_be_bytes());
    page
}

/// Writes a stream as the file of a checkpoint whose checksums hold.
///
/// # Errors
/// If the file cannot be written.
pub fn seal_checkpoint(file: &dyn DiskFile, stream: &[u8]) -> std::io::Result<u64> {
    let mut blocks = BlockWriter::new(file);
    blocks.write(stream)?;
    blocks.finish()
}

/// What lies in the file of a checkpoint, written again to another file. Gives its rows.
///
/// # Errors
/// Why it cannot be read, in words.
pub fn checkpoint(disk: &dyn Disk, from: &Path, into: &Path) -> Result<u64, String> {
    let words = |fault: Fault| fault.to_string();
    let (state, mut reading) = read::open(disk, from).map_err(words)?;
    let file = disk.create(into).map_err(|error| error.to_string())?;
    let written = |error: std::io::Error| error.to_string();
    let mut stream = StreamWriter::begin(BlockWriter::new(file.as_ref()), &state).map_err(written)?;
    let mut rows = 0;
    while let Some((key, row)) = reading.next_row().map_err(words)? {
        stream.row(&key, &row).map_err(written)?;
        rows += 1;
    }
    stream.finish().map_err(written)?;
    Ok(rows)
}
