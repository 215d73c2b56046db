//! Checking a closed store, byte by byte: every frame and what it continues, every checkpoint,
//! every cursor, and that each index is what the log amounts to.
//!
//! Nothing is repaired. An engine that finds its own files unusable may put them aside, as it
//! would at the next start.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use star_core::ports::meta::Position;

use super::compare::{Compared, Stop, compare};
use super::looking::Looking;
use crate::checkpoint::Checkpoints;
use crate::disk::Disk;
use crate::index::{self, IndexKind};
use crate::journal::append::End;
use crate::journal::replay::{self, Ending};
use crate::journal::{Fault, Journal};
use crate::open::{self, OpenError, OpenOptions};

/// What was found in a store.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Report {
    /// The last position of the log.
    pub position: Position,
    /// Segments that were read.
    pub segments: u64,
    /// Frames that are good.
    pub frames: u64,
    /// Events in them.
    pub events: u64,
    /// Checkpoints that are good.
    pub checkpoints: u64,
    /// Rows that were compared with an index.
    pub rows: u64,
    /// What is not as it should be.
    pub problems: Vec<Problem>,
}

/// Something that is not as it should be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// The file or directory.
    pub file: PathBuf,
    /// The offset of the first byte that cannot be trusted.
    pub offset: u64,
    /// What is wrong.
    pub what: String,
    /// What can be done.
    pub remedy: String,
}

/// Checks the store of a directory, which must be closed. `tell` hears of bytes that were read.
///
/// # Errors
/// When the store is in use, of a later version, or cannot be read; damage is not an error but
/// part of the report.
pub fn check(options: &OpenOptions, tell: &mut dyn FnMut(u64)) -> Result<Report, OpenError> {
    let _lock = open::take_lock(options)?;
    let fault = |fault| OpenError::of_fault(fault, &options.dir);
    let mut checking = Checking { dir: &options.dir, report: Report::default(), tell, remedy: "" };
    let Some(journal) = checking.journal(&options.disk, Position::MAX)? else { return Ok(checking.report) };
    let checkpoints = Checkpoints::of(Arc::clone(&options.disk), &options.dir).map_err(fault)?;
    checking.checkpoints(&checkpoints, Position::MAX)?;
    if checking.report.problems.is_empty() {
        for kind in [IndexKind::Redb, IndexKind::Sled] {
            checking.index(kind, &journal, &checkpoints)?;
        }
    }
    Ok(checking.report)
}

/// Checks what a backup holds up to a position, without changing anything.
///
/// # Errors
/// As [`check`].
pub fn check_copy(dir: &Path, upto: Position, tell: &mut dyn FnMut(u64)) -> Result<Report, OpenError> {
    let disk: Arc<dyn Disk> = Arc::new(Looking);
    let remedy = "restore up to a position before it, or begin another backup in an empty directory";
    let mut checking = Checking { dir, report: Report::default(), tell, remedy };
    checking.journal(&disk, upto)?;
    let checkpoints = Checkpoints::of(disk, dir).map_err(|fault| OpenError::of_fault(fault, dir))?;
    checking.checkpoints(&checkpoints, upto)?;
    Ok(checking.report)
}

struct Checking<'a> {
    dir: &'a Path,
    report: Report,
    tell: &'a mut dyn FnMut(u64),
    /// What can be done about a damaged segment; empty for what the journal itself says.
    remedy: &'static str,
}

impl Checking<'_> {
    /// Takes damage into the report; everything else ends the check.
    fn note(&mut self, fault: Fault, remedy: &str) -> Result<(), OpenError> {
        match OpenError::of_fault(fault, self.dir) {
            OpenError::Damaged { file, offset, what, remedy: of_journal } => {
                let remedy = if remedy.is_empty() { of_journal } else { remedy.to_owned() };
                self.report.problems.push(Problem { file, offset, what, remedy });
                Ok(())
            }
            other => Err(other),
        }
    }

    /// Reads every frame of every segment that begins at or before a position. What is bad behind
    /// that position does not matter.
    fn journal(&mut self, disk: &Arc<dyn Disk>, upto: Position) -> Result<Option<Journal>, OpenError> {
        let looked = replay::look(Arc::clone(disk), &self.dir.join("journal"));
        let journal = match looked {
            Ok(Some(journal)) => journal,
            Ok(None) => return Ok(None),
            Err(fault) => return self.note(fault, self.remedy).map(|()| None),
        };
        let firsts = journal.segment_firsts();
        let mut former: Option<End> = None;
        for (number, first) in firsts.iter().enumerate().filter(|(_, first)| **first <= upto) {
            let ending = if number + 1 == firsts.len() { Ending::Seen } else { Ending::Followed };
            let (report, mut last) = (&mut self.report, first - 1);
            let read = journal.read_segment(*first, former, ending, &mut |header, body| {
                report.frames += 1;
                report.events += body.events.len() as u64;
                last = header.position;
            });
            match read {
                Ok((file, end)) => {
                    former = Some(end);
                    // The size is for people who watch.
                    (self.tell)(file.size().unwrap_or(0));
                }
                Err(Fault::Damaged { .. }) if last >= upto => {}
                Err(fault) => {
                    former = None;
                    self.note(fault, self.remedy)?;
                }
            }
            self.report.segments += 1;
            self.report.position = last;
        }
        Ok(Some(journal))
    }

    fn checkpoints(&mut self, checkpoints: &Checkpoints, upto: Position) -> Result<(), OpenError> {
        let positions = checkpoints.newest_first().map_err(|fault| OpenError::of_fault(fault, self.dir))?;
        for position in positions.into_iter().filter(|position| *position <= upto) {
            let read =
                checkpoints.open(position).and_then(|(_, reading)| reading.rows().try_for_each(|row| row.map(|_| ())));
            match read {
                Ok(()) => {
                    self.report.checkpoints += 1;
                    (self.tell)(std::fs::metadata(checkpoints.path(position)).map_or(0, |file| file.len()));
                }
                Err(fault) => self.note(fault, "remove it: the other checkpoint or the journal does its work")?,
            }
        }
        Ok(())
    }

    /// Compares an index with what the log amounts to at the position that it has applied.
    fn index(&mut self, kind: IndexKind, journal: &Journal, checkpoints: &Checkpoints) -> Result<(), OpenError> {
        let Some(path) = index::path_of(kind, self.dir).filter(|path| path.exists()) else { return Ok(()) };
        let compared = compare(kind, self.dir, journal, checkpoints, self.report.position);
        let difference = match compared {
            Ok(Compared { rows, difference }) => {
                self.report.rows += rows;
                difference
            }
            Err(Stop::Index(error)) => Some(format!("{error}: {}", error.source)),
            Err(Stop::Log(fault)) => return Err(OpenError::of_fault(fault, self.dir)),
        };
        if let Some(what) = difference {
            let remedy = format!("remove {}: it is made again from the checkpoint and the journal", path.display());
            self.report.problems.push(Problem { file: path, offset: 0, what, remedy });
        }
        Ok(())
    }
}
