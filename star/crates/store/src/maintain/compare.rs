//! Comparing an index, row by row, with what the log amounts to.

use std::collections::BTreeMap;
use std::path::Path;

use star_core::ports::meta::{Key, KeyRange, Position};

use crate::checkpoint::Checkpoints;
use crate::checkpoint::merge::Merged;
use crate::index::{self, Index, IndexError, IndexKind, Row};
use crate::journal::{Fault, Journal};
use crate::limits::LIMITS;

/// Why a comparison ended.
pub(super) enum Stop {
    Index(IndexError),
    Log(Fault),
}

impl From<IndexError> for Stop {
    fn from(error: IndexError) -> Stop {
        Stop::Index(error)
    }
}

impl From<Fault> for Stop {
    fn from(fault: Fault) -> Stop {
        Stop::Log(fault)
    }
}

/// What came of a comparison.
#[derive(Default)]
pub(super) struct Compared {
    pub(super) rows: u64,
    pub(super) difference: Option<String>,
}

/// Compares an index with the log at the position that the index has applied.
pub(super) fn compare(
    kind: IndexKind,
    store: &Path,
    journal: &Journal,
    checkpoints: &Checkpoints,
    end: Position,
) -> Result<Compared, Stop> {
    let index = index::open(kind, store, journal.installation())?;
    let applied = index.applied()?;
    let mut compared = Compared::default();
    if applied > end {
        compared.difference = Some(format!("it has seen position {applied}, the journal ends at {end}"));
        return Ok(compared);
    }
    if applied == 0 {
        compared.difference = (end > 0).then(|| "it is empty or could not be used".to_owned());
        return Ok(compared);
    }
    let (state, rows) = Merged::at(checkpoints, journal, applied, usize::MAX)?.split();
    let shards: BTreeMap<_, _> = index.shards()?.into_iter().collect();
    if shards != state.shards {
        compared.difference = Some("its shards are not at the revisions of the log".to_owned());
        return Ok(compared);
    }
    let mut cursor = Cursor { index: index.as_ref(), rows: Vec::new().into_iter(), next: Some(Key::new("")) };
    rows.rows::<Stop>(|key, row| {
        if compared.difference.is_none() {
            let found = cursor.next_row()?;
            compared.rows += 1;
            if found.as_ref() != Some(&(key.clone(), row)) {
                compared.difference = Some(format!("what it has at or behind {key:?} is not what the log says"));
            }
        }
        Ok(())
    })?;
    if compared.difference.is_none()
        && let Some((key, _)) = cursor.next_row()?
    {
        compared.difference = Some(format!("it has {key:?}, which the log has not"));
    }
    Ok(compared)
}

/// Reads all rows of an index in order.
struct Cursor<'a> {
    index: &'a dyn Index,
    rows: std::vec::IntoIter<(Key, Row)>,
    next: Option<Key>,
}

impl Cursor<'_> {
    fn next_row(&mut self) -> Result<Option<(Key, Row)>, IndexError> {
        loop {
            if let Some(row) = self.rows.next() {
                return Ok(Some(row));
            }
            let Some(start) = self.next.take() else { return Ok(None) };
            let page = self.index.scan(&KeyRange { start, end: None }, LIMITS.page_rows)?;
            let keys: Vec<Key> = page.rows.into_iter().map(|(key, _)| key).collect();
            let rows = self.index.read(&keys)?;
            let found: Vec<(Key, Row)> =
                keys.into_iter().zip(rows).filter_map(|(key, row)| Some((key, row?))).collect();
            self.rows = found.into_iter();
            self.next = page.next;
        }
    }
}
