//! Rows of trees that were removed or moved away: taken out afterwards, because a tree goes in one
//! moment and its rows may be more than a batch has operations.
//!
//! Which trees these are is noted in the batch that removes them, and stays noted until their rows are
//! gone, so a Star that was killed goes on when it starts. Nobody waits for it: such rows lead to
//! records that are not there.

use std::sync::Arc;

use star_path::ResourcePath;
use star_wire::StarError;

use super::Term;
use crate::keys;
use crate::limits;
use crate::ports::meta::{Key, KeyRange, MetaStore, Operation, Precondition, ReadError, ScanPage};
use crate::record::Record;
use crate::stored::{self, Change};
use crate::tree::{Ports, Tree};

/// Sweeps what is noted, at once and whenever something is noted, as long as the tree lives.
pub(crate) fn keep_sweeping(tree: &Arc<Tree>) {
    let noted = Arc::clone(&tree.unswept);
    let tree = Arc::downgrade(tree);
    tokio::spawn(async move {
        loop {
            let Some(living) = tree.upgrade() else { return };
            if let Err(error) = sweep_all(&living.ports).await {
                tracing::warn!(%error, "rows of removed resources could not be taken out; it is tried again");
            }
            drop(living);
            // The wait ends by itself, so that the task ends with its tree.
            if tokio::time::timeout(limits::SWEEP, noted.notified()).await.is_err() {
                tracing::trace!("nothing was removed that would leave rows");
            }
        }
    });
}

/// Takes out the rows of all trees that are noted.
pub(crate) async fn sweep_all(ports: &Ports) -> Result<(), StarError> {
    let mut range = keys::all_unswept();
    loop {
        let page = scan(&ports.meta, range.clone()).await?;
        for (key, row) in page.rows {
            let Some(path) = keys::path_of_unswept(&key) else { continue };
            sweep(ports, &path).await?;
            let mut change = Change::of(&path, ports.clock.now_ms());
            // Noted again meanwhile, it stays, and is swept again.
            change.only_if(Precondition::ModifiedAt(key.clone(), row.modified)).then(Operation::Delete(key));
            change.commit(&ports.meta).await?;
        }
        match page.next {
            Some(next) => range.start = next,
            None => return Ok(()),
        }
    }
}

/// Takes out the rows below a path that lead nowhere. From one term it goes straight to the next that
/// there is, so it costs as much as there are terms, and not as there are rows.
async fn sweep(ports: &Ports, path: &ResourcePath) -> Result<(), StarError> {
    let mut terms = keys::all_found();
    loop {
        let first = ports.meta.scan(terms.clone(), 1).await.map_err(|error| failed(path, &error))?;
        let Some(term) = first.rows.first().and_then(|(key, _)| Term::of_row(key)) else { return Ok(()) };
        let mut rows = keys::found_from(term.bytes(), path);
        loop {
            let page = scan(&ports.meta, rows.clone()).await?;
            let found = page.rows.into_iter().map(|(key, _)| key).collect();
            take_out(ports, path, term, found).await?;
            match page.next {
                Some(next) => rows.start = next,
                None => break,
            }
        }
        match keys::found_from(term.bytes(), &ResourcePath::root()).end {
            Some(next) if terms.contains(&next) => terms.start = next,
            _ => return Ok(()),
        }
    }
}

async fn take_out(ports: &Ports, top: &ResourcePath, term: Term, rows: Vec<Key>) -> Result<(), StarError> {
    let paths: Vec<(Key, ResourcePath)> =
        rows.into_iter().filter_map(|key| keys::path_of_found(&key).map(|path| (key, path))).collect();
    let records: Vec<Key> = paths.iter().map(|(_, path)| keys::record(path)).collect();
    for _ in 0..limits::COMMIT_ATTEMPTS {
        let there = ports.meta.read(&records).await.map_err(|error| failed(top, &error))?;
        let mut change = Change::of(top, ports.clock.now_ms());
        let mut stale = 0;
        for ((row, path), there) in paths.iter().zip(there) {
            let unchanged = match there {
                None => Precondition::Absent(keys::record(path)),
                Some(there) => {
                    let record = Record::decode(&there.value).map_err(|error| stored::unreadable(path, &error))?;
                    if Term::all(&record).contains(&term) {
                        continue;
                    }
                    Precondition::ModifiedAt(keys::record(path), there.modified)
                }
            };
            stale += 1;
            change.only_if(unchanged).then(Operation::Delete(row.clone()));
        }
        if stale == 0 || change.commit(&ports.meta).await?.is_some() {
            return Ok(());
        }
    }
    Err(stored::contended(top))
}

async fn scan(meta: &Arc<dyn MetaStore>, range: KeyRange) -> Result<ScanPage, StarError> {
    let page = meta.scan(range, limits::PAGE_DEFAULT).await;
    page.map_err(|error| failed(&ResourcePath::root(), &error))
}

fn failed(path: &ResourcePath, error: &ReadError) -> StarError {
    stored::read_failed(path, error)
}
