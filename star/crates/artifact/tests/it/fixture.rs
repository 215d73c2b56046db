//! A store in a temporary directory, and what tests do with it again and again.

use std::future::Future;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use futures::StreamExt;
use sha2::{Digest as _, Sha256};
use star_artifact::{DiskStore, Options};
use star_core::ports::content::{ByteRange, ContentError, ContentRef, ContentStore, Expected, Reading};
use star_path::Digest;
use tempfile::TempDir;

/// A store and its directory.
pub(crate) struct Fixture {
    pub(crate) dir: TempDir,
    pub(crate) store: Arc<DiskStore>,
}

impl Fixture {
    pub(crate) fn new() -> Fixture {
        Fixture::with(Options::default())
    }

    pub(crate) fn with(options: Options) -> Fixture {
        let dir = directory();
        let store = DiskStore::open(dir.path(), options).unwrap();
        Fixture { dir, store }
    }

    /// The store after the process was started again.
    pub(crate) fn reopened(self) -> Fixture {
        let Fixture { dir, store } = self;
        drop(store);
        let store = DiskStore::open(dir.path(), Options::default()).unwrap();
        Fixture { dir, store }
    }

    /// The file of a content.
    pub(crate) fn file(&self, digest: &Digest) -> PathBuf {
        let hex = digest.hex().to_string();
        self.dir.path().join("content").join(&hex[..3]).join(&hex)
    }

    /// Names of all files in the store but its marker.
    pub(crate) fn files(&self) -> Vec<PathBuf> {
        let content = self.dir.path().join("content");
        let dirs = std::fs::read_dir(content).unwrap().map(|entry| entry.unwrap().path());
        dirs.filter(|path| path.is_dir())
            .flat_map(|dir| std::fs::read_dir(dir).unwrap())
            .map(|entry| entry.unwrap().path())
            .collect()
    }
}

/// A directory for a store: in memory where there is one, because removing the 4,096 directories
/// of a store from a busy disk takes seconds.
fn directory() -> TempDir {
    tempfile::tempdir_in("/dev/shm").or_else(|_| tempfile::tempdir()).unwrap()
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
