//! The journal: the one durable thing of the store, an append-only log of batches in segments.
//!
//! Owns the bytes of the log: [`record`] and [`body`] say how they look, [`segment`] where they
//! lie, [`append`] how they get there, [`replay`] and [`tail`] what is made of them at start. Knows no index
//! and no precondition: what is in the log happened. Start at [`Journal`], the part that many
//! readers share; its single writer is [`append::Appender`].

pub(crate) mod append;
pub(crate) mod body;
pub(crate) mod places;
pub(crate) mod reader;
pub(crate) mod recent;
pub(crate) mod record;
pub(crate) mod replay;
pub(crate) mod segment;
pub(crate) mod tail;
pub(crate) mod trim;

use std::io;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, PoisonError, RwLock};

use star_core::ports::meta::{EventPage, LoggedEvent, NewEvent, Position};

use self::body::Body;
use self::places::{Place, Places};
use self::reader::{FrameReader, Step};
use self::record::{Chain, Frame, Header, Installation, NotAFrame};
use crate::disk::Disk;
use crate::limits::{PAGE_BYTES, RESERVE_BYTES, SEGMENT_BYTES, SEGMENT_HEADER_BYTES};

/// Why the journal could not be read.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Fault {
    /// Bytes are not what was written.
    #[error("{} is damaged at offset {offset}: {what}", file.display())]
    Damaged {
        /// The file.
        file: PathBuf,
        /// The offset of the first byte that cannot be trusted.
        offset: u64,
        /// What is wrong there.
        what: String,
    },
    /// Segments that are needed are not there.
    #[error("positions {from} to {to} are missing in {}", dir.display())]
    Missing {
        /// The directory of the journal.
        dir: PathBuf,
        /// The first position that is missing.
        from: Position,
        /// The last one.
        to: Position,
    },
    /// A later version of this program wrote it.
    #[error("{} was written by a later version (format {version})", file.display())]
    TooNew {
        /// The file.
        file: PathBuf,
        /// Its format.
        version: u16,
    },
    /// The disk failed.
    #[error("{} could not be read", file.display())]
    Io {
        /// The file.
        file: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
}

/// What is wrong with a frame that carries another chain value than it should.
const BROKEN_CHAIN: &str = "the frame does not continue the one before it";

/// How large the files of a log become.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Sizes {
    /// A segment of this many bytes is followed by the next one.
    pub(crate) segment: u64,
    /// Space is reserved in steps of this many bytes.
    pub(crate) reserve: u64,
}

impl Default for Sizes {
    fn default() -> Sizes {
        Sizes { segment: SEGMENT_BYTES, reserve: RESERVE_BYTES }
    }
}

/// What readers and the writer of the log share.
pub(crate) struct Journal {
    disk: Arc<dyn Disk>,
    dir: PathBuf,
    installation: Installation,
    sizes: Sizes,
    /// First positions of the segments, in order.
    segments: RwLock<Vec<Position>>,
    places: Places,
    bytes: AtomicU64,
}

impl Journal {
    /// The id of the installation that this log belongs to.
    pub(crate) fn installation(&self) -> &Installation {
        &self.installation
    }

    /// The oldest position that can be read.
    pub(crate) fn oldest(&self) -> Position {
        self.firsts().first().copied().unwrap_or(1)
    }

    /// How many segments there are.
    pub(crate) fn segments(&self) -> u64 {
        self.firsts().len() as u64
    }

    /// Bytes of all segments.
    pub(crate) fn bytes(&self) -> u64 {
        self.bytes.load(Ordering::Relaxed)
    }

    /// The first positions of the segments, oldest first.
    pub(crate) fn segment_firsts(&self) -> Vec<Position> {
        self.firsts().clone()
    }

