//! Reading frames one after the other from an open segment.
//!
//! Knows where a frame ends and the next begins, and nothing of what frames mean or of whether
//! they continue each other.

use std::io;

use super::record::{Frame, HEADER_BYTES, Installation, NotAFrame, read_frame};
use crate::disk::DiskFile;
use crate::limits::READ_CHUNK_BYTES;

/// A walk over the frames of a segment.
pub(crate) struct FrameReader {
    file: Box<dyn DiskFile>,
    installation: Installation,
    /// Offset in the file of `buffer[at]`: where the next frame begins.
    offset: u64,
    buffer: Vec<u8>,
    at: usize,
}

/// What stands at the reader's place.
#[derive(Debug)]
pub(crate) enum Step {
    /// A frame; the reader stands behind it.
    Frame(Frame),
    /// The end of the file, exactly.
    End,
    /// Zeros where a header would be: most likely reserved space; the reader stays before it.
    Unwritten,
    /// Something else; the reader stays before it.
    Bad(NotAFrame),
}

impl FrameReader {
    /// A reader that stands at an offset where a frame begins.
    pub(crate) fn at(file: Box<dyn DiskFile>, installation: Installation, offset: u64) -> FrameReader {
        FrameReader { file, installation, offset, buffer: Vec::new(), at: 0 }
    }

    /// Where the next frame begins.
    pub(crate) fn offset(&self) -> u64 {
        self.offset
    }

    /// Reads the frame at the reader's place.
    pub(crate) fn step(&mut self) -> io::Result<Step> {
        let mut needed = HEADER_BYTES;
        loop {
            let whole = self.fill(needed)?;
            let rest = &self.buffer[self.at..];
            if rest.is_empty() {
                return Ok(Step::End);
            }
            match read_frame(rest, &self.installation) {
                Ok(frame) => {
                    self.at += frame.len();
                    self.offset += frame.len() as u64;
                    return Ok(Step::Frame(frame));
                }
                Err(NotAFrame::Short { needed: more }) if whole && more > needed => needed = more,
                Err(_) if rest.iter().take(HEADER_BYTES).all(|byte| *byte == 0) => return Ok(Step::Unwritten),
                Err(why) => return Ok(Step::Bad(why)),
            }
        }
    }

    /// All bytes from the reader's place to the end of the file.
    pub(crate) fn rest(mut self) -> io::Result<Vec<u8>> {
        let left = self.file.size()?.saturating_sub(self.offset);
        self.fill(usize::try_from(left).expect("a segment fits into memory"))?;
        Ok(self.buffer.split_off(self.at))
    }

    /// The file, for whoever goes on writing it.
    pub(crate) fn into_file(self) -> Box<dyn DiskFile> {
        self.file
    }

    /// Sees to it that `needed` bytes from the reader's place are in memory; false where the
    /// file ends before.
    fn fill(&mut self, needed: usize) -> io::Result<bool> {
        while self.buffer.len() - self.at < needed {
            self.buffer.drain(..self.at);
            self.at = 0;
            let have = self.buffer.len();
            let want = (needed - have).max(READ_CHUNK_BYTES);
            self.buffer.resize(have + want, 0);
            let read = self.file.read_at(&mut self.buffer[have..], self.offset + have as u64);
            self.buffer.truncate(have + *read.as_ref().unwrap_or(&0));
            if read? == 0 {
                return Ok(false);
            }
        }
        Ok(true)
    }
}
