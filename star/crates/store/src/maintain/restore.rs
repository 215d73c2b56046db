//! Making a store of a backup, as it was at the end of it or at a moment before.
//!
//! A whole store keeps its identity: files are copied, the last one up to the position that was
//! asked for, and the first start makes the index. A part of a store becomes a store of its own,
//! with an identity of its own: a checkpoint of the rows that were asked for, and an empty log
//! that goes on behind it.

use std::io;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use star_core::ports::clock::UnixMillis;
use star_core::ports::meta::{Key, Position, Shard};

use super::backup::copy_store;
use crate::checkpoint::Checkpoints;
use crate::checkpoint::merge::{Merged, damaged_checkpoint};
use crate::disk::{Disk, LocalDisk};
use crate::journal::replay::{self, Ending};
use crate::journal::segment::{self, CreateError, SegmentHeader};
use crate::journal::{Fault, Journal};
use crate::open::OpenError;

/// Up to when a store is restored.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Until {
    /// All that the backup holds.
    End,
    /// This position, included.
    Position(Position),
    /// Before the first batch whose wall clock is later than this.
    Time(UnixMillis),
}

/// What of a store is restored.
#[derive(Clone, Copy)]
pub enum Part<'a> {
    /// The whole of it.
    Everything,
    /// The rows for which this is true, by the shard that wrote them and their key; no events.
    Rows(&'a dyn Fn(Shard, &Key) -> bool),
}

/// What came of a restoration.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Restored {
    /// The position at which the store stands.
    pub position: Position,
}

/// Why nothing was restored.
#[derive(Debug, thiserror::Error)]
pub enum RestoreError {
    /// The target holds something: choose an empty or a missing directory.
    #[error("{} is not empty", dir.display())]
    NotEmpty {
        /// The target.
        dir: PathBuf,
    },
    /// The backup does not reach that far.
    #[error("the backup ends at position {end}, before position {position}")]
    NotReached {
        /// What was asked for.
        position: Position,
        /// The last position of the backup.
        end: Position,
    },
    /// There is no backup.
    #[error("{} holds no journal", dir.display())]
    NoBackup {
        /// Where it was looked for.
        dir: PathBuf,
    },
    /// The backup is damaged, lacks what the moment needs, or a file could not be used.
    #[error(transparent)]
    Store(#[from] OpenError),
}

/// Restores the backup in a directory into another, which must be empty or missing. What is
/// needed of the backup is checked before anything is written.
///
/// # Errors
/// When the target is not empty, or the backup is damaged or does not reach to the moment.
pub fn restore(from: &Path, into: &Path, until: Until, part: Part<'_>) -> Result<Restored, RestoreError> {
    let fault = |fault| OpenError::of_fault(fault, from);
    must_be_empty(into)?;
    let disk: Arc<dyn Disk> = Arc::new(LocalDisk);
    let Some(journal) = replay::look(Arc::clone(&disk), &from.join("journal")).map_err(fault)? else {
        return Err(RestoreError::NoBackup { dir: from.to_path_buf() });
    };
    let checkpoints = Checkpoints::of(Arc::clone(&disk), from).map_err(fault)?;
    let end = end_of(&journal).map_err(fault)?;
    let position = position_of(until, end, &journal, &checkpoints).map_err(fault)?;
    if position > end {
        return Err(RestoreError::NotReached { position, end });
    }
    match part {
        Part::Everything => {
            // Proves that the state of that position can be made of what is there.
            state_at(&checkpoints, &journal, position, |_| Ok(())).map_err(fault)?;
            copy_store(&disk, from, &journal, &checkpoints, position, into).map_err(fault)?;
        }
        Part::Rows(wanted) => write_part(&checkpoints, &journal, position, wanted, into).map_err(fault)?,
    }
    Ok(Restored { position })
}

fn must_be_empty(dir: &Path) -> Result<(), RestoreError> {
    let io = |source| OpenError::Io { path: dir.to_path_buf(), source };
    let entries = match std::fs::read_dir(dir) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            return LocalDisk.make_dir(dir).map_err(|source| io(source).into());
        }
        entries => entries.map_err(io)?.count(),
    };
    if entries > 0 {
        return Err(RestoreError::NotEmpty { dir: dir.to_path_buf() });
    }
    Ok(())
}

