//! Bringing an index up to the end of the journal: at start, and after the engine failed.

use std::ops::ControlFlow;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::sync::Arc;
use std::time::Instant;

use star_core::ports::meta::{Operation, Position};

use crate::index::{self, Index, IndexError, IndexKind, Record};
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

/// Opens the index of a store and applies to it what the journal has more, up to `end`. One that
/// breaks on the way is given up and made again from the whole journal.
pub(crate) fn bring_up(
    kind: IndexKind,
    store: &Path,
    journal: &Journal,
    end: Position,
) -> Result<Arc<dyn Index>, RecoverError> {
    let index = index::open(kind, store, journal.installation())?;
    match catch_up(index.as_ref(), journal, end) {
        Ok(()) => return Ok(index),
        Err(RecoverError::Index(error)) if !error.full => {
            tracing::warn!(%error, cause = %error.source, "the index is made again from the journal");
        }
        Err(other) => return Err(other),
    }
    drop(index);
    index::discard(kind, store).map_err(|source| Fault::Io { file: index::dir_of(store), source })?;
    let index = index::open(kind, store, journal.installation())?;
    catch_up(index.as_ref(), journal, end)?;
    Ok(index)
}

/// Applies to an index what it has not seen.
fn catch_up(index: &dyn Index, journal: &Journal, end: Position) -> Result<(), RecoverError> {
    // A page that is damaged in a way which the engine does not foresee may panic in it.
    let outcome = catch_unwind(AssertUnwindSafe(|| apply_missing(index, journal, end)));
    outcome.unwrap_or_else(|_| {
        Err(IndexError { engine: index.name(), full: false, source: "the engine panicked".into() }.into())
    })
}

fn apply_missing(index: &dyn Index, journal: &Journal, end: Position) -> Result<(), RecoverError> {
    let applied = index.applied()?;
    if applied > end {
        return Err(RecoverError::Ahead { end, applied });
    }
    if applied == end {
        return Ok(());
    }
    let begun = Instant::now();
    let mut group = Vec::new();
    let mut bytes = 0;
    let mut failed = None;
    journal.walk(applied, end, |header, body| {
        bytes += body.operations.iter().map(weight).sum::<usize>();
        group.push(Record {
            position: header.position,
            shard: header.shard,
            revision: header.revision,
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
    index.sync()?;
    tracing::info!(
        index = index.name(),
        from = applied + 1,
        to = end,
        took_ms = begun.elapsed().as_millis() as u64,
        "the index was behind the journal and has caught up"
    );
    Ok(())
}

fn weight(operation: &Operation) -> usize {
    match operation {
        Operation::Put(key, value) => key.as_bytes().len() + value.len(),
        Operation::Delete(_) | Operation::DeleteRange(_) => 0,
    }
}
