//! A store in a temporary directory, and what tests do with it again and again.

use std::future::Future;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use futures::StreamExt;
use sha2::{Digest as _, Sha256};
use star_artifact::{OpenError, PackedStore};
use star_core::ports::content::{ByteRange, ContentError, ContentRef, ContentStore, Expected, Reading};
use star_core::ports::meta::{Batch, MetaStore, Operation, Precondition, Shard};
use star_path::Digest;
use star_testkit::MemoryMeta;
use tempfile::TempDir;

/// A store, and the metadata store that holds its rows.
pub(crate) struct Fixture {
    pub(crate) dir: TempDir,
    pub(crate) meta: Arc<MemoryMeta>,
    pub(crate) store: Arc<PackedStore>,
}

impl Fixture {
    pub(crate) async fn new() -> Fixture {
        let (dir, meta) = (tempfile::tempdir().unwrap(), MemoryMeta::new());
        let store = PackedStore::open(dir.path(), Arc::<MemoryMeta>::clone(&meta)).await.unwrap();
        Fixture { dir, meta, store }
    }

    /// The store after the process was started again. The writers end a moment after the store.
    pub(crate) async fn reopened(self) -> Fixture {
        let Fixture { dir, meta, store } = self;
        drop(store);
        loop {
            match PackedStore::open(dir.path(), Arc::<MemoryMeta>::clone(&meta)).await {
                Ok(store) => return Fixture { dir, meta, store },
                Err(OpenError::InUse(_)) => tokio::time::sleep(Duration::from_millis(1)).await,
                Err(error) => panic!("{error:?}"),
            }
        }
    }

    /// The store as its callers see it.
    pub(crate) fn port(&self) -> Arc<dyn ContentStore> {
        Arc::<PackedStore>::clone(&self.store)
    }

    /// Takes bytes in and refers to them.
    pub(crate) async fn keep(&self, bytes: &Bytes) -> ContentRef {
        let content = put_whole(&*self.store, bytes).await;
        self.refer(&content).await;
        content
    }

    pub(crate) async fn refer(&self, content: &ContentRef) {
        let reference = self.store.refer(content).await.unwrap();
        self.commit(reference.preconditions, reference.operations).await;
    }

    pub(crate) async fn commit(&self, preconditions: Vec<Precondition>, operations: Vec<Operation>) {
        let id = star_wire::MessageId::next().as_u128();
        let shard = Shard::of_space("acme");
        self.meta.commit(Batch { id, shard, preconditions, operations, events: Vec::new(), at: 0 }).await.unwrap();
    }

    /// Bytes of all packs, as far as something was written to them.
    pub(crate) fn packed_bytes(&self) -> u64 {
        fn of(dir: &Path) -> u64 {
            let entries = std::fs::read_dir(dir).unwrap().map(|entry| entry.unwrap());
            let sizes = entries.map(|entry| match entry.file_type().unwrap().is_dir() {
                true => of(&entry.path()),
                false if entry.path().extension().is_some_and(|end| end == "pack") => entry.metadata().unwrap().len(),
                false => 0,
            });
            sizes.sum()
        }
        of(self.dir.path())
    }
}

/// Bytes that look like nothing and are the same each time.
pub(crate) fn noise(len: usize, seed: u64) -> Bytes {
    let mut state = seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1;
    let mut bytes = BytesMut::with_capacity(len + 8);
    while bytes.len() < len {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        bytes.extend_from_slice(&state.to_le_bytes());
    }
    bytes.truncate(len);
    bytes.freeze()
}

/// Bytes that can be compressed and are the same each time.
pub(crate) fn text(len: usize, seed: u64) -> Bytes {
    let words = noise(len / 2 + 64, seed);
    let mut bytes = BytesMut::with_capacity(len + 64);
    for word in words.chunks(16) {
        bytes.extend_from_slice(word);
        bytes.extend_from_slice(b"the same again, ");
    }
    bytes.truncate(len);
    bytes.freeze()
}

pub(crate) fn content(bytes: &[u8]) -> ContentRef {
    let digest = Digest::sha256(Sha256::digest(bytes).into());
    ContentRef { digest, size_bytes: bytes.len() as u64 }
}

/// Takes bytes in, in pieces of this length.
pub(crate) async fn put(
    store: &dyn ContentStore,
    bytes: &Bytes,
    piece: usize,
    expected: Expected,
) -> Result<ContentRef, ContentError> {
    let mut ingest = store.ingest(expected).await?;
    let mut rest = bytes.clone();
    while !rest.is_empty() {
        ingest.write(rest.split_to(piece.min(rest.len()))).await?;
    }
    ingest.finish().await
}

pub(crate) async fn put_whole(store: &dyn ContentStore, bytes: &Bytes) -> ContentRef {
    put(store, bytes, 100_000, Expected::default()).await.unwrap()
}

/// Reads all that a reading gives.
pub(crate) async fn get(
    store: &dyn ContentStore,
    content: &ContentRef,
    range: Option<ByteRange>,
) -> Result<Bytes, ContentError> {
    match store.read(content, range).await? {
        Reading::Whole(bytes) => Ok(bytes),
        Reading::Stream(mut stream) => {
            let mut all = BytesMut::new();
            while let Some(piece) = stream.next().await {
                all.extend_from_slice(&piece?);
            }
            Ok(all.freeze())
        }
    }
}

/// Waits for something that has to come, and fails the test if it does not.
pub(crate) async fn soon<T>(what: impl Future<Output = T>) -> T {
    tokio::time::timeout(Duration::from_secs(60), what).await.expect("it comes within a minute")
}

/// Waits for a condition.
pub(crate) async fn until(condition: impl Fn() -> bool) {
    let check = async {
        while !condition() {
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
    };
    soon(check).await;
}
