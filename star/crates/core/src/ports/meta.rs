//! The metadata store: one log, one ordered index over it, and nothing that the callers of it
//! could do to see one without the other.
//!
//! A [`Batch`] is declarative: preconditions, operations, events. It happens whole or not at all,
//! on one [`Shard`], and is durable before [`MetaStore::commit`] answers. Revisions are gapless
//! per shard; [`Position`] orders all batches of the installation in the log. Callers read what
//! is committed only: there are no interactive transactions, because neither a journal shared by
//! many writers nor a database behind a network could keep that promise cheaply.

use std::fmt;
use std::ops::Bound;
use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;

use super::clock::UnixMillis;
use crate::vitals::Vitals;

/// How many shards an installation has. Fixed for ever: it is part of every stored key.
pub const SHARDS: u16 = 1024;

/// One of the 1,024 parts into which Spaces are hashed; the unit of ownership and of revisions.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Shard(u16);

impl Shard {
    /// The shard with this number, which must be below [`SHARDS`].
    pub fn new(number: u16) -> Option<Shard> {
        (number < SHARDS).then_some(Shard(number))
    }

    /// The shard of a root Space (`xxh3(space) % 1024`). `ROOT` itself hashes the empty text.
    pub fn of_space(space: &str) -> Shard {
        Shard((xxhash_rust::xxh3::xxh3_64(space.as_bytes()) % u64::from(SHARDS)) as u16)
    }

    /// The number, below [`SHARDS`].
    pub fn number(self) -> u16 {
        self.0
    }
}

/// The count of batches committed to one shard so far. The first batch has revision 1.
pub type Revision = u64;

/// The place of a batch in the log of the installation, over all shards; the first is 1.
///
/// It orders and it resumes. It says nothing about time, and it is not a revision: where several
/// Stars write, it is given out after the commit by whoever sequences the log.
pub type Position = u64;

/// A key of the ordered index: at most [`Limits::key_bytes`] bytes, compared byte by byte.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Key(Bytes);

impl Key {
    /// A key of these bytes.
    pub fn new(bytes: impl Into<Bytes>) -> Key {
        Key(bytes.into())
    }

    /// The bytes.
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Key({})", self.0.escape_ascii())
    }
}

/// A span of keys, from `start` (included) to `end` (excluded; none means to the last key).
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct KeyRange {
    /// The first key that is inside.
    pub start: Key,
    /// The first key that is no longer inside.
    pub end: Option<Key>,
}

impl KeyRange {
    /// All keys that begin with these bytes.
    pub fn prefix(prefix: impl Into<Bytes>) -> KeyRange {
        let start = Key::new(prefix);
        let end = successor_of_prefix(start.as_bytes()).map(Key::new);
        KeyRange { start, end }
    }

    /// Whether a key lies inside.
    pub fn contains(&self, key: &Key) -> bool {
        *key >= self.start && self.end.as_ref().is_none_or(|end| key < end)
    }

    /// The two bounds as the standard library wants them.
    pub fn bounds(&self) -> (Bound<&[u8]>, Bound<&[u8]>) {
        let end = self.end.as_ref().map_or(Bound::Unbounded, |end| Bound::Excluded(end.as_bytes()));
        (Bound::Included(self.start.as_bytes()), end)
    }
}

/// The smallest key that is greater than every key with this prefix; none for `ff ff … ff`.
fn successor_of_prefix(prefix: &[u8]) -> Option<Vec<u8>> {
    let last = prefix.iter().rposition(|byte| *byte != 0xff)?;
    let mut successor = prefix[..=last].to_vec();
    successor[last] += 1;
    Some(successor)
}

/// A value with the revisions (of its shard) at which it was made and last written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Versioned {
    /// The stored bytes.
    pub value: Bytes,
    /// The revision that created the key.
    pub created: Revision,
    /// The revision that wrote the value.
    pub modified: Revision,
}

/// What must be true of the index for a batch to happen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Precondition {
    /// The key has no value.
    Absent(Key),
    /// The key has a value.
    Present(Key),
    /// The value was last written at this revision.
    ModifiedAt(Key, Revision),
    /// No key of the range was written or deleted after this revision.
    RangeUnchangedSince(KeyRange, Revision),
}

