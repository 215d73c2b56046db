//! Checking a closed store, byte by byte: every frame and what it continues, every checkpoint,
//! every cursor, and that each index is what the log amounts to.
//!
//! Nothing is repaired. An engine that finds its own files unusable may put them aside, as it
//! would at the next start.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use star_core::ports::meta::{Key, KeyRange, Position};

use crate::checkpoint::Checkpoints;
use crate::checkpoint::merge::Merged;
use crate::disk::Disk;
use crate::index::{self, Index, IndexError, IndexKind, Row};
use crate::journal::append::End;
use crate::journal::replay::{self, Ending};
use crate::journal::{Fault, Journal};
use crate::limits::LIMITS;
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

/// Checks the store of a directory, which must be closed.
///
/// # Errors
/// When the store is in use, of a later version, or cannot be read; damage is not an error but
/// part of the report.
pub fn check(options: &OpenOptions) -> Result<Report, OpenError> {
    let _lock = open::take_lock(options)?;
    let fault = |fault| OpenError::of_fault(fault, &options.dir);
    let mut checking = Checking { dir: &options.dir, report: Report::default() };
    let Some(journal) = checking.journal(&options.disk)? else { return Ok(checking.report) };
    let checkpoints = Checkpoints::of(Arc::clone(&options.disk), &options.dir).map_err(fault)?;
    checking.checkpoints(&checkpoints)?;
    if checking.report.problems.is_empty() {
        for kind in [IndexKind::Redb, IndexKind::Sled] {
            checking.index(kind, &journal, &checkpoints)?;
        }
    }
    Ok(checking.report)
}

struct Checking<'a> {
    dir: &'a Path,
    report: Report,
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

    /// Reads every frame of every segment.
    fn journal(&mut self, disk: &Arc<dyn Disk>) -> Result<Option<Journal>, OpenError> {
        let looked = replay::look(Arc::clone(disk), &self.dir.join("journal"));
        let journal = match looked {
            Ok(Some(journal)) => journal,
            Ok(None) => return Ok(None),
            Err(fault) => return self.note(fault, "").map(|()| None),
        };
        let firsts = journal.segment_firsts();
        let mut former: Option<End> = None;
        for (number, first) in firsts.iter().enumerate() {
            let ending = if number + 1 == firsts.len() { Ending::Seen } else { Ending::Followed };
            let frames = &mut self.report.frames;
            match journal.read_segment(*first, former, ending, &mut |_, _| *frames += 1) {
                Ok((_, end)) => former = Some(end),
                Err(fault) => {
                    former = None;
                    self.note(fault, "")?;
                }
            }
            self.report.segments += 1;
        }
        self.report.position = former.map_or(0, |end| end.position);
        Ok(Some(journal))
    }

    fn checkpoints(&mut self, checkpoints: &Checkpoints) -> Result<(), OpenError> {
        let positions = checkpoints.newest_first().map_err(|fault| OpenError::of_fault(fault, self.dir))?;
        for position in positions {
            let read =
                checkpoints.open(position).and_then(|(_, reading)| reading.rows().try_for_each(|row| row.map(|_| ())));
            match read {
                Ok(()) => self.report.checkpoints += 1,
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

/// Why a comparison ended.
enum Stop {
    Index(IndexError),
    Log(Fault),
}

impl From<IndexError> for Stop {
    fn from(error: IndexError) -> Stop {
        Stop::Index(error)
    }
}

impl From<Fault> for Stop {
    fn from(fault: Fault) -> Stop {
        Stop::Log(fault)
    }
}

#[derive(Default)]
struct Compared {
    rows: u64,
    difference: Option<String>,
}

fn compare(
    kind: IndexKind,
    store: &Path,
    journal: &Journal,
    checkpoints: &Checkpoints,
    end: Position,
) -> Result<Compared, Stop> {
    let index = index::open(kind, store, journal.installation())?;
    let applied = index.applied()?;
    let mut compared = Compared::default();
    if applied > end {
        compared.difference = Some(format!("it has seen position {applied}, the journal ends at {end}"));
        return Ok(compared);
    }
    if applied == 0 {
        compared.difference = (end > 0).then(|| "it is empty or could not be used".to_owned());
        return Ok(compared);
    }
    let (state, rows) = Merged::at(checkpoints, journal, applied, usize::MAX)?.split();
    let shards: std::collections::BTreeMap<_, _> = index.shards()?.into_iter().collect();
    if shards != state.shards {
        compared.difference = Some("its shards are not at the revisions of the log".to_owned());
        return Ok(compared);
    }
    let mut cursor = Cursor { index: index.as_ref(), rows: Vec::new().into_iter(), next: Some(Key::new("")) };
    rows.rows::<Stop>(|key, row| {
        if compared.difference.is_none() {
            let found = cursor.next_row()?;
            compared.rows += 1;
            if found.as_ref() != Some(&(key.clone(), row)) {
                compared.difference = Some(format!("what it has at or behind {key:?} is not what the log says"));
            }
        }
        Ok(())
    })?;
    if compared.difference.is_none()
        && let Some((key, _)) = cursor.next_row()?
    {
        compared.difference = Some(format!("it has {key:?}, which the log has not"));
    }
    Ok(compared)
}

/// Reads all rows of an index in order.
struct Cursor<'a> {
    index: &'a dyn Index,
    rows: std::vec::IntoIter<(Key, Row)>,
    next: Option<Key>,
}

impl Cursor<'_> {
    fn next_row(&mut self) -> Result<Option<(Key, Row)>, IndexError> {
        loop {
            if let Some(row) = self.rows.next() {
                return Ok(Some(row));
            }
            let Some(start) = self.next.take() else { return Ok(None) };
            let page = self.index.scan(&KeyRange { start, end: None }, LIMITS.page_rows)?;
            let keys: Vec<Key> = page.rows.into_iter().map(|(key, _)| key).collect();
            let rows = self.index.read(&keys)?;
            let found: Vec<(Key, Row)> =
                keys.into_iter().zip(rows).filter_map(|(key, row)| Some((key, row?))).collect();
            self.rows = found.into_iter();
            self.next = page.next;
        }
    }
}
