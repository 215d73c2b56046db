//! Bytes on their way in: collected, then hashed and written off the event loop.
//!
//! At most one batch per ingest is with a thread; while it is written, the next one is
//! collected. A thread is held for one batch and never for a whole upload, so that slow senders
//! cannot take all of them. All that is in memory counts against one budget, and who has to wait
//! for it gives away what they hold first. Dropping an ingest drops its file.

use std::fs::File;
use std::io::Write;
use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;
use rustix::fs::FallocateFlags;
use rustix::io::Errno;
use sha2::{Digest as _, Sha256};
use star_core::ports::content::{ContentError, ContentRef, Expected, Ingest};
use star_path::Digest;
use tokio::sync::OwnedSemaphorePermit;
use tokio::task::JoinHandle;

use crate::files::limits;
use crate::files::place::Place;
use crate::files::publish::{failed, publish};
use crate::files::staged::Staged;
use crate::files::steps::Step;
use crate::files::store::{Inner, joined, permit};

/// An ingest into files.
pub(crate) struct DiskIngest {
    inner: Arc<Inner>,
    expected: Expected,
    taken_bytes: u64,
    batch: Batch,
    writer: Hand,
    /// A write failed or was dropped half way: bytes are missing, so that nothing may be
    /// published.
    torn: bool,
}

/// Bytes that have been taken and not been handed on, with their share of the budget.
#[derive(Default)]
struct Batch {
    pieces: Vec<Bytes>,
    len_bytes: usize,
    budget: Option<OwnedSemaphorePermit>,
}

/// Where the writer is.
enum Hand {
    Here(Box<Writer>),
    Away(JoinHandle<Result<Box<Writer>, ContentError>>),
    /// Lost with an error that the caller has been given.
    Lost,
}

/// The file, and the digest of what is in it.
struct Writer {
    inner: Arc<Inner>,
    staged: Option<Staged>,
    hash: Sha256,
    written_bytes: u64,
    announced: Option<Place>,
    announced_bytes: Option<u64>,
    reserved_bytes: u64,
}

impl DiskIngest {
    /// Begins an ingest; refuses what is announced to be too large. Touches no disk yet.
    pub(crate) fn begin(inner: Arc<Inner>, expected: Expected) -> Result<DiskIngest, ContentError> {
        if let (Some(limit_bytes), Some(size)) = (expected.limit_bytes, expected.size_bytes)
            && size > limit_bytes
        {
            return Err(ContentError::TooLarge { limit_bytes });
        }
        let writer = Writer {
            inner: Arc::clone(&inner),
            staged: None,
            hash: Sha256::new(),
            written_bytes: 0,
            announced: expected.digest.as_ref().and_then(Place::of),
            announced_bytes: expected.size_bytes,
            reserved_bytes: 0,
        };
        let writer = Hand::Here(Box::new(writer));
        Ok(DiskIngest { inner, expected, taken_bytes: 0, batch: Batch::default(), writer, torn: false })
    }

    /// Refuses bytes beyond the limit or the announced size as soon as they come.
    fn admit(&mut self, len: usize) -> Result<(), ContentError> {
        let total = self.taken_bytes.saturating_add(len as u64);
        if let Some(limit_bytes) = self.expected.limit_bytes.filter(|limit| total > *limit) {
            return Err(ContentError::TooLarge { limit_bytes });
        }
        if let Some(size) = self.expected.size_bytes.filter(|size| total > *size) {
            return Err(mismatch("size", size, format!("at least {total}")));
        }
        self.taken_bytes = total;
        Ok(())
    }

    /// Takes one piece into the batch, waiting for the budget with empty hands.
    async fn take(&mut self, piece: Bytes) -> Result<(), ContentError> {
        let budget = &self.inner.ingest_budget;
        let wanted = u32::try_from(piece.len()).expect("a piece is at most a mebibyte");
        let share = match Arc::clone(budget).try_acquire_many_owned(wanted) {
            Ok(share) => share,
            Err(_) => {
                self.hand_on().await?;
                permit(&self.inner.ingest_budget, wanted).await
            }
        };
        self.batch.push(piece, share);
        let scarce = self.inner.ingest_budget.available_permits() < limits::INGEST_PRESSURE_BYTES;
        if scarce || self.batch.len_bytes >= limits::INGEST_BATCH_BYTES {
            self.hand_on().await?;
        }
        Ok(())
    }

    /// Hands the batch to a thread, once the one before has been written.
    async fn hand_on(&mut self) -> Result<(), ContentError> {
        self.settle().await?;
        if self.batch.pieces.is_empty() {
            return Ok(());
        }
        let slot = permit(&self.inner.write_jobs, 1).await;
        let Hand::Here(mut writer) = std::mem::replace(&mut self.writer, Hand::Lost) else {
            return Err(lost());
        };
        let batch = std::mem::take(&mut self.batch);
        self.writer = Hand::Away(tokio::task::spawn_blocking(move || {
            let _slot = slot;
            writer.append(&batch)?;
            Ok(writer)
        }));
        Ok(())
    }

    /// Waits for the writer to come back. May be cancelled: it is waited for again next time.
    async fn settle(&mut self) -> Result<(), ContentError> {
        match &mut self.writer {
            Hand::Here(_) => Ok(()),
            Hand::Lost => Err(lost()),
            Hand::Away(job) => {
                let returned = joined(job.await, "write a content");
                self.writer = Hand::Lost;
                self.writer = Hand::Here(returned?);
                Ok(())
            }
        }
    }
}