/// One change of the index.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Operation {
    /// Writes a value.
    Put(Key, Bytes),
    /// Removes a value; nothing happens where there is none.
    Delete(Key),
    /// Removes every value of a range.
    DeleteRange(KeyRange),
}

/// An event that becomes part of the log together with the change it tells of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewEvent {
    /// What happened, encoded by the caller.
    pub body: Bytes,
    /// Opaque bytes frozen at commit, from which a transparency ledger can be built.
    pub leaf: Option<Bytes>,
}

/// A change that happens whole or not at all.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Batch {
    /// Made by the caller; committing the same id again within the memory of the store answers
    /// with the first outcome instead of repeating the change.
    pub id: u128,
    /// The shard whose revision this batch takes.
    pub shard: Shard,
    /// Checked in order; the first that fails is named by [`CommitError::Conflict`].
    pub preconditions: Vec<Precondition>,
    /// Applied in order.
    pub operations: Vec<Operation>,
    /// Written to the log in order.
    pub events: Vec<NewEvent>,
    /// The wall clock of the caller, kept with the events.
    pub at: UnixMillis,
}

/// Where a committed batch stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Committed {
    /// The revision of the shard.
    pub revision: Revision,
    /// The place in the log.
    pub position: Position,
}

/// An event as the log holds it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LoggedEvent {
    /// The place of its batch in the log.
    pub position: Position,
    /// The shard of its batch.
    pub shard: Shard,
    /// The revision of its batch.
    pub revision: Revision,
    /// Its number within the batch, from 0.
    pub index: u16,
    /// The wall clock of whoever committed it.
    pub at: UnixMillis,
    /// What happened, as the committer encoded it.
    pub body: Bytes,
    /// The opaque bytes frozen with it.
    pub leaf: Option<Bytes>,
}

/// Consecutive events of the log.
#[derive(Debug, Clone, Default)]
pub struct EventPage {
    /// The events of whole batches, in the order of the log.
    pub events: Vec<Arc<LoggedEvent>>,
    /// The position up to which (included) the log was read; the next page starts behind it.
    pub read_to: Position,
}

/// Rows of a range in the order of their keys, all seen at one moment.
#[derive(Debug, Clone, Default)]
pub struct ScanPage {
    /// Keys with their values.
    pub rows: Vec<(Key, Versioned)>,
    /// Where the next page starts; none when the range is exhausted.
    pub next: Option<Key>,
}

/// Numbers that callers must keep within; lower than what any engine behind the port allows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Longest key in bytes.
    pub key_bytes: usize,
    /// Longest value in bytes.
    pub value_bytes: usize,
    /// Most operations, preconditions and events in one batch, each.
    pub batch_operations: usize,
    /// Most bytes of one batch.
    pub batch_bytes: usize,
    /// Most rows of one page.
    pub page_rows: usize,
}

/// The store's own numbers, for people and metrics.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct StoreStatus {
    /// The engine that holds the index, e.g. `redb`.
    pub index: String,
    /// The last durable position of the log.
    pub position: Position,
    /// The oldest position that can still be read as events.
    pub oldest_event: Position,
    /// Segments of the journal.
    pub segments: u64,
    /// Bytes of the journal.
    pub journal_bytes: u64,
    /// Bytes of the index.
    pub index_bytes: u64,
    /// The position of the newest checkpoint; 0 where there is none.
    pub checkpoint: Position,
}

/// A reader of the log whose place in it is kept with the log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Consumer {
    /// Its name, unique in the store.
    pub name: String,
    /// The position up to which (included) it has read.
    pub position: Position,
}