    /// The files that hold the log up to a position, oldest first, each with the offset behind
    /// the position where that is not the end of the file.
    pub(crate) fn files_upto(&self, upto: Position) -> Result<Vec<(PathBuf, Option<u64>)>, Fault> {
        let firsts = self.segment_firsts();
        let followed = |number: usize| firsts.get(number + 1).is_some_and(|next| *next <= upto + 1);
        let mut files = Vec::new();
        for (number, first) in firsts.iter().enumerate().filter(|(_, first)| **first <= upto + 1) {
            let end = if followed(number) { None } else { Some(self.offset_behind(*first, upto)?) };
            files.push((self.file_of(*first), end));
        }
        Ok(files)
    }

    /// The offset behind a position in the segment that begins with `first`.
    fn offset_behind(&self, first: Position, upto: Position) -> Result<u64, Fault> {
        let start = Place { segment: first, offset: SEGMENT_HEADER_BYTES as u64 };
        let mut reader = self.open_at(start)?;
        let mut next = first;
        while next <= upto {
            let offset = reader.offset();
            match self.next_frame(&mut reader, first)? {
                Some(frame) => self.check_position(&frame, next, first, offset)?,
                None => return Err(damaged(self.file_of(first), offset, &format!("it ends before position {upto}"))),
            }
            next += 1;
        }
        Ok(reader.offset())
    }

    /// The file of the last segment.
    pub(crate) fn last_file(&self) -> PathBuf {
        self.file_of(self.firsts().last().copied().unwrap_or(1))
    }

    /// Visits the frames behind `after` up to `upto` (included), which must be in the log.
    pub(crate) fn walk(
        &self,
        after: Position,
        upto: Position,
        visit: impl FnMut(&Frame, Body) -> ControlFlow<()>,
    ) -> Result<(), Fault> {
        self.walk_linked(after, None, upto, visit)
    }

    /// The same, where the chain value of the first frame may be known.
    pub(crate) fn walk_linked(
        &self,
        after: Position,
        mut chain: Option<Chain>,
        upto: Position,
        mut visit: impl FnMut(&Frame, Body) -> ControlFlow<()>,
    ) -> Result<(), Fault> {
        self.check_kept(after, upto)?;
        let mut position = after;
        while position < upto {
            let (at, place) = self.start_of(position + 1);
            let mut reader = match self.open_at(place) {
                // The segment may have been removed since it was chosen.
                Err(Fault::Io { source, .. }) if source.kind() == io::ErrorKind::NotFound => {
                    return self.check_kept(position, upto).and_then(|()| Err(self.unreadable(place.segment, source)));
                }
                opened => opened?,
            };
            let mut next = at;
            loop {
                let offset = reader.offset();
                let Some(frame) = self.next_frame(&mut reader, place.segment)? else { break };
                self.check_position(&frame, next, place.segment, offset)?;
                self.places.note(next, Place { segment: place.segment, offset });
                next += 1;
                if frame.header.position <= position {
                    continue;
                }
                if chain.is_some_and(|chain| chain != frame.header.chain) {
                    return Err(damaged(self.file_of(place.segment), offset, BROKEN_CHAIN));
                }
                chain = Some(frame.link);
                position = frame.header.position;
                let body = self.decode(&frame, place.segment, offset)?;
                if visit(&frame, body).is_break() || position >= upto {
                    return Ok(());
                }
            }
            self.check_end(position, next, place.segment, reader.offset())?;
        }
        Ok(())
    }

    fn check_kept(&self, after: Position, upto: Position) -> Result<(), Fault> {
        let oldest = self.oldest();
        if after < upto && after + 1 < oldest {
            return Err(Fault::Missing { dir: self.dir.clone(), from: after + 1, to: oldest - 1 });
        }
        Ok(())
    }

    fn unreadable(&self, segment: Position, source: io::Error) -> Fault {
        Fault::Io { file: self.file_of(segment), source }
    }

