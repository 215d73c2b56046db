//! The stream of a checkpoint, byte by byte. All integers are big-endian.
//!
//! ```text
//! stream     = header, consumer*, shard*, outcome*, floor*, erasure*, row*, end
//! header     = "STARCKPT", u16 version (1), installation (16), u64 position, chain (8), u64 at
//! consumer   = 06, u16 length, name, u64 position
//! shard      = 01, u16 shard, u64 revision, u64 last revision that removed keys
//! outcome    = 02, id (16), u64 revision, u64 position      (oldest first)
//! floor      = 03, u16 shard, u64 revision                  (older removals are forgotten)
//! erasure    = 04, u16 shard, u64 revision, key, 00 | 01 key
//! row        = 05, key, u64 created, u64 modified, u16 shard, u32 length, value
//! key        = u16 length, bytes
//! end        = 00, u64 number of rows
//! ```
//!
//! Rows are in the order of their keys. Like the journal's, these bytes are read for ever.

use std::io;

use star_core::ports::meta::{Key, KeyRange};

use super::blocks::BlockWriter;
use super::state::State;
use crate::index::Row;

pub(crate) const MAGIC: [u8; 8] = *b"STARCKPT";
pub(crate) const VERSION: u16 = 1;
pub(crate) const HEADER_BYTES: usize = 8 + 2 + 16 + 8 + 8 + 8;

pub(crate) const END: u8 = 0;
pub(crate) const SHARD: u8 = 1;
pub(crate) const OUTCOME: u8 = 2;
pub(crate) const FLOOR: u8 = 3;
pub(crate) const ERASURE: u8 = 4;
pub(crate) const ROW: u8 = 5;
pub(crate) const CONSUMER: u8 = 6;

/// Writes the stream of one checkpoint.
pub(crate) struct StreamWriter<'a> {
    blocks: BlockWriter<'a>,
    scratch: Vec<u8>,
    rows: u64,
}

impl<'a> StreamWriter<'a> {
    /// Begins with everything but the rows.
    pub(crate) fn begin(blocks: BlockWriter<'a>, state: &State) -> io::Result<StreamWriter<'a>> {
        let mut writer = StreamWriter { blocks, scratch: Vec::new(), rows: 0 };
        writer.header(state)?;
        for (name, position) in &state.consumers {
            writer.item(CONSUMER, &[&length(name.len()), name.as_bytes(), &position.to_be_bytes()])?;
        }
        for (shard, of) in &state.shards {
            let number = shard.number().to_be_bytes();
            writer.item(SHARD, &[&number, &of.revision.to_be_bytes(), &of.erased.to_be_bytes()])?;
        }
        for (id, committed) in state.outcomes.oldest_first() {
            let (revision, position) = (committed.revision.to_be_bytes(), committed.position.to_be_bytes());
            writer.item(OUTCOME, &[&id.to_be_bytes(), &revision, &position])?;
        }
        for (shard, floor) in state.erasures.floors() {
            writer.item(FLOOR, &[&shard.number().to_be_bytes(), &floor.to_be_bytes()])?;
        }
        for (shard, revision, range) in state.erasures.ranges() {
            writer.erasure(&shard.number().to_be_bytes(), &revision.to_be_bytes(), range)?;
        }
        Ok(writer)
    }

    /// Adds the next row.
    pub(crate) fn row(&mut self, key: &Key, row: &Row) -> io::Result<()> {
        self.rows += 1;
        let (created, modified) = (row.created.to_be_bytes(), row.modified.to_be_bytes());
        let len = u32::try_from(row.value.len()).expect("values are within the limits of the store").to_be_bytes();
        let (key_len, shard) = (length(key.as_bytes().len()), row.shard.number().to_be_bytes());
        self.item(ROW, &[&key_len, key.as_bytes(), &created, &modified, &shard, &len, &row.value])
    }

    /// Ends the stream and makes the file durable. Gives its length.
    pub(crate) fn finish(mut self) -> io::Result<u64> {
        let rows = self.rows.to_be_bytes();
        self.item(END, &[&rows])?;
        self.blocks.finish()
    }

    fn header(&mut self, state: &State) -> io::Result<()> {
        self.blocks.write(&MAGIC)?;
        self.blocks.write(&VERSION.to_be_bytes())?;
        self.blocks.write(&state.installation)?;
        self.blocks.write(&state.position.to_be_bytes())?;
        self.blocks.write(&state.chain)?;
        self.blocks.write(&state.at.to_be_bytes())
    }

    fn erasure(&mut self, shard: &[u8], revision: &[u8], range: &KeyRange) -> io::Result<()> {
        let start = range.start.as_bytes();
        match &range.end {
            None => self.item(ERASURE, &[shard, revision, &length(start.len()), start, &[0]]),
            Some(end) => {
                let end = end.as_bytes();
                let (start_len, end_len) = (length(start.len()), length(end.len()));
                self.item(ERASURE, &[shard, revision, &start_len, start, &[1], &end_len, end])
            }
        }
    }

    fn item(&mut self, tag: u8, parts: &[&[u8]]) -> io::Result<()> {
        self.scratch.clear();
        self.scratch.push(tag);
        parts.iter().for_each(|part| self.scratch.extend_from_slice(part));
        self.blocks.write(&self.scratch)
    }
}

fn length(len: usize) -> [u8; 2] {
    u16::try_from(len).expect("keys and names are within the limits of the store").to_be_bytes()
}
