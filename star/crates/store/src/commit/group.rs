//! Judging the batches of a group, one after the other, against the index and each other.

use star_core::ports::meta::{Batch, Committed, Key, KeyRange, Precondition, Revision, SHARDS, Shard};

use super::erasures::Erasures;
use super::outcomes::Outcomes;
use super::overlay::{Overlay, Touched};
use crate::index::{Index, IndexError, Record, Row};
use crate::journal::append::{Appender, Entry};

/// What the writer remembers besides the index.
#[derive(Debug)]
pub(crate) struct Memory {
    revisions: Vec<Revision>,
    pub(crate) erasures: Erasures,
    pub(crate) outcomes: Outcomes,
}

impl Memory {
    /// The memory of an empty store.
    pub(crate) fn empty() -> Memory {
        Memory { revisions: vec![0; usize::from(SHARDS)], erasures: Erasures::default(), outcomes: Outcomes::default() }
    }

    /// The last revision of a shard.
    pub(crate) fn revision(&self, shard: Shard) -> Revision {
        self.revisions[usize::from(shard.number())]
    }

    /// Learns the last revision of a shard.
    pub(crate) fn set_revision(&mut self, shard: Shard, revision: Revision) {
        self.revisions[usize::from(shard.number())] = revision;
    }

    /// Learns of a batch that is durable.
    pub(crate) fn note(&mut self, id: u128, record: &Record) {
        self.set_revision(record.shard, record.revision);
        self.erasures.note(record);
        self.outcomes.note(id, Committed { revision: record.revision, position: record.position });
    }
}

/// What becomes of a batch, provided that its group is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// It has happened before, and is durable.
    Repeated(Committed),
    /// It happens.
    Happens(Committed),
    /// It happens as an earlier batch of the group, which has the same id.
    HappensOnce(Committed),
    /// A precondition does not hold.
    Conflict {
        /// Its number.
        index: usize,
        /// The revision found.
        found: Option<Revision>,
    },
}

/// A group in the making.
pub(crate) struct Group<'a> {
    index: &'a dyn Index,
    memory: &'a Memory,
    appender: &'a mut Appender,
    overlay: Overlay,
    ids: Vec<u128>,
    records: Vec<Record>,
}

impl<'a> Group<'a> {
    /// An empty group.
    pub(crate) fn new(index: &'a dyn Index, memory: &'a Memory, appender: &'a mut Appender) -> Group<'a> {
        Group { index, memory, appender, overlay: Overlay::default(), ids: Vec::new(), records: Vec::new() }
    }

    /// Judges a batch and, if it happens, stages its frame and takes its operations.
    pub(crate) fn admit(&mut self, batch: &mut Batch, body: &[u8]) -> Result<Verdict, IndexError> {
        if let Some(committed) = self.memory.outcomes.of(batch.id) {
            return Ok(Verdict::Repeated(committed));
        }
        if let Some(committed) = self.overlay.outcome(batch.id) {
            return Ok(Verdict::HappensOnce(committed));
        }
        for (index, precondition) in batch.preconditions.iter().enumerate() {
            if let Err(found) = self.holds(precondition, batch.shard)? {
                return Ok(Verdict::Conflict { index, found });
            }
        }
        let shard = batch.shard;
        let revision = self.overlay.revision(shard).unwrap_or_else(|| self.memory.revision(shard)) + 1;
        let position = self.appender.stage(&Entry { shard, revision, id: batch.id, at: batch.at, body });
        let record = Record { position, shard, revision, operations: std::mem::take(&mut batch.operations) };
        self.overlay.apply(batch.id, &record);
        self.ids.push(batch.id);
        self.records.push(record);
        Ok(Verdict::Happens(Committed { revision, position }))
    }

    /// The ids of the batches that happen, and what the index has to do for each.
    pub(crate) fn into_records(self) -> (Vec<u128>, Vec<Record>) {
        (self.ids, self.records)
    }

    /// Whether a precondition holds; where it does not, the revision that stands in its way.
    fn holds(&self, precondition: &Precondition, shard: Shard) -> Result<Result<(), Option<Revision>>, IndexError> {
        Ok(match precondition {
            Precondition::Absent(key) => match self.now(key)? {
                None => Ok(()),
                Some((_, revision)) => Err(Some(revision)),
            },
            Precondition::Present(key) => self.now(key)?.map(|_| ()).ok_or(None),
            Precondition::ModifiedAt(key, expected) => match self.now(key)? {
                Some((writer, revision)) if revision == *expected => guarded_by_one(key, writer, shard, revision),
                other => Err(other.map(|(_, revision)| revision)),
            },
            Precondition::RangeUnchangedSince(range, since) => match self.changed(range, shard, *since)? {
                None => Ok(()),
                Some(revision) => Err(Some(revision)),
            },
        })
    }

    /// The shard and revision that last wrote a key, if it has a value.
    fn now(&self, key: &Key) -> Result<Option<(Shard, Revision)>, IndexError> {
        match self.overlay.touched(key) {
            Some(Touched::Written(shard, revision)) => Ok(Some((shard, revision))),
            Some(Touched::Erased(..)) => Ok(None),
            None => {
                let row = self.index.read(std::slice::from_ref(key))?.pop().flatten();
                Ok(row.map(|Row { shard, modified, .. }| (shard, modified)))
            }
        }
    }

    fn changed(&self, range: &KeyRange, shard: Shard, since: Revision) -> Result<Option<Revision>, IndexError> {
        let known =
            self.overlay.changed_since(range, shard, since).or_else(|| self.memory.erasures.since(shard, range, since));
        match known {
            Some(revision) => Ok(Some(revision)),
            None => Ok(self.index.written_since(range, shard, since, &|_| false)?.map(|row| row.modified)),
        }
    }
}

/// Revisions count the batches of one shard, so the same number of another shard proves nothing:
/// the value may have been written twice in between. Such a batch is refused, loudly, because it
/// would be refused for ever.
fn guarded_by_one(key: &Key, writer: Shard, shard: Shard, revision: Revision) -> Result<(), Option<Revision>> {
    if writer == shard {
        return Ok(());
    }
    tracing::warn!(
        ?key,
        writer = writer.number(),
        shard = shard.number(),
        "a batch guards a key by the revision of a shard that is not its own"
    );
    Err(Some(revision))
}
