//! The ordered index: what the log amounts to, in key order.
//!
//! An index is a view and can be thrown away: it holds nothing that the journal does not, it is
//! updated after the journal's sync without one of its own, and it carries the position up to
//! which it was applied *in the same engine transaction*, so that after a crash it says by itself
//! from where the journal has to be applied again. Engines: [`redb`] and [`sled`] on disk,
//! [`memory`]; [`row`] is how the two on disk write what they hold, and [`behind`] lets redb take its
//! time.

pub(crate) mod behind;
pub(crate) mod memory;
pub(crate) mod redb;
pub(crate) mod row;
pub(crate) mod sled;
mod sums;

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use bytes::Bytes;
use star_core::ports::meta::{Key, KeyRange, Operation, Position, Revision, ScanPage, Shard, Versioned};

use crate::journal::record::Installation;

/// The engine that holds the index.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum IndexKind {
    /// A B-tree in a file: the default.
    #[default]
    Redb,
    /// A log-structured tree in a directory, sled 0.34.7: a choice for those who know it.
    Sled,
    /// In memory, made from the journal at every start: for tests and very small Stars.
    Memory,
}

/// An engine that failed, which costs time and no data.
#[derive(Debug, thiserror::Error)]
#[error("the {engine} index failed")]
pub(crate) struct IndexError {
    /// Its name.
    pub(crate) engine: &'static str,
    /// Whether the disk had no room, which says nothing against the index.
    pub(crate) full: bool,
    /// What it said.
    #[source]
    pub(crate) source: Box<dyn std::error::Error + Send + Sync>,
}

/// A stored value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Row {
    pub(crate) value: Bytes,
    pub(crate) created: Revision,
    pub(crate) modified: Revision,
    /// The shard whose batch wrote the value: revisions of two shards cannot be compared.
    pub(crate) shard: Shard,
}

impl From<Row> for Versioned {
    fn from(row: Row) -> Versioned {
        Versioned { value: row.value, created: row.created, modified: row.modified }
    }
}

/// A batch of the log, as far as the index cares.
#[derive(Debug, Clone)]
pub(crate) struct Record {
    pub(crate) position: Position,
    pub(crate) shard: Shard,
    pub(crate) revision: Revision,
    pub(crate) operations: Vec<Operation>,
}

impl Record {
    /// Whether the batch removed anything, or meant to.
    pub(crate) fn erases(&self) -> bool {
        self.operations.iter().any(|operation| !matches!(operation, Operation::Put(..)))
    }
}

/// How far a shard has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct ShardState {
    /// Its last revision.
    pub(crate) revision: Revision,
    /// The last revision whose batch removed keys; 0 where none did.
    pub(crate) erased: Revision,
}

impl ShardState {
    /// The state after a batch.
    pub(crate) fn after(self, record: &Record) -> ShardState {
        let erased = if record.erases() { record.revision } else { self.erased };
        ShardState { revision: record.revision, erased }
    }
}

/// What can be read of an engine, from any thread.
pub(crate) trait View: Send + Sync + 'static {
    /// The rows of some keys, all seen at one moment.
    fn read(&self, keys: &[Key]) -> Result<Vec<Option<Row>>, IndexError>;
    /// At most `limit` rows of a range, seen at one moment, fewer when they weigh much.
    fn scan(&self, range: &KeyRange, limit: usize) -> Result<ScanPage, IndexError>;
    /// A row of the range that another shard wrote, or this one after `since`, except under some
    /// keys. Looks at every row of the range while all other commits wait, so callers keep such
    /// ranges narrow.
    fn written_since(
        &self,
        range: &KeyRange,
        shard: Shard,
        since: Revision,
        except: &dyn Fn(&[u8]) -> bool,
    ) -> Result<Option<Row>, IndexError>;
}

