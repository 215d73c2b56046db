//! Pieces of contents: what a chunk and a frame are.
//!
//! A *chunk* is a piece of plain bytes, named by their BLAKE3, so that equal pieces are the same
//! chunk wherever they stand. A *frame* is a chunk as it is stored and sent. A frame is made once
//! and copied verbatim for ever: digests of what was published name exactly these bytes.
//!
//! Here are the words. [`cut`] says where chunks end, [`encode`] makes frames, [`check`] judges
//! those that others made, [`decode`] undoes them, [`whole`] says which contents are cut at all, and [`pipeline`] does all of it
//! to streams.

pub mod check;
pub mod cut;
pub mod decode;
pub mod encode;
mod header;
pub mod limits;
pub mod pipeline;
pub mod rope;
#[cfg(test)]
pub(crate) mod samples;
pub mod whole;

use std::fmt;

use bytes::Bytes;
use serde::{Deserialize, Serialize};

/// The name of a chunk: BLAKE3 of its plain bytes.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct ChunkId([u8; 32]);

impl ChunkId {
    /// The name of these bytes.
    pub fn of(plain: &[u8]) -> ChunkId {
        ChunkId(*blake3::hash(plain).as_bytes())
    }

    /// A name that was written down.
    pub const fn from_bytes(bytes: [u8; 32]) -> ChunkId {
        ChunkId(bytes)
    }

    /// The name as it is written down.
    pub const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

impl fmt::Display for ChunkId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for ChunkId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ChunkId({self})")
    }
}

/// What the stored bytes of a frame are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Encoding {
    /// One frame of zstd, with the length of its content and a checksum.
    Zstd,
    /// The plain bytes.
    Raw,
}

/// A chunk as it is stored and sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Frame {
    /// Which chunk it is.
    pub chunk: ChunkId,
    /// Length of the chunk in bytes.
    pub plain_len: u32,
    /// What the stored bytes are.
    pub encoding: Encoding,
    /// The stored bytes.
    pub stored: Bytes,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_chunk_is_named_by_its_plain_bytes() {
        let id = ChunkId::of(b"hello");
        assert_eq!(id.to_string(), "ea8f163db38682925e4491c5e58d4bb3506ef8c14eb78a86e908c5624a67200f");
        assert_eq!(ChunkId::from_bytes(*id.as_bytes()), id);
    }
}
