//! Changing the engine of the index, with the data in place.

use std::time::{Duration, Instant};

use star_core::ports::meta::Position;

use crate::index::{self, IndexKind};
use crate::open::{self, OpenError, OpenOptions};

/// What came of a conversion.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Converted {
    /// The position that the index shows.
    pub position: Position,
    /// What it took.
    pub took: Duration,
}

/// Makes the index that the options name, from the last checkpoint and the journal, and then
/// removes those of other engines. A crash in between leaves both, which does no harm.
///
/// # Errors
/// When the store is in use, damaged, or cannot be used.
pub fn convert(options: &OpenOptions) -> Result<Converted, OpenError> {
    let begun = Instant::now();
    let opened = open::open(options)?;
    let position = opened.appender.position();
    for other in [IndexKind::Redb, IndexKind::Sled].into_iter().filter(|kind| *kind != options.index) {
        index::remove(other, &options.dir)
            .map_err(|source| OpenError::Io { path: index::dir_of(&options.dir), source })?;
    }
    Ok(Converted { position, took: begun.elapsed() })
}
