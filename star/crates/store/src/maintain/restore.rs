//! Making a store of a backup, as it was at the end of it or at a moment before.
//!
//! A whole store keeps its identity: files are copied, the last one up to the position that was
//! asked for, and the first start makes the index. A part of a store becomes a store of its own,
//! with an identity of its own: a checkpoint of the rows that were asked for, and an empty log
//! that goes on behind it.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use star_core::ports::meta::{Key, Position, Shard};

use super::backup::copy_store;
use super::looking::Looking;
use super::moment::{self, Until, state_at};
use crate::checkpoint::Checkpoints;
use crate::disk::{Disk, LocalDisk};
use crate::journal::segment::{self, CreateError, SegmentHeader};
use crate::journal::{Fault, Journal, replay};
use crate::open::OpenError;

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
    /// The backup begins later: what would be needed was trimmed before it was made.
    #[error("the backup does not reach back that far: it begins behind position {from}")]
    NotCovered {
        /// The first position that it can show.
        from: Position,
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
    must_be_empty(into)?;
    let backup = Backup::open(from)?;
    let position = backup.position(until)?;
    let Backup { disk, journal, checkpoints, .. } = &backup;
    match part {
        Part::Everything => {
            // Proves that the state of that position can be made of what is there.
            backup.seen(state_at(checkpoints, journal, position, |_| Ok(())))?;
            backup.seen(copy_store(disk, from, journal, checkpoints, position, into))?;
        }
        Part::Rows(wanted) => backup.seen(write_part(checkpoints, journal, position, wanted, into))?,
    }
    Ok(Restored { position })
}

/// Reads all rows of a backup as they were at a moment, in the order of their keys. Answers the
/// position of the moment.
///
/// # Errors
/// As [`restore`].
pub fn rows(from: &Path, until: Until, visit: &mut dyn FnMut(Shard, &Key, &[u8])) -> Result<Position, RestoreError> {
    let backup = Backup::open(from)?;
    let position = backup.position(until)?;
    backup.seen(state_at(&backup.checkpoints, &backup.journal, position, |merged| {
        merged.rows(|key, row| {
            visit(row.shard, &key, &row.value);
            Ok(())
        })
    }))?;
    Ok(position)
}

/// A backup that is only looked at.
struct Backup<'a> {
    dir: &'a Path,
    disk: Arc<dyn Disk>,
    journal: Journal,
    checkpoints: Checkpoints,
}

impl<'a> Backup<'a> {
    fn open(dir: &'a Path) -> Result<Backup<'a>, RestoreError> {
        let disk: Arc<dyn Disk> = Arc::new(Looking);
        let fault = |fault| OpenError::of_fault(fault, dir);
        let Some(journal) = replay::look(Arc::clone(&disk), &dir.join("journal")).map_err(fault)? else {
            return Err(RestoreError::NoBackup { dir: dir.to_path_buf() });
        };
        let checkpoints = Checkpoints::of(Arc::clone(&disk), dir).map_err(fault)?;
        Ok(Backup { dir, disk, journal, checkpoints })
    }

    /// The position of a moment, which the backup must reach.
    fn position(&self, until: Until) -> Result<Position, RestoreError> {
        let end = self.seen(moment::end_of(&self.journal))?;
        let position = self.seen(moment::position_of(until, end, &self.journal, &self.checkpoints))?;
        if position > end {
            return Err(RestoreError::NotReached { position, end });
        }
        Ok(position)
    }

    fn seen<T>(&self, result: Result<T, Fault>) -> Result<T, RestoreError> {
        result.map_err(|fault| match fault {
            Fault::Missing { to, .. } => RestoreError::NotCovered { from: to + 1 },
            fault => OpenError::of_fault(fault, self.dir).into(),
        })
    }
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
