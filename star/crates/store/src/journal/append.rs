//! The writer of the journal: groups of frames, each group one write and one sync.

use std::io;
use std::sync::Arc;
use std::sync::PoisonError;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use star_core::ports::clock::UnixMillis;
use star_core::ports::meta::{Position, Revision, Shard};

use super::Journal;
use super::places::Place;
use super::record::{Chain, Header, write_frame};
use super::segment::{self, CreateError, SegmentHeader};
use crate::disk::DiskFile;
use crate::limits::SEGMENT_HEADER_BYTES;

/// Why a group was not written.
#[derive(Debug)]
pub(crate) enum AppendError {
    /// The disk refused, and everything is as it was before.
    TakenBack(io::Error),
    /// What the disk holds is not known, and asking it again would not tell: after a failed
    /// sync a kernel may drop the pages and answer the next sync with success. The process
    /// has to end; the next one reads what is there.
    Unsure(io::Error),
}

/// Where the log ends.
#[derive(Debug, Clone, Copy)]
pub(crate) struct End {
    /// The last segment, named by its first position.
    pub(crate) segment: Position,
    /// The offset behind its last frame.
    pub(crate) offset: u64,
    /// The last position.
    pub(crate) position: Position,
    /// The chain value that the next frame carries.
    pub(crate) chain: Chain,
}

/// What a frame is made of, apart from what the log adds.
pub(crate) struct Entry<'a> {
    pub(crate) shard: Shard,
    pub(crate) revision: Revision,
    pub(crate) id: u128,
    pub(crate) at: UnixMillis,
    pub(crate) body: &'a [u8],
}

/// The only writer of a journal.
pub(crate) struct Appender {
    journal: Arc<Journal>,
    file: Box<dyn DiskFile>,
    end: End,
    /// Up to where space of the file was asked for.
    reserved: u64,
    staged: Staged,
}

/// Frames that wait for [`Appender::write`].
struct Staged {
    buffer: Vec<u8>,
    position: Position,
    chain: Chain,
}

impl Appender {
    /// A writer that goes on at the end of the log.
    pub(crate) fn at(journal: Arc<Journal>, file: Box<dyn DiskFile>, end: End) -> Appender {
        let staged = Staged { buffer: Vec::new(), position: end.position, chain: end.chain };
        Appender { journal, file, end, reserved: end.offset, staged }
    }

    /// The last position that is durable.
    pub(crate) fn position(&self) -> Position {
        self.end.position
    }

    /// The offset in the last segment where the next frame goes.
    pub(crate) fn offset(&self) -> u64 {
        self.end.offset
    }

    /// Adds a frame to the group and gives the position that it will have.
    pub(crate) fn stage(&mut self, entry: &Entry<'_>) -> Position {
        let position = self.staged.position + 1;
        let header = Header {
            schema: super::body::SCHEMA,
            shard: entry.shard,
            position,
            durable: self.end.position,
            revision: entry.revision,
            id: entry.id,
            at: entry.at,
            chain: self.staged.chain,
        };
        let installation = self.journal.installation;
        self.staged.chain = write_frame(&mut self.staged.buffer, &installation, &header, entry.body);
        self.staged.position = position;
        position
    }

    /// Makes the group durable, or takes it back. Gives the time that the sync took.
    pub(crate) fn write(&mut self, now: UnixMillis) -> Result<Duration, AppendError> {
        let written = self.write_staged(now);
        self.abandon();
        written
    }

    /// Forgets what was staged and not written.
    pub(crate) fn abandon(&mut self) {
        self.staged.buffer.clear();
        self.staged.position = self.end.position;
        self.staged.chain = self.end.chain;
    }

    /// What readers of this log share.
    pub(crate) fn journal(&self) -> &Arc<Journal> {
        &self.journal
    }

    fn write_staged(&mut self, now: UnixMillis) -> Result<Duration, AppendError> {
        let len = self.staged.buffer.len() as u64;
        if len == 0 {
            return Ok(Duration::ZERO);
        }
        let full = self.end.offset + len > self.journal.sizes.segment && self.end.offset > SEGMENT_HEADER_BYTES as u64;
        if full {
            self.begin_segment(now)?;
        }
        self.reserve(self.end.offset + len);
        if let Err(error) = self.file.write_all_at(&self.staged.buffer, self.end.offset) {
            return Err(self.take_back(error));
        }
        let begun = Instant::now();
        self.file.sync().map_err(AppendError::Unsure)?;
        let took = begun.elapsed();
        self.journal.places.note(self.end.position + 1, Place { segment: self.end.segment, offset: self.end.offset });
        self.journal.bytes.fetch_add(len, Ordering::Relaxed);
        self.end.offset += len;
        self.end.position = self.staged.position;
        self.end.chain = self.staged.chain;
        Ok(took)
    }

    /// Sees to it that the file has room up to an offset, and some more: a sync that need not
    /// record a new length is a third quicker. Where the disk gives none, the write itself
    /// finds out whether there is room.
    fn reserve(&mut self, upto: u64) {
        if upto <= self.reserved {
            return;
        }
        let more = (upto + self.journal.sizes.reserve).min(self.journal.sizes.segment).max(upto);
        if let Err(error) = self.file.reserve(more) {
            tracing::debug!(%error, "no space was reserved for the journal");
        }
        self.reserved = more;
    }

    /// Gives back what was reserved and not written.
    pub(crate) fn release(&mut self) {
        if self.reserved > self.end.offset {
            // What stays is zero, and the next start knows it for what it is.
            if let Err(error) = self.file.set_len(self.end.offset) {
                tracing::debug!(%error, "reserved space of the journal was not given back");
            }
            self.reserved = self.end.offset;
        }
    }

    /// Follows a full segment, whose frames are all durable, by an empty one.
    fn begin_segment(&mut self, now: UnixMillis) -> Result<(), AppendError> {
        let first = self.end.position + 1;
        let installation = self.journal.installation;
        let header = SegmentHeader { installation, first, chain: self.end.chain, made: now };
        let file =
            segment::create(self.journal.disk.as_ref(), &self.journal.dir, &header).map_err(|error| match error {
                CreateError::TakenBack(error) => AppendError::TakenBack(error),
                CreateError::Unsure(error) => AppendError::Unsure(error),
            })?;
        self.release();
        self.file = file;
        self.reserved = 0;
        self.end.segment = first;
        self.end.offset = SEGMENT_HEADER_BYTES as u64;
        self.journal.segments.write().unwrap_or_else(PoisonError::into_inner).push(first);
        self.journal.bytes.fetch_add(SEGMENT_HEADER_BYTES as u64, Ordering::Relaxed);
        Ok(())
    }

    /// Cuts what a failed write left, durably: a whole frame among it would otherwise come back
    /// after a crash, although its committer was told that nothing happened.
    fn take_back(&mut self, cause: io::Error) -> AppendError {
        self.reserved = self.end.offset;
        match self.file.set_len(self.end.offset).and_then(|()| self.file.sync()) {
            Ok(()) => AppendError::TakenBack(cause),
            Err(error) => AppendError::Unsure(error),
        }
    }
}
