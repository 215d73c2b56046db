//! What a store does when the disk, the engine or the bytes are not as they should be.

mod checkpoint;
mod copies;
mod damage;
mod disk;
mod engine;
mod flips;
mod full;
mod index;
mod maintain;
mod power;
mod sim;
mod states;
mod torn;

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use bytes::Bytes;
use star_core::ports::meta::{Batch, CommitError, Committed, Key, MetaStore, NewEvent, Operation, Shard};

use crate::{IndexKind, OpenError, OpenOptions, Store};

/// A batch that puts one value and tells one event.
fn putting(key: &str, value: &[u8]) -> Batch {
    static NEXT: AtomicU64 = AtomicU64::new(1);
    Batch {
        id: u128::from(NEXT.fetch_add(1, Ordering::Relaxed)),
        shard: Shard::new(1).unwrap(),
        preconditions: Vec::new(),
        operations: vec![Operation::Put(Key::new(key.to_owned()), Bytes::copy_from_slice(value))],
        events: vec![NewEvent { body: Bytes::copy_from_slice(key.as_bytes()), leaf: None }],
        at: 5,
    }
}

async fn put(store: &Store, key: &str) -> Result<Committed, CommitError> {
    store.commit(putting(key, key.as_bytes())).await
}

/// The values under `k0`, `k1` … as far as they go.
async fn count(store: &Store) -> usize {
    let mut number = 0;
    loop {
        let rows = store.read(&[Key::new(format!("k{number}"))]).await.unwrap();
        if rows[0].is_none() {
            return number;
        }
        number += 1;
    }
}

fn open(dir: &Path, kind: IndexKind) -> Result<Arc<Store>, OpenError> {
    let disk = Arc::new(disk::FaultyDisk::that_syncs_nothing());
    Store::open(OpenOptions { disk, ..OpenOptions::new(dir).with_index(kind) })
}

/// A closed store with `k0` to `k{count-1}`, and the length of the journal after each of them,
/// beginning with the empty one.
async fn written(dir: &Path, kind: IndexKind, count: usize) -> Vec<usize> {
    let store = open(dir, kind).unwrap();
    let mut lengths = vec![store.status().journal_bytes as usize];
    for number in 0..count {
        put(&store, &format!("k{number}")).await.unwrap();
        lengths.push(store.status().journal_bytes as usize);
    }
    store.close().await;
    lengths
}

fn segment(dir: &Path, first: u64) -> PathBuf {
    dir.join("journal").join(format!("{first:016x}.seg"))
}

/// A directory with nothing but a journal of these bytes.
fn with_journal(bytes: &[u8]) -> tempfile::TempDir {
    let dir = tempfile::tempdir().unwrap();
    fs::create_dir(dir.path().join("journal")).unwrap();
    fs::write(segment(dir.path(), 1), bytes).unwrap();
    dir
}

/// Flips one bit of a file.
fn flip(path: &Path, at: usize) {
    let mut bytes = fs::read(path).unwrap();
    bytes[at] ^= 1 << (at % 8);
    fs::write(path, bytes).unwrap();
}
