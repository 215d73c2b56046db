//! Changing the engine of the index, with the data in place.

use std::path::Path;
use std::time::{Duration, Instant};

use star_core::ports::meta::{Key, KeyRange, Position};

use crate::index::{self, Index, IndexError, IndexKind};
use crate::limits::LIMITS;
use crate::open::{self, OpenError, OpenOptions};

/// What came of a conversion.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Converted {
    /// The position that the index shows.
    pub position: Position,
    /// The rows in it.
    pub rows: u64,
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
    let rows = count(opened.index.as_ref()).map_err(|error| OpenError::of_index(error, &options.dir))?;
    for other in [IndexKind::Redb, IndexKind::Sled].into_iter().filter(|kind| *kind != options.index) {
        index::remove(other, &options.dir)
            .map_err(|source| OpenError::Io { path: index::dir_of(&options.dir), source })?;
    }
    Ok(Converted { position, rows, took: begun.elapsed() })
}

/// Makes the index of a store anew, from its checkpoints and its journal.
///
/// # Errors
/// As [`convert`]; where nothing but the index is damaged, this repairs it.
pub fn rebuild(options: &OpenOptions) -> Result<Converted, OpenError> {
    {
        let _lock = open::take_lock(options)?;
        index::remove(options.index, &options.dir)
            .map_err(|source| OpenError::Io { path: index::dir_of(&options.dir), source })?;
    }
    convert(options)
}

/// The engines that keep files in the directory of a store.
pub fn engines(dir: &Path) -> Vec<IndexKind> {
    let has_files = |kind: &IndexKind| index::path_of(*kind, dir).is_some_and(|path| path.exists());
    [IndexKind::Redb, IndexKind::Sled].into_iter().filter(has_files).collect()
}

fn count(index: &dyn Index) -> Result<u64, IndexError> {
    let (mut start, mut rows) = (Some(Key::new("")), 0);
    while let Some(from) = start {
        let page = index.scan(&KeyRange { start: from, end: None }, LIMITS.page_rows)?;
        rows += page.rows.len() as u64;
        start = page.next;
    }
    Ok(rows)
}
