//! A file of checked blocks: a stream of bytes that cannot be read wrong.
//!
//! ```text
//! file  = block* hash
//! block = 65,532 bytes of the stream (fewer in the last), CRC32C (u32, big-endian)
//! hash  = BLAKE3 of all blocks (32 bytes)
//! ```
//!
//! The number of a block goes into its checksum first, so that no block can stand in for another.
//! The checksum stops a reader at the block that is bad; the hash says that the file as a whole
//! is the one that was written.

use std::io;

use crate::disk::DiskFile;
use crate::limits::CHECKPOINT_BLOCK_BYTES;

const CRC_BYTES: usize = 4;
const PAYLOAD_BYTES: usize = CHECKPOINT_BLOCK_BYTES - CRC_BYTES;
const HASH_BYTES: usize = 32;

fn checksum(number: u64, payload: &[u8]) -> [u8; CRC_BYTES] {
    crc32c::crc32c_append(crc32c::crc32c(&number.to_be_bytes()), payload).to_be_bytes()
}

/// Writes a stream as blocks.
pub(crate) struct BlockWriter<'a> {
    file: &'a dyn DiskFile,
    offset: u64,
    number: u64,
    block: Vec<u8>,
    hasher: blake3::Hasher,
}

impl<'a> BlockWriter<'a> {
    /// A writer at the start of an empty file.
    pub(crate) fn new(file: &'a dyn DiskFile) -> BlockWriter<'a> {
        let block = Vec::with_capacity(CHECKPOINT_BLOCK_BYTES);
        BlockWriter { file, offset: 0, number: 0, block, hasher: blake3::Hasher::new() }
    }

    /// Adds bytes to the stream.
    pub(crate) fn write(&mut self, mut bytes: &[u8]) -> io::Result<()> {
        while !bytes.is_empty() {
            let room = PAYLOAD_BYTES - self.block.len();
            let (now, later) = bytes.split_at(room.min(bytes.len()));
            self.block.extend_from_slice(now);
            bytes = later;
            if self.block.len() == PAYLOAD_BYTES {
                self.end_block()?;
            }
        }
        Ok(())
    }

    /// Ends the stream and makes the file durable. Gives its length.
    pub(crate) fn finish(mut self) -> io::Result<u64> {
        if !self.block.is_empty() {
            self.end_block()?;
        }
        let hash = *self.hasher.finalize().as_bytes();
        self.file.write_all_at(&hash, self.offset)?;
        self.file.sync()?;
        Ok(self.offset + HASH_BYTES as u64)
    }

    fn end_block(&mut self) -> io::Result<()> {
        let crc = checksum(self.number, &self.block);
        self.block.extend_from_slice(&crc);
        self.hasher.update(&self.block);
        self.file.write_all_at(&self.block, self.offset)?;
        self.offset += self.block.len() as u64;
        self.number += 1;
        self.block.clear();
        Ok(())
    }
}

/// Why a stream could not be read on.
#[derive(Debug)]
pub(crate) enum BadStream {
    /// What lies at this offset is not what was written.
    Damaged { offset: u64, what: &'static str },
    /// The disk failed.
    Io(io::Error),
}

/// Reads a stream back, block by block.
pub(crate) struct BlockReader {
    file: Box<dyn DiskFile>,
    /// Where the blocks end and the hash begins.
    end: u64,
    offset: u64,
    number: u64,
    block: Vec<u8>,
    at: usize,
    hasher: blake3::Hasher,
}

impl BlockReader {
    /// A reader at the start of a file.
    pub(crate) fn new(file: Box<dyn DiskFile>) -> Result<BlockReader, BadStream> {
        let size = file.size().map_err(BadStream::Io)?;
        let Some(end) = size.checked_sub(HASH_BYTES as u64).filter(|end| *end > 0) else {
            return Err(BadStream::Damaged { offset: 0, what: "the file is too short" });
        };
        Ok(BlockReader { file, end, offset: 0, number: 0, block: Vec::new(), at: 0, hasher: blake3::Hasher::new() })
    }

    /// The file offset of the block that the next byte of the stream is in.
    pub(crate) fn offset(&self) -> u64 {
        self.offset
    }

    /// The next `len` bytes of the stream.
    pub(crate) fn take(&mut self, len: usize, into: &mut Vec<u8>) -> Result<(), BadStream> {
        into.clear();
        while into.len() < len {
            if self.at == self.block.len() && !self.next_block()? {
                return Err(BadStream::Damaged { offset: self.end, what: "the file ends too early" });
            }
            let now = (len - into.len()).min(self.block.len() - self.at);
            into.extend_from_slice(&self.block[self.at..self.at + now]);
            self.at += now;
        }
        Ok(())
    }

