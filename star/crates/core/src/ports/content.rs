//! The content store: immutable bytes named by the SHA-256 of the whole.
//!
//! Bytes come in through an [`Ingest`] and go out as a stream of known length; neither is ever
//! held whole in memory. What a finished ingest returns is durable: whoever then commits a
//! reference to it may be sure that the bytes are there after a crash. They stay there as long as
//! somebody refers to them; that is why whoever commits a reference puts a [`Reference`] into the batch.

use std::pin::Pin;

use async_trait::async_trait;
use bytes::Bytes;
use futures::Stream;
use serde::{Deserialize, Serialize};
use star_path::Digest;

use super::meta::{Operation, Precondition};
use crate::vitals::Vitals;

mod upkeep;

pub use upkeep::{Check, Collect, Collected, Damaged, Upkeep, UpkeepError, Why};

/// A content: which bytes, and how many.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct ContentRef {
    /// SHA-256 of the whole.
    pub digest: Digest,
    /// Length in bytes.
    pub size_bytes: u64,
}

/// What the sender says about bytes that are about to come; checked when they have come.
#[derive(Debug, Clone, Default)]
pub struct Expected {
    /// The digest of the whole.
    pub digest: Option<Digest>,
    /// The length of the whole.
    pub size_bytes: Option<u64>,
    /// The most bytes that are accepted.
    pub limit_bytes: Option<u64>,
}

/// A span of bytes: `len` bytes from `start` on. Always lies inside its content.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ByteRange {
    /// Offset of the first byte.
    pub start: u64,
    /// Count of bytes.
    pub len: u64,
}

/// Bytes of a content as they come off the store, plain or in its stored form.
///
/// An error in the middle means that the answer must be aborted: what follows is not what was
/// written.
pub type ByteStream = Pin<Box<dyn Stream<Item = Result<Bytes, ContentError>> + Send>>;

/// A reading of a content.
pub enum Reading {
    /// Small contents come whole, without a stream around them.
    Whole(Bytes),
    /// Larger ones come piece by piece; exactly as many bytes as the range has.
    Stream(ByteStream),
}

/// How the stored form of a content is coded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Coding {
    /// Frames of zstd, one behind the other, which are one stream of zstd (RFC 8878).
    Zstd,
}

/// The form in which a content lies in its store, where that is not its plain bytes and is shorter: it
/// can be sent as it lies to whoever decodes it.
///
/// Its bytes stay the same for as long as the content is held.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct StoredForm {
    /// How it is coded.
    pub coding: Coding,
    /// Its length in bytes.
    pub size_bytes: u64,
}

/// Numbers of the content store for people and metrics.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct ContentStatus {
    /// Contents held.
    pub contents: u64,
    /// Their bytes on disk.
    pub bytes: u64,
}

/// What a batch has to say so that it may refer to a content. Where a precondition of it does not hold,
/// ask again: the content was published by somebody else meanwhile, or it is gone.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Reference {
    /// The bytes are there, and nobody is about to remove them.
    pub preconditions: Vec<Precondition>,
    /// What the store writes down of a content that nobody referred to before.
    pub operations: Vec<Operation>,
}

/// Why bytes could not be taken in or given out, named for what the caller does next.
#[derive(Debug, thiserror::Error)]
pub enum ContentError {
    /// There is no such content.
    #[error("there is no content {0}")]
    Unknown(Digest),
    /// The bytes that came are not those that were announced.
    #[error("the bytes do not match what was announced: {what} is {got}, {expected} was announced")]
    Mismatch {
        /// `digest` or `size`.
        what: &'static str,
        /// What was announced.
        expected: String,
        /// What came.
        got: String,
    },
    /// More bytes than allowed.
    #[error("more than {limit_bytes} bytes")]
    TooLarge {
        /// The most that is allowed.
        limit_bytes: u64,
    },
    /// The disk has no room; nothing was kept.
    #[error("the disk of the content store is full")]
    DiskFull,
    /// What is on disk is not what was written.
    #[error("content {digest} is damaged: {what}")]
    Corrupt {
        /// The content.
        digest: Digest,
        /// What does not fit.
        what: String,
    },
    /// The disk failed.
    #[error("the content store could not {action}")]
    Io {
        /// What was tried.
        action: &'static str,
        /// Why it failed.
        #[source]
        source: std::io::Error,
    },
}

impl ContentError {
    /// The error that a content does not lie in the form in which it is to be read. Who asks for the form
    /// again is told what there is.
    pub fn no_stored_form(content: &ContentRef) -> ContentError {
        let what = format!("content {} does not lie in this form; ask again for its form", content.digest);
        ContentError::Io { action: "read the stored form", source: std::io::Error::other(what) }
    }
}

/// Bytes on their way in. Dropping it forgets them.
#[async_trait]
pub trait Ingest: Send {
    /// Takes the next bytes. Waits while the disk is behind.
    async fn write(&mut self, bytes: Bytes) -> Result<(), ContentError>;

    /// Checks what was announced, makes the content durable and answers its name.
    async fn finish(self: Box<Self>) -> Result<ContentRef, ContentError>;
}

/// Where bytes live.
#[async_trait]
pub trait ContentStore: Send + Sync + 'static {
    /// Starts to take in a content.
    async fn ingest(&self, expected: Expected) -> Result<Box<dyn Ingest>, ContentError>;

    /// The size of a content, if it is held.
    async fn stat(&self, digest: &Digest) -> Result<Option<ContentRef>, ContentError>;

    /// Plain bytes of a content. `range` must lie inside it; `None` is the whole.
    async fn read(&self, content: &ContentRef, range: Option<ByteRange>) -> Result<Reading, ContentError>;

    /// The form in which a content lies, if it is of use to send it so. None in stores that keep plain
    /// bytes.
    async fn stored_form(&self, _content: &ContentRef) -> Result<Option<StoredForm>, ContentError> {
        Ok(None)
    }

    /// Bytes of the stored form of a content, which [`stored_form`](ContentStore::stored_form) told of.
    /// `range` counts in that form and must lie inside it; `None` is the whole.
    async fn read_stored(
        &self,
        content: &ContentRef,
        _form: StoredForm,
        _range: Option<ByteRange>,
    ) -> Result<Reading, ContentError> {
        Err(ContentError::no_stored_form(content))
    }

    /// What a batch has to say that refers to a content. [`ContentError::Unknown`] where it is not held.
    async fn refer(&self, content: &ContentRef) -> Result<Reference, ContentError>;

    /// Keeps contents for as long as another one is kept, that names them: to be done before anybody
    /// refers to that one.
    async fn keep_with(&self, named: &[ContentRef], by: &ContentRef) -> Result<(), ContentError>;

    /// The store's own numbers.
    fn status(&self) -> ContentStatus;

    /// What takes away what nobody refers to; none where nothing ever goes.
    fn upkeep(&self) -> Option<&dyn Upkeep> {
        None
    }

    /// Its queues and caches, and how long it takes; nothing where it has none.
    fn vitals(&self) -> Vitals {
        Vitals::default()
    }
}
