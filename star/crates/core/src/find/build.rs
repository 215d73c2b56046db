//! The rows of a store that was written before there were any, or before they were what they are.
//!
//! Runs before a Star opens, so nobody else writes. How far it came is written with each batch of rows:
//! interrupted, it goes on there.

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use star_path::ResourcePath;
use star_wire::{StarError, codec};

use super::term;
use crate::keys;
use crate::limits;
use crate::ports::clock::UnixMillis;
use crate::ports::meta::{Key, KeyRange, MetaStore, Operation};
use crate::record::Resource;
use crate::stored::{self, Change};

/// Which rows there are. Whoever changes [`Term`](super::Term) counts it up.
const VERSION: u8 = 2;

/// The version of the stored form.
const SCHEMA: u8 = 1;

/// How far the rows of a store are.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Progress {
    version: u8,
    /// The key of the first record whose rows are missing; none when all are there.
    next: Option<Vec<u8>>,
}

/// Makes the rows that are missing. Where all are there, one row is read. An empty store lacks none, and
/// is to note that with its first record, by the operation that comes back.
pub(crate) async fn bring_up_to_date(
    meta: &Arc<dyn MetaStore>,
    now_ms: UnixMillis,
) -> Result<Option<Operation>, StarError> {
    let root = ResourcePath::root();
    let row = meta.read(&[keys::found_progress()]).await.map_err(|error| stored::read_failed(&root, &error))?;
    let progress = match row.into_iter().next().flatten() {
        Some(row) => codec::decode(SCHEMA, &row.value).map_err(|error| stored::unreadable(&root, &error))?,
        None => Progress { version: 0, next: None },
    };
    let mut range = keys::records_with_prefix("");
    let first = meta.scan(range.clone(), 1).await.map_err(|error| stored::read_failed(&root, &error))?;
    if first.rows.is_empty() {
        return noted(None).map(Some);
    }
    match progress {
        Progress { version: VERSION, next: None } => return Ok(None),
        Progress { version: VERSION, next: Some(next) } => range.start = Key::new(next),
        _ => {
            tracing::info!("the rows by which resources are found are made; with many resources this takes a while");
            let mut change = Change::of(&root, now_ms);
            change.then(Operation::DeleteRange(keys::all_found()));
            change.then(noted(Some(&range.start))?);
            change.commit(meta).await?;
        }
    }
    let made = build(meta, range, now_ms).await?;
    if made > 0 {
        tracing::info!(resources = made, "the rows by which resources are found were made");
    }
    let mut change = Change::of(&root, now_ms);
    change.then(noted(None)?);
    change.commit(meta).await.map(|_| None)
}

/// Makes the rows of the records of a range; answers how many records there were.
async fn build(meta: &Arc<dyn MetaStore>, mut range: KeyRange, now_ms: UnixMillis) -> Result<u64, StarError> {
    let mut made = 0;
    loop {
        let page = meta.scan(range.clone(), limits::PAGE_DEFAULT).await;
        let page = page.map_err(|error| stored::read_failed(&ResourcePath::root(), &error))?;
        let mut batch: Option<(ResourcePath, Vec<Operation>)> = None;
        for (key, row) in page.rows {
            let Some(path) = keys::path_of_record(&key) else { continue };
            let resource = Resource::from_row(path.clone(), &row)?;
            let rows: Vec<Operation> = term::enter(&path, &resource.record).collect();
            made += 1;
            let full = batch.as_ref().is_some_and(|(first, operations)| {
                keys::shard(first) != keys::shard(&path) || operations.len() + rows.len() > limits::FOUND_BATCH
            });
            if full && let Some(batch) = batch.take() {
                write(meta, batch, &key, now_ms).await?;
            }
            batch.get_or_insert_with(|| (path, Vec::new())).1.extend(rows);
        }
        let Some(next) = page.next else {
            // What is noted behind the last one is that all are there.
            return match batch {
                Some(batch) => write(meta, batch, &Key::new("r0"), now_ms).await.map(|()| made),
                None => Ok(made),
            };
        };
        if let Some(batch) = batch {
            write(meta, batch, &next, now_ms).await?;
        }
        range.start = next;
    }
}

async fn write(
    meta: &Arc<dyn MetaStore>,
    (first, operations): (ResourcePath, Vec<Operation>),
    next: &Key,
    now_ms: UnixMillis,
) -> Result<(), StarError> {
    if operations.is_empty() {
        return Ok(());
    }
    let mut change = Change::of(&first, now_ms);
    for operation in operations {
        change.then(operation);
    }
    change.then(noted(Some(next))?);
    change.commit(meta).await.map(drop)
}

/// What notes how far the rows are made.
fn noted(next: Option<&Key>) -> Result<Operation, StarError> {
    let progress = Progress { version: VERSION, next: next.map(|key| key.as_bytes().to_vec()) };
    let bytes = codec::encode(SCHEMA, &progress).map_err(|error| stored::unreadable(&ResourcePath::root(), &error))?;
    Ok(Operation::Put(keys::found_progress(), bytes.into()))
}
