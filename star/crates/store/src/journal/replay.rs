//! What is made of a journal at start: where it ends, and whether it can be trusted.
//!
//! The last two segments are read frame by frame; older ones are checked when they are read.
//! What follows the last good frame of the last segment is judged by [`tail`]: reserved space is
//! left, a torn write is cut, and with damage the store refuses to start. In an older segment
//! nothing but reserved space may follow, because the next one begins only when all frames of the
//! former are durable; the chain value in its header proves that none is missing.

use std::io;
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, RwLock};

use star_core::ports::clock::UnixMillis;
use star_core::ports::meta::Position;

use super::append::{Appender, End};
use super::body::Body;
use super::places::{Place, Places};
use super::reader::{FrameReader, Step};
use super::record::{Frame, Header, Installation, NotAFrame};
use super::segment::{self, BadHeader, CreateError, SegmentHeader};
use super::tail::{self, Tail};
use super::{BROKEN_CHAIN, Fault, Journal, Sizes, damaged};
use crate::disk::{Disk, DiskFile};
use crate::limits::SEGMENT_HEADER_BYTES;

/// How many segments at the end are read at start.
const READ_AT_START: usize = 2;

/// Opens the journal in a directory, making it where there is none, and shows every frame of
/// the last segments to `visit`, in order.
pub(crate) fn open(
    disk: Arc<dyn Disk>,
    dir: &Path,
    sizes: Sizes,
    now: UnixMillis,
    mut visit: impl FnMut(&Header, Body),
) -> Result<Appender, Fault> {
    let io = |source| Fault::Io { file: dir.to_path_buf(), source };
    disk.make_dir(dir).map_err(io)?;
    let mut firsts = segment::list(disk.as_ref(), dir).map_err(io)?;
    if firsts.is_empty() {
        firsts.push(begin(disk.as_ref(), dir, now)?);
    }
    let from = firsts.len().saturating_sub(READ_AT_START);
    let journal = over(disk, dir, sizes, &firsts)?;
    let mut tail: Option<(Box<dyn DiskFile>, End)> = None;
    for (number, first) in firsts.iter().enumerate().skip(from) {
        let ending = if number + 1 == firsts.len() { Ending::Last } else { Ending::Followed };
        let former = tail.as_ref().map(|(_, end)| *end);
        tail = Some(journal.read_segment(*first, former, ending, &mut visit)?);
    }
    let (file, end) = tail.expect("there is at least the segment that was made above");
    // Frames of a process that was killed may be whole and still not durable; nobody may see
    // them before they are.
    file.sync().map_err(|source| Fault::Io { file: journal.file_of(end.segment), source })?;
    Ok(Appender::at(Arc::new(journal), file, end))
}

/// What may follow the last good frame of a segment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Ending {
    /// Another segment: every frame was durable.
    Followed,
    /// Nothing: a torn write may, and is cut.
    Last,
    /// Nothing, and the file is only looked at.
    Seen,
}

/// The journal in a directory, to be looked at and left as it is; none where there is none.
pub(crate) fn look(disk: Arc<dyn Disk>, dir: &Path) -> Result<Option<Journal>, Fault> {
    let firsts = match segment::list(disk.as_ref(), dir) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        listed => listed.map_err(|source| Fault::Io { file: dir.to_path_buf(), source })?,
    };
    if firsts.is_empty() {
        return Ok(None);
    }
    over(disk, dir, Sizes::default(), &firsts).map(Some)
}

fn over(disk: Arc<dyn Disk>, dir: &Path, sizes: Sizes, firsts: &[Position]) -> Result<Journal, Fault> {
    let bytes = bytes_of(disk.as_ref(), dir, firsts)?;
    let newest = firsts.last().copied().unwrap_or(1);
    let installation = header_of(disk.as_ref(), dir, newest)?.installation;
    Ok(Journal {
        disk,
        dir: dir.to_path_buf(),
        installation,
        sizes,
        segments: RwLock::new(firsts.to_vec()),
        places: Places::default(),
        bytes: AtomicU64::new(bytes),
    })
}

/// Whose journal lies in a directory; none where there is none.
pub(crate) fn installation(disk: &dyn Disk, dir: &Path) -> Result<Option<Installation>, Fault> {
    let io = |source| Fault::Io { file: dir.to_path_buf(), source };
    disk.make_dir(dir).map_err(io)?;
    let firsts = segment::list(disk, dir).map_err(io)?;
    firsts.last().map(|first| Ok(header_of(disk, dir, *first)?.installation)).transpose()
}

/// Makes the first segment of a log.
fn begin(disk: &dyn Disk, dir: &Path, now: UnixMillis) -> Result<Position, Fault> {
    let installation = *uuid::Uuid::now_v7().as_bytes();
    let header = SegmentHeader { installation, first: 1, chain: [0; 8], made: now };
    match segment::create(disk, dir, &header) {
        Ok(_) => Ok(header.first),
        Err(CreateError::TakenBack(source) | CreateError::Unsure(source)) => {
            Err(Fault::Io { file: segment::path_of(dir, 1), source })
        }
    }
}