#[async_trait]
impl Ingest for DiskIngest {
    async fn write(&mut self, mut bytes: Bytes) -> Result<(), ContentError> {
        if std::mem::replace(&mut self.torn, true) {
            return Err(lost());
        }
        self.admit(bytes.len())?;
        while !bytes.is_empty() {
            let piece = bytes.split_to(bytes.len().min(limits::INGEST_PIECE_BYTES));
            self.take(piece).await?;
        }
        self.torn = false;
        Ok(())
    }

    /// Dropped half way, the content may still be published; nothing refers to it then.
    async fn finish(mut self: Box<Self>) -> Result<ContentRef, ContentError> {
        if self.torn {
            return Err(lost());
        }
        self.settle().await?;
        if let Some(size) = self.expected.size_bytes.filter(|size| *size != self.taken_bytes) {
            return Err(mismatch("size", size, self.taken_bytes));
        }
        let slot = permit(&self.inner.publish_jobs, 1).await;
        let Hand::Here(writer) = std::mem::replace(&mut self.writer, Hand::Lost) else {
            return Err(lost());
        };
        let batch = std::mem::take(&mut self.batch);
        let announced = self.expected.digest.take();
        let job = tokio::task::spawn_blocking(move || {
            let _slot = slot;
            writer.complete(batch, announced)
        });
        joined(job.await, "publish a content")
    }
}

impl Drop for DiskIngest {
    /// Forgets a file that was begun. Freeing a large one takes the filesystem a while, so a
    /// thread does it.
    fn drop(&mut self) {
        if let Hand::Here(writer) = std::mem::replace(&mut self.writer, Hand::Lost)
            && writer.staged.is_some()
            && let Ok(runtime) = tokio::runtime::Handle::try_current()
        {
            runtime.spawn_blocking(move || drop(writer));
        }
    }
}

impl Batch {
    fn push(&mut self, piece: Bytes, share: OwnedSemaphorePermit) {
        self.len_bytes += piece.len();
        self.pieces.push(piece);
        match &mut self.budget {
            Some(budget) => budget.merge(share),
            None => self.budget = Some(share),
        }
    }
}

impl Writer {
    /// Hashes and writes a batch. Blocks on the disk.
    fn append(&mut self, batch: &Batch) -> Result<(), ContentError> {
        self.reserve(batch.len_bytes as u64)?;
        let inner = Arc::clone(&self.inner);
        let mut file = self.file()?;
        inner.steps.before(Step::Write).map_err(failed("write a content"))?;
        for piece in &batch.pieces {
            file.write_all(piece).map_err(failed("write a content"))?;
        }
        for piece in &batch.pieces {
            self.hash.update(piece);
        }
        self.written_bytes += batch.len_bytes as u64;
        inner.meters.bytes_in.increment(batch.len_bytes as u64);
        Ok(())
    }

    /// The file, made when the first byte is there for it.
    fn file(&mut self) -> Result<&File, ContentError> {
        if self.staged.is_none() {
            let make = || {
                self.inner.steps.before(Step::Create)?;
                Staged::create(&self.inner.layout, self.announced.as_ref().map(|place| place.shard))
            };
            self.staged = Some(make().map_err(failed("make a file"))?);
        }
        Ok(&self.staged.as_ref().expect("made above").file)
    }

    /// Reserves room for the next bytes if more than they are announced.
    fn reserve(&mut self, coming_bytes: u64) -> Result<(), ContentError> {
        let needed = self.written_bytes + coming_bytes;
        let Some(announced) = self.announced_bytes.filter(|size| *size > needed) else {
            return Ok(());
        };
        if needed <= self.reserved_bytes {
            return Ok(());
        }
        let from = self.reserved_bytes;
        let upto = announced.min(needed + limits::RESERVE_BYTES);
        self.reserved_bytes = upto;
        self.inner.steps.before(Step::Reserve).map_err(failed("reserve room"))?;
        match rustix::fs::fallocate(self.file()?, FallocateFlags::KEEP_SIZE, from, upto - from) {
            // Room cannot be reserved everywhere; writing shows then whether there is any.
            Ok(()) | Err(Errno::OPNOTSUPP | Errno::NOSYS | Errno::INVAL) => Ok(()),
            Err(error) => Err(failed("reserve room")(error.into())),
        }
    }

    /// Writes the last batch, compares with what was announced and publishes. Blocks on the disk.
    fn complete(mut self: Box<Self>, last: Batch, announced: Option<Digest>) -> Result<ContentRef, ContentError> {
        if !last.pieces.is_empty() {
            self.append(&last)?;
        }
        drop(last);
        let place = Place::of_key(std::mem::take(&mut self.hash).finalize().into());
        let digest = place.digest();
        if let Some(announced) = announced.filter(|announced| *announced != digest) {
            return Err(mismatch("digest", announced, digest));
        }
        self.file()?;
        let staged = self.staged.take().expect("made above");
        publish(&self.inner, staged, &place, self.written_bytes)?;
        Ok(ContentRef { digest, size_bytes: self.written_bytes })
    }
}

fn mismatch(what: &'static str, expected: impl ToString, got: impl ToString) -> ContentError {
    ContentError::Mismatch { what, expected: expected.to_string(), got: got.to_string() }
}

/// The answer to whoever goes on after an error.
fn lost() -> ContentError {
    let source = std::io::Error::other("an earlier step of this ingest failed");
    ContentError::Io { action: "go on with a content", source }
}
