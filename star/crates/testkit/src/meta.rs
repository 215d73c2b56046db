//! A metadata store in memory.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, MutexGuard};

use async_trait::async_trait;
use star_core::ports::meta::{
    Batch, CommitError, Committed, Consumer, ConsumerError, EventPage, Key, KeyRange, Limits, LoggedEvent, MetaStore,
    Operation, Position, Precondition, ReadError, Revision, ScanPage, StoreStatus, Versioned,
};
use tokio::sync::watch;

/// A store that forgets everything with the process, and can be told to fail.
pub struct MemoryMeta {
    state: Mutex<State>,
    head: watch::Sender<Position>,
}

#[derive(Default)]
struct State {
    rows: BTreeMap<Key, Versioned>,
    deleted: Vec<(KeyRange, Revision)>,
    revisions: HashMap<u16, Revision>,
    log: Vec<Vec<Arc<LoggedEvent>>>,
    /// Batches at the beginning of the log that are no longer kept.
    forgotten: Position,
    /// How often events were read.
    event_reads: u64,
    consumers: BTreeMap<String, Position>,
    disk_full: bool,
    /// Commits after which the disk is full.
    commits_left: Option<u64>,
}

impl MemoryMeta {
    /// An empty store.
    pub fn new() -> Arc<MemoryMeta> {
        Arc::new(MemoryMeta { state: Mutex::default(), head: watch::channel(0).0 })
    }

    /// From now on (or no longer) every commit fails as on a full disk.
    pub fn set_disk_full(&self, full: bool) {
        let mut state = self.state();
        (state.disk_full, state.commits_left) = (full, None);
    }

    /// Every commit fails after as many more, as if the process had ended there.
    pub fn fail_after(&self, commits: u64) {
        self.state().commits_left = Some(commits);
    }

    /// From now on events up to a position are no longer kept.
    pub fn forget_events_up_to(&self, position: Position) {
        self.state().forgotten = position;
    }

    /// How often events were read so far.
    pub fn event_reads(&self) -> u64 {
        self.state().event_reads
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }
}

impl State {
    fn holds(&self, precondition: &Precondition) -> bool {
        match precondition {
            Precondition::Absent(key) => !self.rows.contains_key(key),
            Precondition::Present(key) => self.rows.contains_key(key),
            Precondition::ModifiedAt(key, revision) => self.rows.get(key).is_some_and(|row| row.modified == *revision),
            Precondition::RangeUnchangedSince(range, revision) => {
                let written = self.rows.range(range.start.clone()..).take_while(|(key, _)| range.contains(key));
                let deleted = self
                    .deleted
                    .iter()
                    .any(|(other, at)| at > revision && (range.contains(&other.start) || other.contains(&range.start)));
                !deleted && written.into_iter().all(|(_, row)| row.modified <= *revision)
            }
        }
    }

    fn apply(&mut self, operation: Operation, revision: Revision) {
        match operation {
            Operation::Put(key, value) => {
                let created = self.rows.get(&key).map_or(revision, |row| row.created);
                self.rows.insert(key, Versioned { value, created, modified: revision });
            }
            Operation::Delete(key) => {
                self.rows.remove(&key);
                self.deleted
                    .push((KeyRange { end: Some(Key::new([key.as_bytes(), &[0]].concat())), start: key }, revision));
            }
            Operation::DeleteRange(range) => {
                self.rows.retain(|key, _| !range.contains(key));
                self.deleted.push((range, revision));
            }
        }
    }
}

/// Those of the real store.
const LIMITS: Limits = Limits {
    key_bytes: 2_000,
    value_bytes: 64 * 1024,
    batch_operations: 512,
    batch_bytes: 1024 * 1024,
    page_rows: 1_000,
};

/// Refuses a batch that has too much of something, as the real store does; lengths are its own affair.
fn check_size(batch: &Batch) -> Result<(), CommitError> {
    let Batch { operations, preconditions, events, .. } = batch;
    let counts = [("operations", operations.len()), ("preconditions", preconditions.len()), ("events", events.len())];
    match counts.into_iter().find(|(_, got)| *got > LIMITS.batch_operations) {
        Some((what, got)) => Err(CommitError::TooLarge { what, got, max: LIMITS.batch_operations }),
        None => Ok(()),
    }
}