    /// The events behind `after` from at most `limit` batches up to `head`, read from the disk.
    /// What can be read before a fault is given first; the next page then meets the fault.
    pub(crate) fn events(&self, after: Position, limit: usize, head: Position) -> Result<EventPage, Fault> {
        let mut page = EventPage { events: Vec::new(), read_to: after };
        let mut bytes = 0;
        let upto = head.min(after.saturating_add(limit as u64));
        let walked = self.walk(after, upto, |frame, body| {
            let events = logged(&frame.header, body.events);
            bytes += recent::bytes_of(&events);
            page.events.extend(events);
            page.read_to = frame.header.position;
            if bytes >= PAGE_BYTES { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
        });
        match walked {
            Err(fault) if page.read_to == after => Err(fault),
            _ => Ok(page),
        }
    }

    fn firsts(&self) -> std::sync::RwLockReadGuard<'_, Vec<Position>> {
        self.segments.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn file_of(&self, first: Position) -> PathBuf {
        segment::path_of(&self.dir, first)
    }

    /// A place at or before a position, in the segment that holds it.
    fn start_of(&self, position: Position) -> (Position, Place) {
        let firsts = self.firsts();
        let holding = firsts.partition_point(|first| *first <= position).saturating_sub(1);
        let segment = firsts[holding];
        match self.places.before(position) {
            Some((at, place)) if place.segment == segment => (at, place),
            _ => (segment, Place { segment, offset: SEGMENT_HEADER_BYTES as u64 }),
        }
    }

    fn open_at(&self, place: Place) -> Result<FrameReader, Fault> {
        let path = self.file_of(place.segment);
        let file = self.disk.open(&path).map_err(|source| Fault::Io { file: path, source })?;
        Ok(FrameReader::at(file, self.installation, place.offset))
    }

    fn next_frame(&self, reader: &mut FrameReader, segment: Position) -> Result<Option<Frame>, Fault> {
        let file = || self.file_of(segment);
        match reader.step() {
            Ok(Step::Frame(frame)) => Ok(Some(frame)),
            // A walk that ends here too early is noticed by whoever knows which position follows.
            Ok(Step::End | Step::Unwritten) => Ok(None),
            Ok(Step::Bad(NotAFrame::TooNew { version })) => {
                Err(Fault::TooNew { file: file(), version: version.into() })
            }
            Ok(Step::Bad(_)) => Err(damaged(file(), reader.offset(), "the checksum of the frame does not hold")),
            Err(source) => Err(Fault::Io { file: file(), source }),
        }
    }

    fn check_position(&self, frame: &Frame, expected: Position, segment: Position, offset: u64) -> Result<(), Fault> {
        let found = frame.header.position;
        if found == expected {
            return Ok(());
        }
        Err(damaged(self.file_of(segment), offset, &format!("position {found} stands where {expected} belongs")))
    }

    /// A segment that was read to its end must be followed by one that begins with the next
    /// position; otherwise the walk would begin again at the same place for ever.
    fn check_end(&self, reached: Position, next: Position, segment: Position, offset: u64) -> Result<(), Fault> {
        if reached + 1 == next && self.firsts().contains(&next) {
            return Ok(());
        }
        Err(damaged(self.file_of(segment), offset, &format!("it ends before position {next}")))
    }

    fn decode(&self, frame: &Frame, segment: Position, offset: u64) -> Result<Body, Fault> {
        body::decode(frame.body.clone())
            .ok_or_else(|| damaged(self.file_of(segment), offset, "the body of the frame makes no sense"))
    }
}

/// The events of a frame as readers of the log see them.
pub(crate) fn logged(header: &Header, events: Vec<NewEvent>) -> Vec<Arc<LoggedEvent>> {
    let numbered = (0u16..).zip(events);
    numbered
        .map(|(index, event)| {
            Arc::new(LoggedEvent {
                position: header.position,
                shard: header.shard,
                revision: header.revision,
                index,
                at: header.at,
                body: event.body,
                leaf: event.leaf,
            })
        })
        .collect()
}

fn damaged(file: impl AsRef<Path>, offset: u64, what: &str) -> Fault {
    Fault::Damaged { file: file.as_ref().to_path_buf(), offset, what: what.to_owned() }
}
