//! Which frames of a pack that was left open are kept.
//!
//! The longest row of frames from the first on whose records hold and whose bytes are those that
//! the records tell of. Frames that are known to have been durable are kept whatever became of
//! their bytes: what can be read of the others is not given up for one of them.

use std::path::Path;

use super::chain::Chain;
use super::{Class, Fault, Flaw, Log, Reader, Slot};
use crate::pack::limits::RECORD_BYTES;

/// What is kept of an open pack.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Survivors {
    pub(crate) slots: Vec<Slot>,
    /// Numbers of slots whose bytes were durable once and are not there any more.
    pub(crate) damaged: Vec<usize>,
    /// Whether more was written than is kept.
    pub(crate) torn: bool,
}

/// Chooses what is kept.
///
/// # Errors
/// If the disk fails, or if a record that was durable tells of a frame that cannot be there.
pub(crate) fn choose(log: Log, class: Class, reader: &Reader, log_path: &Path) -> Result<Survivors, Fault> {
    let mut slots = log.slots;
    let mut chain = Chain::new(class);
    let following = slots.iter().position(|slot| chain.push(slot).is_err()).unwrap_or(slots.len());
    if following < log.durable {
        let what = chain.push(&slots[following]).expect_err("it was refused a moment ago");
        return Err(Flaw::at((following * RECORD_BYTES) as u64, what).of(log_path));
    }
    let wrong = reader.check(&slots[..following])?;
    let kept = wrong.iter().copied().find(|number| *number >= log.durable).unwrap_or(following);
    let torn = log.torn || kept < slots.len();
    slots.truncate(kept);
    Ok(Survivors { slots, damaged: wrong.into_iter().filter(|number| *number < kept).collect(), torn })
}