#[async_trait]
impl MetaStore for MemoryMeta {
    async fn read(&self, keys: &[Key]) -> Result<Vec<Option<Versioned>>, ReadError> {
        let state = self.state();
        Ok(keys.iter().map(|key| state.rows.get(key).cloned()).collect())
    }

    async fn scan(&self, range: KeyRange, limit: usize) -> Result<ScanPage, ReadError> {
        let state = self.state();
        let mut inside = state.rows.range(range.start.clone()..).take_while(|(key, _)| range.contains(key));
        let rows = inside.by_ref().take(limit).map(|(key, row)| (key.clone(), row.clone())).collect();
        Ok(ScanPage { rows, next: inside.next().map(|(key, _)| key.clone()) })
    }

    async fn commit(&self, batch: Batch) -> Result<Committed, CommitError> {
        check_size(&batch)?;
        let mut state = self.state();
        if state.disk_full {
            return Err(CommitError::DiskFull);
        }
        match &mut state.commits_left {
            Some(0) => return Err(CommitError::DiskFull),
            Some(left) => *left -= 1,
            None => {}
        }
        if let Some(index) = batch.preconditions.iter().position(|precondition| !state.holds(precondition)) {
            return Err(CommitError::Conflict { index, found: None });
        }
        let shard = batch.shard;
        let revision = state.revisions.get(&shard.number()).copied().unwrap_or(0) + 1;
        state.revisions.insert(shard.number(), revision);
        for operation in batch.operations {
            state.apply(operation, revision);
        }
        let position = state.log.len() as Position + 1;
        let event = |(index, event): (usize, star_core::ports::meta::NewEvent)| {
            let index = u16::try_from(index).unwrap_or(u16::MAX);
            Arc::new(LoggedEvent { position, shard, revision, index, at: batch.at, body: event.body, leaf: event.leaf })
        };
        let events = batch.events.into_iter().enumerate().map(event).collect();
        state.log.push(events);
        drop(state);
        self.head.send_replace(position);
        Ok(Committed { revision, position })
    }

    async fn events(&self, after: Position, limit: usize) -> Result<EventPage, ReadError> {
        let mut state = self.state();
        state.event_reads += 1;
        if after < state.forgotten {
            return Err(ReadError::Compacted { oldest: state.forgotten + 1 });
        }
        let batches = state.log.iter().skip(usize::try_from(after).unwrap_or(usize::MAX)).take(limit);
        let read_to = after + batches.clone().count() as Position;
        Ok(EventPage { events: batches.flatten().cloned().collect(), read_to })
    }

    fn head(&self) -> watch::Receiver<Position> {
        self.head.subscribe()
    }

    async fn register_consumer(&self, name: &str, from: Position) -> Result<Position, ConsumerError> {
        Ok(*self.state().consumers.entry(name.to_owned()).or_insert(from))
    }

    async fn advance_consumer(&self, name: &str, to: Position) -> Result<(), ConsumerError> {
        let head = *self.head.borrow();
        if to > head {
            return Err(ConsumerError::Beyond { to, head });
        }
        let mut state = self.state();
        let cursor = state.consumers.get_mut(name).ok_or(ConsumerError::Unknown)?;
        *cursor = to.max(*cursor);
        Ok(())
    }

    async fn drop_consumer(&self, name: &str) -> Result<(), ConsumerError> {
        self.state().consumers.remove(name).map(|_| ()).ok_or(ConsumerError::Unknown)
    }

    fn consumers(&self) -> Vec<Consumer> {
        let each = self.state().consumers.clone().into_iter();
        each.map(|(name, position)| Consumer { name, position }).collect()
    }

    fn limits(&self) -> Limits {
        LIMITS
    }

    fn status(&self) -> StoreStatus {
        let position = *self.head.borrow();
        StoreStatus { index: "memory".to_owned(), position, oldest_event: 1, ..StoreStatus::default() }
    }

    async fn checkpoint(&self) -> Result<(), ReadError> {
        Ok(())
    }

    async fn close(&self) {}
}
