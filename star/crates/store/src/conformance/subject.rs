//! A store under test, with the words that cases are written in.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use bytes::Bytes;
use star_core::ports::meta::{
    Batch, CommitError, Committed, Key, KeyRange, MetaStore, NewEvent, Operation, Precondition, Revision, Shard,
    Versioned,
};
use tempfile::TempDir;

use crate::{IndexKind, OpenOptions, Store};

/// A store in a directory of its own.
pub(super) struct Subject {
    dir: TempDir,
    kind: IndexKind,
    store: Option<Arc<Store>>,
}

impl Subject {
    pub(super) fn on_memory() -> Subject {
        Subject::on(IndexKind::Memory)
    }

    pub(super) fn on_redb() -> Subject {
        Subject::on(IndexKind::Redb)
    }

    pub(super) fn on_sled() -> Subject {
        Subject::on(IndexKind::Sled)
    }

    fn on(kind: IndexKind) -> Subject {
        let mut subject = Subject { dir: tempfile::tempdir().unwrap(), kind, store: None };
        subject.open();
        subject
    }

    fn open(&mut self) {
        let options = OpenOptions::new(self.dir.path()).with_index(self.kind);
        self.store = Some(Store::open(options).unwrap());
    }

    pub(super) fn store(&self) -> Arc<dyn MetaStore> {
        Arc::clone(self.store.as_ref().unwrap()) as Arc<dyn MetaStore>
    }

    /// Closes the store and opens it again.
    pub(super) async fn restart(&mut self) {
        self.store().close().await;
        self.store = None;
        self.open();
    }

    /// Lets go of the store without closing it and opens it again.
    pub(super) fn drop_and_open(&mut self) {
        self.store = None;
        self.open();
    }

    pub(super) async fn commit(&self, batch: Batch) -> Result<Committed, CommitError> {
        self.store().commit(batch).await
    }

    /// Commits operations and gives the revision.
    pub(super) async fn apply(&self, operations: Vec<Operation>) -> Revision {
        self.commit(operations_of(operations)).await.unwrap().revision
    }

    pub(super) async fn put(&self, key: &str, value: &str) -> Revision {
        self.apply(vec![put(key, value)]).await
    }

    /// Commits nothing under a precondition.
    pub(super) async fn check(&self, precondition: Precondition) -> Result<Committed, CommitError> {
        self.commit(Batch { preconditions: vec![precondition], ..operations_of(Vec::new()) }).await
    }

    pub(super) async fn get(&self, at: &str) -> Option<Versioned> {
        self.store().read(&[key(at)]).await.unwrap().pop().unwrap()
    }

    pub(super) async fn value(&self, at: &str) -> Option<String> {
        self.get(at).await.map(|row| String::from_utf8(row.value.to_vec()).unwrap())
    }

    /// The keys of a range, read in pages.
    pub(super) async fn keys(&self, range: KeyRange) -> Vec<String> {
        let mut keys = Vec::new();
        let mut rest = range;
        loop {
            let page = self.store().scan(rest.clone(), 1_000).await.unwrap();
            keys.extend(page.rows.iter().map(|(key, _)| String::from_utf8_lossy(key.as_bytes()).into_owned()));
            match page.next {
                Some(next) => rest.start = next,
                None => return keys,
            }
        }
    }
}

pub(super) fn shard() -> Shard {
    Shard::new(7).unwrap()
}

pub(super) fn other_shard() -> Shard {
    Shard::new(8).unwrap()
}

pub(super) fn key(text: &str) -> Key {
    Key::new(Bytes::copy_from_slice(text.as_bytes()))
}

pub(super) fn range(start: &str, end: &str) -> KeyRange {
    KeyRange { start: key(start), end: Some(key(end)) }
}

pub(super) fn put(at: &str, value: &str) -> Operation {
    Operation::Put(key(at), Bytes::copy_from_slice(value.as_bytes()))
}

pub(super) fn delete(at: &str) -> Operation {
    Operation::Delete(key(at))
}

pub(super) fn event(body: &str) -> NewEvent {
    NewEvent { body: Bytes::copy_from_slice(body.as_bytes()), leaf: None }
}

/// A batch of these operations with an id that no other has.
pub(super) fn operations_of(operations: Vec<Operation>) -> Batch {
    static NEXT: AtomicU64 = AtomicU64::new(1);
    let id = u128::from(NEXT.fetch_add(1, Ordering::Relaxed));
    Batch { id, shard: shard(), preconditions: Vec::new(), operations, events: Vec::new(), at: 1_234 }
}

/// A batch of these events.
pub(super) fn events_of(events: Vec<NewEvent>) -> Batch {
    Batch { events, ..operations_of(Vec::new()) }
}

/// The number and the revision of the precondition that failed.
#[track_caller]
pub(super) fn conflict(outcome: Result<Committed, CommitError>) -> (usize, Option<Revision>) {
    match outcome {
        Err(CommitError::Conflict { index, found }) => (index, found),
        other => panic!("expected a conflict, got {other:?}"),
    }
}