/// One engine. What changes it comes from the writer's thread only.
pub(crate) trait Index: View {
    /// What people call it.
    fn name(&self) -> &'static str;
    /// What it holds now, shown unchanged for as long as it is kept; none from an engine that cannot
    /// do that. It takes space on the disk, so nobody keeps one for longer than a read.
    fn moment(&self) -> Option<Arc<dyn View>> {
        None
    }
    /// Applies batches that follow the applied position, all or none of them.
    fn apply(&self, records: &[Record]) -> Result<(), IndexError>;
    /// Puts rows of a checkpoint, in order, into an index that is being made; they count when
    /// [`Index::filled`] has been called, and until then the applied position stays 0.
    fn fill(&self, rows: &[(Key, Row)]) -> Result<(), IndexError>;
    /// Ends the filling: the state of the shards, and the position of the checkpoint.
    fn filled(&self, shards: &BTreeMap<Shard, ShardState>, applied: Position) -> Result<(), IndexError>;
    /// Makes what was applied durable.
    fn sync(&self) -> Result<(), IndexError>;
    /// The same, without waiting for it where the engine need not be waited for.
    fn sync_soon(&self) -> Result<(), IndexError> {
        self.sync()
    }
    /// Batches that were applied, and that the engine has yet to take.
    fn waiting(&self) -> usize {
        0
    }
    /// The last position that was applied.
    fn applied(&self) -> Result<Position, IndexError>;
    /// The state of every shard that was ever written.
    fn shards(&self) -> Result<Vec<(Shard, ShardState)>, IndexError>;
    /// Bytes that it takes.
    fn bytes(&self) -> u64;
}

/// Whether a row counts as written since a revision of a shard.
pub(crate) fn is_since(row_shard: Shard, modified: Revision, shard: Shard, since: Revision) -> bool {
    row_shard != shard || modified > since
}

/// Whether a range holds nothing because it ends before it begins.
pub(crate) fn is_empty(range: &KeyRange) -> bool {
    range.end.as_ref().is_some_and(|end| *end <= range.start)
}

/// Whether two ranges have room for a common key.
pub(crate) fn overlap(a: &KeyRange, b: &KeyRange) -> bool {
    let before = |a: &KeyRange, b: &KeyRange| a.end.as_ref().is_some_and(|end| *end <= b.start);
    !is_empty(a) && !is_empty(b) && !before(a, b) && !before(b, a)
}

/// Where the index of a store lies.
pub(crate) fn dir_of(store: &Path) -> PathBuf {
    store.join("index")
}

/// Opens the index of a kind, or makes an empty one where there is none that can be used.
pub(crate) fn open(kind: IndexKind, store: &Path, installation: &Installation) -> Result<Arc<dyn Index>, IndexError> {
    match kind {
        IndexKind::Memory => Ok(Arc::new(memory::MemoryIndex::default())),
        IndexKind::Redb => Ok(Arc::new(redb::RedbIndex::open(&dir_of(store), installation)?)),
        IndexKind::Sled => Ok(Arc::new(sled::SledIndex::open(&dir_of(store), installation)?)),
    }
}

/// Where an engine keeps its files; none for one that has none.
pub(crate) fn path_of(kind: IndexKind, store: &Path) -> Option<PathBuf> {
    match kind {
        IndexKind::Memory => None,
        IndexKind::Redb => Some(dir_of(store).join(redb::FILE)),
        IndexKind::Sled => Some(dir_of(store).join(sled::DIR)),
    }
}

/// Puts layers before an engine that is slow, so that commits do not wait for it. Not before sled,
/// which has no moments; besides, it has one lock for all of its databases in a process, and a flush
/// on one thread can wait for ever while another thread applies; from the writer's thread alone it is
/// never asked for both.
pub(crate) fn let_behind(index: Arc<dyn Index>) -> io::Result<Arc<dyn Index>> {
    if index.moment().is_some() { Ok(Arc::new(behind::Behind::before(index)?)) } else { Ok(index) }
}

/// Puts an index that failed aside, for whoever wants to look, so that the next opening begins
/// an empty one. One is kept.
pub(crate) fn put_aside(kind: IndexKind, store: &Path) -> io::Result<()> {
    path_of(kind, store).map_or(Ok(()), |path| aside(&path))
}

/// Removes an index, so that the next opening begins an empty one.
pub(crate) fn remove(kind: IndexKind, store: &Path) -> io::Result<()> {
    let Some(path) = path_of(kind, store) else { return Ok(()) };
    remove_path(&path)?;
    if kind == IndexKind::Redb { remove_path(&sums::path_of(&path)) } else { Ok(()) }
}

/// Gives a file or directory the ending `unusable`.
fn aside(path: &Path) -> io::Result<()> {
    let mut name = path.as_os_str().to_owned();
    name.push(".unusable");
    let former = PathBuf::from(name);
    remove_path(&former)?;
    match fs::rename(path, former) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

fn remove_path(path: &Path) -> io::Result<()> {
    let removed = if path.is_dir() { fs::remove_dir_all(path) } else { fs::remove_file(path) };
    match removed {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}
