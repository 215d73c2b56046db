//! Whether a batch is within the limits, decided before it reaches the writer.

use star_core::ports::meta::{Batch, CommitError, Key, KeyRange, Operation, Precondition};

use crate::journal::body;
use crate::limits::LIMITS;

/// Refuses a batch that breaks a limit, naming which.
///
/// The bytes of a batch are what it takes in the journal: keys, values and events with their
/// lengths. Preconditions are not kept and only counted.
pub(crate) fn check(batch: &Batch) -> Result<(), CommitError> {
    within("operations", batch.operations.len(), LIMITS.batch_operations)?;
    within("preconditions", batch.preconditions.len(), LIMITS.batch_operations)?;
    within("events", batch.events.len(), LIMITS.batch_operations)?;
    batch.preconditions.iter().try_for_each(check_precondition)?;
    batch.operations.iter().try_for_each(check_operation)?;
    within("bytes", body::encoded_len(batch), LIMITS.batch_bytes)
}

fn check_precondition(precondition: &Precondition) -> Result<(), CommitError> {
    match precondition {
        Precondition::Absent(key) | Precondition::Present(key) | Precondition::ModifiedAt(key, _) => check_key(key),
        Precondition::RangeUnchangedSince(range, _) => check_range(range),
    }
}

fn check_operation(operation: &Operation) -> Result<(), CommitError> {
    match operation {
        Operation::Put(key, value) => {
            check_key(key)?;
            within("bytes in a value", value.len(), LIMITS.value_bytes)
        }
        Operation::Delete(key) => check_key(key),
        Operation::DeleteRange(range) => check_range(range),
    }
}

fn check_range(range: &KeyRange) -> Result<(), CommitError> {
    check_key(&range.start)?;
    range.end.as_ref().map_or(Ok(()), check_key)
}

fn check_key(key: &Key) -> Result<(), CommitError> {
    within("bytes in a key", key.as_bytes().len(), LIMITS.key_bytes)
}

fn within(what: &'static str, got: usize, max: usize) -> Result<(), CommitError> {
    if got > max { Err(CommitError::TooLarge { what, got, max }) } else { Ok(()) }
}
