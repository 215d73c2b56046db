//! What a log amounted to at a moment: which position that was, and the rows of it.

use std::ops::ControlFlow;

use star_core::ports::clock::UnixMillis;
use star_core::ports::meta::Position;

use crate::checkpoint::Checkpoints;
use crate::checkpoint::merge::{Merged, damaged_checkpoint};
use crate::checkpoint::state::State;
use crate::journal::replay::Ending;
use crate::journal::{Fault, Journal};

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

/// The last position of a journal that is only looked at.
pub(crate) fn end_of(journal: &Journal) -> Result<Position, Fault> {
    let last = journal.segment_firsts().last().copied().unwrap_or(1);
    let (_, end) = journal.read_segment(last, None, Ending::Seen, &mut |_, _| {})?;
    Ok(end.position)
}

pub(crate) fn position_of(
    until: Until,
    end: Position,
    journal: &Journal,
    checkpoints: &Checkpoints,
) -> Result<Position, Fault> {
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
pub(crate) fn state_at(
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
    let state = State::empty(*journal.installation());
    match Merged::from(state, None, journal, position, usize::MAX) {
        Ok(merged) => with(merged),
        Err(fault) => Err(bad.unwrap_or(fault)),
    }
}
