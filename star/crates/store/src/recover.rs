//! Bringing an index up to the end of the journal: at start, and after the engine failed.
//!
//! An index that is behind is given what it lacks. One that is gone, fails, or lacks more than
//! the journal has is made again: from the newest checkpoint that is good and the journal behind
//! it, else from the one before, else from the whole journal. The log says which it was.

use std::ops::ControlFlow;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::sync::Arc;
use std::time::Instant;

use star_core::ports::meta::{Key, Operation, Position};

use crate::checkpoint::Checkpoints;
use crate::checkpoint::merge::damaged_checkpoint;
use crate::checkpoint::read::Reading;
use crate::checkpoint::state::State;
use crate::index::{self, Index, IndexError, IndexKind, Record, Row};
use crate::journal::{Fault, Journal};
use crate::limits::{REPLAY_GROUP, REPLAY_GROUP_BYTES};

/// Why there is no index that shows what the journal says.
#[derive(Debug, thiserror::Error)]
pub(crate) enum RecoverError {
    /// The index has seen positions that the journal does not have: its end was lost.
    #[error("the journal ends at position {end}, but the index has seen position {applied}")]
    Ahead {
        /// The last position of the journal.
        end: Position,
        /// The last position that the index has seen.
        applied: Position,
    },
    /// The journal could not be read.
    #[error(transparent)]
    Journal(#[from] Fault),
    /// The engine failed, on an index made from nothing too.
    #[error(transparent)]
    Index(#[from] IndexError),
}

/// What an index is made from.
#[derive(Clone, Copy)]
pub(crate) struct Ground<'a> {
    /// The directory of the store.
    pub(crate) store: &'a Path,
    pub(crate) journal: &'a Journal,
    pub(crate) checkpoints: &'a Checkpoints,
    /// The last position of the journal.
    pub(crate) end: Position,
}

/// Opens the index of a store and brings it up to the end of the journal.
pub(crate) fn bring_up(kind: IndexKind, ground: Ground<'_>) -> Result<Arc<dyn Index>, RecoverError> {
    let index = index::open(kind, ground.store, ground.journal.installation())?;
    let io = |source| Fault::Io { file: index::dir_of(ground.store), source };
    match guarded(index.as_ref(), || catch_up(index.as_ref(), ground)) {
        Ok(true) => return Ok(index),
        Ok(false) => {
            drop(index);
            index::remove(kind, ground.store).map_err(io)?;
        }
        Err(RecoverError::Index(error)) if !error.full => {
            tracing::warn!(%error, cause = %error.source, "the index failed; it is put aside and made again");
            drop(index);
            index::put_aside(kind, ground.store).map_err(io)?;
        }
        Err(RecoverError::Journal(fault @ Fault::Missing { .. })) => {
            tracing::warn!(%fault, "the index is older than what is left of the journal; it is made again");
            drop(index);
            index::remove(kind, ground.store).map_err(io)?;
        }
        Err(other) => return Err(other),
    }
    make(kind, ground)
}

/// Applies to an index what it has not seen; false where it has seen nothing, so that a
/// checkpoint may save most of the work.
fn catch_up(index: &dyn Index, ground: Ground<'_>) -> Result<bool, RecoverError> {
    let (applied, end) = (index.applied()?, ground.end);
    match applied {
        applied if applied > end => Err(RecoverError::Ahead { end, applied }),
        applied if applied == end => Ok(true),
        0 => Ok(false),
        applied => {
            let begun = Instant::now();
            apply_behind(index, ground.journal, applied, None, end)?;
            tracing::info!(
                index = index.name(),
                from = applied + 1,
                to = end,
                took_ms = begun.elapsed().as_millis() as u64,
                "the index was behind the journal and has caught up"
            );
            Ok(true)
        }
    }
}

/// Makes an index from nothing.
fn make(kind: IndexKind, ground: Ground<'_>) -> Result<Arc<dyn Index>, RecoverError> {
    let begun = Instant::now();
    for position in ground.checkpoints.newest_first()? {
        let index = empty(kind, ground)?;
        match guarded(index.as_ref(), || from_checkpoint(index.as_ref(), position, ground)) {
            Ok(()) => {
                let took_ms = begun.elapsed().as_millis() as u64;
                tracing::info!(index = index.name(), position, took_ms, "the index was made from a checkpoint");
                return Ok(index);
            }
            Err(RecoverError::Journal(fault)) if damaged_checkpoint(&fault) == Some(position) => {
                tracing::warn!(%fault, "the checkpoint cannot be used; the one before it, or the whole journal, is");
            }
            Err(other) => return Err(other),
        }
    }
    let index = empty(kind, ground)?;
    guarded(index.as_ref(), || apply_behind(index.as_ref(), ground.journal, 0, None, ground.end))?;
    let took_ms = begun.elapsed().as_millis() as u64;
    tracing::info!(index = index.name(), to = ground.end, took_ms, "the index was made from the whole journal");
    Ok(index)
}

fn empty(kind: IndexKind, ground: Ground<'_>) -> Result<Arc<dyn Index>, RecoverError> {
    index::remove(kind, ground.store).map_err(|source| Fault::Io { file: index::dir_of(ground.store), source })?;
    Ok(index::open(kind, ground.store, ground.journal.installation())?)
}

fn from_checkpoint(index: &dyn Index, position: Position, ground: Ground<'_>) -> Result<(), RecoverError> {
    let (state, reading) = ground.checkpoints.open(position)?;
    if state.installation != *ground.journal.installation() {
        let what = "it belongs to another installation".to_owned();
        return Err(Fault::Damaged { file: ground.checkpoints.path(position), offset: 0, what }.into());
    }
    if position > ground.end {
        return Err(RecoverError::Ahead { end: ground.end, applied: position });
    }
    fill(index, &state, reading)?;
    apply_behind(index, ground.journal, position, Some(&state), ground.end)
}

fn fill(index: &dyn Index, state: &State, reading: Reading) -> Result<(), RecoverError> {
    let mut group: Vec<(Key, Row)> = Vec::new();
    let mut bytes = 0;
    for row in reading.rows() {
        let (key, row) = row?;
        bytes += key.as_bytes().len() + row.value.len();
        group.push((key, row));
        if group.len() >= REPLAY_GROUP || bytes >= REPLAY_GROUP_BYTES {
            index.fill(&group)?;
            group.clear();
            bytes = 0;
        }
    }
    index.fill(&group)?;
    Ok(index.filled(&state.shards, state.position)?)
}

/// Applies the journal behind a position, which is that of `state` where there is one.
fn apply_behind(
    index: &dyn Index,
    journal: &Journal,
    after: Position,
    state: Option<&State>,
    end: Position,
) -> Result<(), RecoverError> {
    let mut group = Vec::new();
    let mut bytes = 0;
    let mut failed = None;
    journal.walk_linked(after, state.map(|state| state.chain), end, |frame, body| {
        bytes += body.operations.iter().map(weight).sum::<usize>();
        group.push(Record {
            position: frame.header.position,
            shard: frame.header.shard,
            revision: frame.header.revision,
            operations: body.operations,
        });
        if group.len() < REPLAY_GROUP && bytes < REPLAY_GROUP_BYTES {
            return ControlFlow::Continue(());
        }
        bytes = 0;
        match index.apply(&std::mem::take(&mut group)) {
            Ok(()) => ControlFlow::Continue(()),
            Err(error) => {
                failed = Some(error);
                ControlFlow::Break(())
            }
        }
    })?;
    if let Some(error) = failed {
        return Err(error.into());
    }
    index.apply(&group)?;
    Ok(index.sync()?)
}

/// Runs what calls an engine: a page that is damaged in a way which it does not foresee may
/// panic in it, and that is an error like another.
fn guarded<T>(index: &dyn Index, run: impl FnOnce() -> Result<T, RecoverError>) -> Result<T, RecoverError> {
    let engine = index.name();
    catch_unwind(AssertUnwindSafe(run))
        .unwrap_or_else(|_| Err(IndexError { engine, full: false, source: "the engine panicked".into() }.into()))
}

fn weight(operation: &Operation) -> usize {
    match operation {
        Operation::Put(key, value) => key.as_bytes().len() + value.len(),
        Operation::Delete(_) | Operation::DeleteRange(_) => 0,
    }
}