    /// Checks that the stream ends here and that the file is the one that was written.
    pub(crate) fn finish(&mut self) -> Result<(), BadStream> {
        if self.at < self.block.len() || self.next_block()? {
            return Err(BadStream::Damaged { offset: self.offset, what: "the file goes on behind its end" });
        }
        let mut hash = [0; HASH_BYTES];
        read_exact(self.file.as_ref(), &mut hash, self.end)?;
        if hash != *self.hasher.finalize().as_bytes() {
            return Err(BadStream::Damaged { offset: self.end, what: "the hash of the file does not hold" });
        }
        Ok(())
    }

    fn next_block(&mut self) -> Result<bool, BadStream> {
        let begin = self.number * CHECKPOINT_BLOCK_BYTES as u64;
        if begin >= self.end {
            return Ok(false);
        }
        self.offset = begin;
        let len = (self.end - begin).min(CHECKPOINT_BLOCK_BYTES as u64) as usize;
        self.block.resize(len, 0);
        read_exact(self.file.as_ref(), &mut self.block, begin)?;
        self.hasher.update(&self.block);
        let payload = len.checked_sub(CRC_BYTES).filter(|payload| *payload > 0);
        let holds =
            payload.is_some_and(|payload| self.block[payload..] == checksum(self.number, &self.block[..payload]));
        if !holds {
            return Err(BadStream::Damaged { offset: begin, what: "the checksum of the block does not hold" });
        }
        self.block.truncate(len - CRC_BYTES);
        self.at = 0;
        self.number += 1;
        Ok(true)
    }
}

fn read_exact(file: &dyn DiskFile, buffer: &mut [u8], offset: u64) -> Result<(), BadStream> {
    let mut filled = 0;
    while filled < buffer.len() {
        match file.read_at(&mut buffer[filled..], offset + filled as u64).map_err(BadStream::Io)? {
            0 => return Err(BadStream::Damaged { offset, what: "the file ends too early" }),
            read => filled += read,
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::disk::{Disk, LocalDisk};

    fn written(dir: &std::path::Path, len: usize) -> (std::path::PathBuf, Vec<u8>) {
        let stream: Vec<u8> = (0..len as u32).map(|at| (at.wrapping_mul(2_654_435_761) >> 24) as u8).collect();
        let path = dir.join("stream");
        let file = LocalDisk.create(&path).unwrap();
        let mut writer = BlockWriter::new(file.as_ref());
        stream.chunks(9_999).for_each(|part| writer.write(part).unwrap());
        assert_eq!(writer.finish().unwrap(), std::fs::metadata(&path).unwrap().len());
        (path, stream)
    }

    fn read(path: &std::path::Path, len: usize) -> Result<Vec<u8>, BadStream> {
        let mut reader = BlockReader::new(LocalDisk.open(path).unwrap())?;
        let mut stream = Vec::new();
        reader.take(len, &mut stream)?;
        reader.finish()?;
        Ok(stream)
    }

    #[test]
    fn a_stream_of_any_length_reads_back() {
        let dir = tempfile::tempdir().unwrap();
        for len in [1, 100, PAYLOAD_BYTES - 1, PAYLOAD_BYTES, PAYLOAD_BYTES + 1, 3 * PAYLOAD_BYTES, 200_000] {
            let (path, stream) = written(dir.path(), len);
            assert_eq!(read(&path, len).unwrap(), stream);
            assert!(matches!(read(&path, len - 1), Err(BadStream::Damaged { .. })), "it goes on behind its end");
            assert!(matches!(read(&path, len + 1), Err(BadStream::Damaged { .. })), "it ends too early");
        }
    }

    #[test]
    fn a_flipped_bit_a_swapped_block_and_a_cut_are_seen() {
        let dir = tempfile::tempdir().unwrap();
        let (path, stream) = written(dir.path(), 2 * PAYLOAD_BYTES + 500);
        let whole = std::fs::read(&path).unwrap();
        let mut cases: Vec<Vec<u8>> = (0..whole.len()).step_by(997).map(|at| flipped(&whole, at)).collect();
        cases.extend((whole.len() - 40..whole.len()).map(|at| flipped(&whole, at)));
        let (first, others) = whole.split_at(CHECKPOINT_BLOCK_BYTES);
        let (second, rest) = others.split_at(CHECKPOINT_BLOCK_BYTES);
        cases.push([second, first, rest].concat());
        cases.extend((1..whole.len()).step_by(7_919).map(|len| whole[..len].to_vec()));
        for case in cases {
            std::fs::write(&path, &case).unwrap();
            assert!(matches!(read(&path, stream.len()), Err(BadStream::Damaged { .. })));
        }
    }

    fn flipped(bytes: &[u8], at: usize) -> Vec<u8> {
        let mut bytes = bytes.to_vec();
        bytes[at] ^= 1 << (at % 8);
        bytes
    }
}