/// The last position of a journal that is only looked at.
fn end_of(journal: &Journal) -> Result<Position, Fault> {
    let last = journal.segment_firsts().last().copied().unwrap_or(1);
    let (_, end) = journal.read_segment(last, None, Ending::Seen, &mut |_, _| {})?;
    Ok(end.position)
}

fn position_of(until: Until, end: Position, journal: &Journal, checkpoints: &Checkpoints) -> Result<Position, Fault> {
    let time = match until {
        Until::End => return Ok(end),
        Until::Position(position) => return Ok(position),
        Until::Time(time) => time,
    };
    let mut reached = journal.oldest() - 1;
    for position in checkpoints.newest_first()? {
        match checkpoints.open(position) {
            Ok((state, _)) if state.at <= time && position >= reached => {
                reached = position;
                break;
            }
            Ok(_) | Err(Fault::Damaged { .. }) => {}
            Err(fault) => return Err(fault),
        }
    }
    journal.walk(reached, end, |frame, _| {
        if frame.header.at > time {
            return ControlFlow::Break(());
        }
        reached = frame.header.position;
        ControlFlow::Continue(())
    })?;
    Ok(reached)
}

/// Reads all rows of a position, from the newest checkpoint that is good to its last byte.
fn state_at(
    checkpoints: &Checkpoints,
    journal: &Journal,
    position: Position,
    mut with: impl FnMut(Merged) -> Result<(), Fault>,
) -> Result<(), Fault> {
    let mut bad = None;
    for base in checkpoints.newest_first()?.into_iter().filter(|base| *base <= position) {
        let merged = || {
            let (state, reading) = checkpoints.open(base)?;
            Merged::from(state, Some(reading), journal, position, usize::MAX)
        };
        // Twice: once to know that it is good, once to use it.
        match merged().and_then(|merged| merged.rows::<Fault>(|_, _| Ok(()))) {
            Ok(()) => return with(merged()?),
            Err(fault) if damaged_checkpoint(&fault) == Some(base) => bad = Some(fault),
            Err(fault) => return Err(fault),
        }
    }
    let state = crate::checkpoint::state::State::empty(*journal.installation());
    match Merged::from(state, None, journal, position, usize::MAX) {
        Ok(merged) => with(merged),
        Err(fault) => Err(bad.unwrap_or(fault)),
    }
}

fn write_part(
    checkpoints: &Checkpoints,
    journal: &Journal,
    position: Position,
    wanted: &dyn Fn(Shard, &Key) -> bool,
    into: &Path,
) -> Result<(), Fault> {
    let disk: Arc<dyn Disk> = Arc::new(LocalDisk);
    let installation = *uuid::Uuid::now_v7().as_bytes();
    let (target, segments) = (Checkpoints::of(Arc::clone(&disk), into)?, into.join("journal"));
    state_at(checkpoints, journal, position, |merged| {
        let (mut state, rows) = merged.split();
        state.installation = installation;
        state.consumers.clear();
        // The journal first: a checkpoint without one is refused as a store that lost its log.
        disk.make_dir(&segments).map_err(|source| Fault::Io { file: segments.clone(), source })?;
        let header = SegmentHeader { installation, first: position + 1, chain: state.chain, made: state.at };
        segment::create(disk.as_ref(), &segments, &header).map_err(|error| match error {
            CreateError::TakenBack(source) | CreateError::Unsure(source) => {
                Fault::Io { file: segments.clone(), source }
            }
        })?;
        target.publish::<Fault>(&state, |write| {
            rows.rows(|key, row| if wanted(row.shard, &key) { write(&key, &row) } else { Ok(()) })
        })?;
        Ok(())
    })
}