/// Why a durable consumer was not registered, advanced or dropped.
#[derive(Debug, thiserror::Error)]
pub enum ConsumerError {
    /// Nobody has this name: register first.
    #[error("there is no consumer of this name")]
    Unknown,
    /// The position is behind the head: nobody has read it yet.
    #[error("position {to} is behind the end of the log, which is {head}")]
    Beyond {
        /// The position.
        to: Position,
        /// The last one.
        head: Position,
    },
    /// The name is empty or too long.
    #[error("the name of a consumer has 1 to {max} bytes")]
    BadName {
        /// Most bytes.
        max: usize,
    },
    /// There are as many as there may be: drop one.
    #[error("there are {max} consumers, which is the most")]
    TooMany {
        /// Most consumers.
        max: usize,
    },
    /// It could not be written down; nothing was changed.
    #[error("the consumers could not be written down")]
    Failed(#[source] Box<dyn std::error::Error + Send + Sync>),
}

/// Why a batch did not happen, named for what the caller does next.
#[derive(Debug, thiserror::Error)]
pub enum CommitError {
    /// A precondition did not hold: read again, decide again.
    #[error("precondition {index} does not hold (the key was last written at revision {found:?})")]
    Conflict {
        /// The number of the precondition in the batch.
        index: usize,
        /// The revision found at its key; none where the key has no value.
        found: Option<Revision>,
    },
    /// The batch breaks one of [`Limits`]: make it smaller.
    #[error("the batch has {got} {what}, at most {max} are allowed")]
    TooLarge {
        /// What there is too much of.
        what: &'static str,
        /// How much there is.
        got: usize,
        /// How much is allowed.
        max: usize,
    },
    /// The disk has no room; nothing was changed.
    #[error("the disk of the store is full")]
    DiskFull,
    /// The store is closing or closed; nothing was changed.
    #[error("the store is closed")]
    Closed,
    /// Whether it happened is not known: look before trying again.
    #[error("the outcome of the commit is not known")]
    Ambiguous,
}

/// Why something could not be read.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// The log begins later than asked: list again, then go on from there.
    #[error("events before position {oldest} are no longer kept")]
    Compacted {
        /// The oldest position that can be read.
        oldest: Position,
    },
    /// Bytes on disk are not what was written; the text names file and offset.
    #[error("damaged: {what}")]
    Corrupt {
        /// What is damaged and where.
        what: String,
    },
    /// The engine or the disk failed.
    #[error("the store could not be read")]
    Failed(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// The store is closed.
    #[error("the store is closed")]
    Closed,
}

/// The one database of an installation.
#[async_trait]
pub trait MetaStore: Send + Sync + 'static {
    /// The values of some keys, all seen at one moment.
    async fn read(&self, keys: &[Key]) -> Result<Vec<Option<Versioned>>, ReadError>;

    /// At most `limit` rows of a range in key order, from `range.start` on.
    async fn scan(&self, range: KeyRange, limit: usize) -> Result<ScanPage, ReadError>;

    /// Makes a batch durable and visible, in that order, then answers.
    ///
    /// Dropping the future does not undo anything: the batch may still happen.
    async fn commit(&self, batch: Batch) -> Result<Committed, CommitError>;

    /// Events of the log behind position `after`, from at most `limit` batches. An empty page
    /// with `read_to == after` means that the log ends there.
    async fn events(&self, after: Position, limit: usize) -> Result<EventPage, ReadError>;

    /// The last position that is durable and visible; changes whenever a group was committed.
    /// A commit answers only after this shows its position.
    fn head(&self) -> tokio::sync::watch::Receiver<Position>;

    /// Registers a durable consumer that has read up to `from`, or finds the one of this name.
    /// Gives its position. What it has not read is kept, within the store's limit: a consumer
    /// that is further behind finds [`ReadError::Compacted`] when it comes back.
    async fn register_consumer(&self, name: &str, from: Position) -> Result<Position, ConsumerError>;

    /// Notes, durably, that a consumer need not read again up to `to`. It never goes back.
    async fn advance_consumer(&self, name: &str, to: Position) -> Result<(), ConsumerError>;

    /// Forgets a consumer, which holds nothing back any more.
    async fn drop_consumer(&self, name: &str) -> Result<(), ConsumerError>;

    /// The durable consumers, by name.
    fn consumers(&self) -> Vec<Consumer>;

    /// The limits that hold for this store.
    fn limits(&self) -> Limits;

    /// The store's own numbers.
    fn status(&self) -> StoreStatus;

    /// Its queues and caches, and how long it takes; nothing where it has none.
    fn vitals(&self) -> Vitals {
        Vitals::default()
    }

    /// Makes the index durable up to the head, so that the next start replays little, and writes
    /// down what the log amounts to, so that it may be trimmed and the index be made again.
    async fn checkpoint(&self) -> Result<(), ReadError>;

    /// Refuses further commits, finishes those under way and makes the index durable.
    async fn close(&self);
}