fn bytes_of(disk: &dyn Disk, dir: &Path, firsts: &[Position]) -> Result<u64, Fault> {
    let size = |first: &Position| {
        let file = segment::path_of(dir, *first);
        disk.open(&file).and_then(|open| open.size()).map_err(|source| Fault::Io { file, source })
    };
    firsts.iter().map(size).sum()
}

pub(super) fn header_of(disk: &dyn Disk, dir: &Path, first: Position) -> Result<SegmentHeader, Fault> {
    let file = segment::path_of(dir, first);
    let read = disk.open(&file).and_then(|open| SegmentHeader::read(open.as_ref()));
    match read {
        Ok(Ok(header)) if header.first == first => Ok(header),
        Ok(Ok(header)) => {
            let what = format!("its name says position {first}, its header {}", header.first);
            Err(damaged(file, 0, &what))
        }
        Ok(Err(BadHeader::Damaged)) => Err(damaged(file, 0, "the header of the segment is not what was written")),
        Ok(Err(BadHeader::TooNew { version })) => Err(Fault::TooNew { file, version }),
        Err(source) => Err(Fault::Io { file, source }),
    }
}

impl Journal {
    /// Reads a segment frame by frame, and judges what follows the last good one.
    pub(crate) fn read_segment(
        &self,
        first: Position,
        former: Option<End>,
        ending: Ending,
        visit: &mut impl FnMut(&Header, Body),
    ) -> Result<(Box<dyn DiskFile>, End), Fault> {
        let header = header_of(self.disk.as_ref(), &self.dir, first)?;
        self.check_continues(&header, former)?;
        let start = Place { segment: first, offset: SEGMENT_HEADER_BYTES as u64 };
        let mut end = End { segment: first, offset: start.offset, position: first - 1, chain: header.chain };
        let mut reader = self.open_at(start)?;
        let io = |source| Fault::Io { file: self.file_of(first), source };
        loop {
            match reader.step().map_err(io)? {
                Step::Frame(frame) => {
                    self.check_follows(&frame, &end)?;
                    let body = self.decode(&frame, first, end.offset)?;
                    self.places.note(frame.header.position, Place { segment: first, offset: end.offset });
                    visit(&frame.header, body);
                    end = End { offset: reader.offset(), position: frame.header.position, chain: frame.link, ..end };
                }
                Step::End => break,
                Step::Bad(NotAFrame::TooNew { version }) => {
                    return Err(Fault::TooNew { file: self.file_of(first), version: version.into() });
                }
                Step::Unwritten | Step::Bad(_) => {
                    self.settle_tail(&end, ending)?;
                    break;
                }
            }
        }
        Ok((reader.into_file(), end))
    }

    fn check_continues(&self, header: &SegmentHeader, former: Option<End>) -> Result<(), Fault> {
        let file = || self.file_of(header.first);
        if header.installation != self.installation {
            return Err(damaged(file(), 0, "the segment belongs to another installation"));
        }
        match former {
            Some(end) if end.position + 1 != header.first || end.chain != header.chain => {
                let what = format!("the segment does not continue position {}", end.position);
                Err(damaged(file(), 0, &what))
            }
            _ => Ok(()),
        }
    }

    fn check_follows(&self, frame: &Frame, end: &End) -> Result<(), Fault> {
        self.check_position(frame, end.position + 1, end.segment, end.offset)?;
        if frame.header.chain == end.chain {
            return Ok(());
        }
        Err(damaged(self.file_of(end.segment), end.offset, BROKEN_CHAIN))
    }

    /// Decides what becomes of the bytes behind the last good frame of a segment.
    fn settle_tail(&self, end: &End, ending: Ending) -> Result<(), Fault> {
        let file = self.file_of(end.segment);
        let io = |source: io::Error| Fault::Io { file: file.clone(), source };
        let open = self.disk.open(&file).map_err(io)?;
        let rest = FrameReader::at(open, self.installation, end.offset).rest().map_err(io)?;
        match tail::judge(&rest, end.offset, &self.installation, end.position + 1) {
            Tail::Unwritten => {}
            Tail::Torn if ending == Ending::Seen => {}
            Tail::Torn if ending == Ending::Last => {
                tracing::warn!(
                    file = %file.display(),
                    offset = end.offset,
                    bytes = rest.len(),
                    "the journal ends in a torn write that was acknowledged to nobody; it is cut"
                );
                let open = self.disk.open(&file).map_err(io)?;
                open.set_len(end.offset).and_then(|()| open.sync()).map_err(io)?;
            }
            Tail::Torn => return Err(damaged(file, end.offset, "a frame before the last segment is bad")),
            Tail::Damaged { what } => return Err(damaged(file, end.offset, &what)),
        }
        self.bytes.fetch_sub(rest.len() as u64, Ordering::Relaxed);
        Ok(())
    }
}
