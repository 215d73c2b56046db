//! Making the next checkpoint: the one before it, with the log in between laid over it.

use std::ops::ControlFlow;
use std::sync::atomic::{AtomicBool, Ordering};

use star_core::ports::meta::{Key, Position};

use super::changes::Changes;
use super::files::Checkpoints;
use super::read::Reading;
use super::state::State;
use crate::index::{Record, Row};
use crate::journal::{Fault, Journal};
use crate::limits::MERGE_BYTES;

/// Why no checkpoint was made.
#[derive(Debug, thiserror::Error)]
pub(crate) enum MergeError {
    /// The journal or a checkpoint could not be read or written.
    #[error(transparent)]
    Fault(#[from] Fault),
    /// The store is closing.
    #[error("the store is closing")]
    Cancelled,
}

/// A state and the rows that belong to it: those of a checkpoint, changed by the log since.
pub(crate) struct Merged {
    pub(crate) state: State,
    base: Option<Reading>,
    changes: Changes,
}

impl Merged {
    /// The state of the newest good checkpoint at or before `upto`, brought on by the log up to
    /// `upto`, or up to where the changes take this much memory. A checkpoint that is damaged is
    /// passed over and the one before it taken; without any, the whole log is.
    pub(crate) fn at(
        checkpoints: &Checkpoints,
        journal: &Journal,
        upto: Position,
        memory: usize,
    ) -> Result<Merged, Fault> {
        for position in checkpoints.newest_first()?.into_iter().filter(|position| *position <= upto) {
            match checkpoints.open(position) {
                Ok((state, base)) => return Merged::from(state, Some(base), journal, upto, memory),
                Err(fault @ Fault::Damaged { .. }) => tracing::warn!(%fault, "a checkpoint is passed over"),
                Err(fault) => return Err(fault),
            }
        }
        Merged::from(State::empty(*journal.installation()), None, journal, upto, memory)
    }

    /// A checkpoint, brought on by the log.
    pub(crate) fn from(
        mut state: State,
        base: Option<Reading>,
        journal: &Journal,
        upto: Position,
        memory: usize,
    ) -> Result<Merged, Fault> {
        let mut changes = Changes::default();
        journal.walk_linked(state.position, Some(state.chain), upto, |frame, body| {
            let header = &frame.header;
            let record = Record {
                position: header.position,
                shard: header.shard,
                revision: header.revision,
                operations: body.operations,
            };
            state.follow(header, frame.link, &record);
            changes.apply(&record);
            if changes.bytes() >= memory { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
        })?;
        Ok(Merged { state, base, changes })
    }

    /// Visits the rows in the order of their keys.
    pub(crate) fn rows<E: From<Fault>>(self, visit: impl FnMut(Key, Row) -> Result<(), E>) -> Result<(), E> {
        let base = self.base.map(Reading::rows).into_iter().flatten().map(|row| row.map_err(E::from));
        self.changes.over(base, visit)
    }

    /// Takes the rows apart from the state.
    pub(crate) fn split(self) -> (State, Merged) {
        let rest = Merged { state: State::default(), base: self.base, changes: self.changes };
        (self.state, rest)
    }
}

/// Makes a checkpoint of `upto`, with others on the way where the log in between is long, and
/// removes those that are no longer kept. Gives its length in bytes; 0 where it was there.
///
/// A base that turns out to be damaged is put aside, and the next attempt takes the one before it.
pub(crate) fn make(
    checkpoints: &Checkpoints,
    journal: &Journal,
    upto: Position,
    dress: impl Fn(&mut State),
    cancelled: &AtomicBool,
) -> Result<u64, MergeError> {
    if checkpoints.newest_first()?.first() == Some(&upto) {
        return Ok(0);
    }
    loop {
        let (mut state, rows) = Merged::at(checkpoints, journal, upto, MERGE_BYTES)?.split();
        dress(&mut state);
        let reached = state.position;
        let published = checkpoints.publish(&state, |write| {
            rows.rows::<MergeError>(|key, row| {
                if cancelled.load(Ordering::Relaxed) {
                    return Err(MergeError::Cancelled);
                }
                write(&key, &row)
            })
        });
        match published {
            Ok(_) if reached < upto => checkpoints.prune()?,
            Ok(bytes) => {
                checkpoints.prune()?;
                return Ok(bytes);
            }
            Err(MergeError::Fault(fault)) => match damaged_checkpoint(&fault) {
                Some(position) => {
                    tracing::warn!(%fault, "a checkpoint is damaged; it is put aside");
                    checkpoints.put_aside(position)?;
                }
                None => return Err(fault.into()),
            },
            Err(cancelled) => return Err(cancelled),
        }
    }
}

/// The position of the checkpoint that a fault speaks of, where it does.
pub(crate) fn damaged_checkpoint(fault: &Fault) -> Option<Position> {
    match fault {
        Fault::Damaged { file, .. } => super::files::position_of(file),
        Fault::Missing { .. } | Fault::TooNew { .. } | Fault::Io { .. } => None,
    }
}
