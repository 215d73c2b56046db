//! A content store in memory.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard};

use async_trait::async_trait;
use bytes::{Bytes, BytesMut};
use sha2::{Digest as _, Sha256};
use star_core::ports::content::{
    ByteRange, Coding, ContentError, ContentRef, ContentStatus, ContentStore, Expected, Ingest, Reading, Reference,
    StoredForm,
};
use star_path::Digest;

type Contents = Arc<Mutex<HashMap<Digest, Bytes>>>;

/// Contents that are forgotten with the process.
#[derive(Default)]
pub struct MemoryContent {
    contents: Contents,
    /// Those that lie in another form too.
    stored: Contents,
}

impl MemoryContent {
    /// An empty store.
    pub fn new() -> Arc<MemoryContent> {
        Arc::default()
    }

    /// Puts bytes in without ceremony.
    pub fn put(&self, bytes: impl Into<Bytes>) -> ContentRef {
        keep(&self.contents, bytes.into())
    }

    /// Has a content lie as these bytes, which are a stream of zstd of it.
    pub fn lies_as(&self, content: &ContentRef, stored: impl Into<Bytes>) {
        locked(&self.stored).insert(content.digest.clone(), stored.into());
    }
}

/// A range of bytes, which must lie inside them, or all of them.
fn part(bytes: &Bytes, range: Option<ByteRange>) -> Bytes {
    match range {
        Some(ByteRange { start, len }) => bytes.slice(start as usize..(start + len) as usize),
        None => bytes.clone(),
    }
}

fn locked(contents: &Contents) -> MutexGuard<'_, HashMap<Digest, Bytes>> {
    contents.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
}

fn keep(contents: &Contents, bytes: Bytes) -> ContentRef {
    let digest = Digest::sha256(Sha256::digest(&bytes).into());
    let size_bytes = bytes.len() as u64;
    locked(contents).insert(digest.clone(), bytes);
    ContentRef { digest, size_bytes }
}

struct MemoryIngest {
    contents: Contents,
    expected: Expected,
    bytes: BytesMut,
}

#[async_trait]
impl Ingest for MemoryIngest {
    async fn write(&mut self, bytes: Bytes) -> Result<(), ContentError> {
        self.bytes.extend_from_slice(&bytes);
        match self.expected.limit_bytes {
            Some(limit_bytes) if self.bytes.len() as u64 > limit_bytes => Err(ContentError::TooLarge { limit_bytes }),
            _ => Ok(()),
        }
    }

    async fn finish(self: Box<Self>) -> Result<ContentRef, ContentError> {
        let MemoryIngest { contents, expected, bytes } = *self;
        let bytes = bytes.freeze();
        let (size, digest) = (bytes.len() as u64, Digest::sha256(Sha256::digest(&bytes).into()));
        if let Some(expected) = expected.size_bytes.filter(|expected| *expected != size) {
            return Err(mismatch("size", &expected, &size));
        }
        match expected.digest {
            Some(expected) if expected != digest => Err(mismatch("digest", &expected, &digest)),
            _ => Ok(keep(&contents, bytes)),
        }
    }
}

fn mismatch(what: &'static str, expected: &dyn ToString, got: &dyn ToString) -> ContentError {
    ContentError::Mismatch { what, expected: expected.to_string(), got: got.to_string() }
}

#[async_trait]
impl ContentStore for MemoryContent {
    async fn ingest(&self, expected: Expected) -> Result<Box<dyn Ingest>, ContentError> {
        Ok(Box::new(MemoryIngest { contents: Arc::clone(&self.contents), expected, bytes: BytesMut::new() }))
    }

    async fn stat(&self, digest: &Digest) -> Result<Option<ContentRef>, ContentError> {
        let size = locked(&self.contents).get(digest).map(Bytes::len);
        Ok(size.map(|size| ContentRef { digest: digest.clone(), size_bytes: size as u64 }))
    }

    async fn read(&self, content: &ContentRef, range: Option<ByteRange>) -> Result<Reading, ContentError> {
        let bytes = locked(&self.contents).get(&content.digest).cloned();
        let bytes = bytes.ok_or_else(|| ContentError::Unknown(content.digest.clone()))?;
        Ok(Reading::Whole(part(&bytes, range)))
    }

    async fn stored_form(&self, content: &ContentRef) -> Result<Option<StoredForm>, ContentError> {
        let size = locked(&self.stored).get(&content.digest).map(Bytes::len);
        Ok(size.map(|size| StoredForm { coding: Coding::Zstd, size_bytes: size as u64 }))
    }

    async fn read_stored(
        &self,
        content: &ContentRef,
        form: StoredForm,
        range: Option<ByteRange>,
    ) -> Result<Reading, ContentError> {
        let stored = locked(&self.stored).get(&content.digest).cloned();
        let stored = stored.filter(|stored| stored.len() as u64 == form.size_bytes);
        stored.map(|stored| Reading::Whole(part(&stored, range))).ok_or_else(|| ContentError::no_stored_form(content))
    }

    async fn refer(&self, content: &ContentRef) -> Result<Reference, ContentError> {
        let held = self.stat(&content.digest).await?;
        held.map(|_| Reference::default()).ok_or_else(|| ContentError::Unknown(content.digest.clone()))
    }

    /// Nothing is ever removed here.
    async fn keep_with(&self, _: &[ContentRef], _: &ContentRef) -> Result<(), ContentError> {
        Ok(())
    }

    fn status(&self) -> ContentStatus {
        let contents = locked(&self.contents);
        ContentStatus {
            contents: contents.len() as u64,
            bytes: contents.values().map(|bytes| bytes.len() as u64).sum(),
        }
    }
}
