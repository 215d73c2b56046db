//! A content on its way in.
//!
//! What may be small is kept in memory until it is clear that it is not; then its bytes go through the
//! pipeline, and a task of its own takes what comes out of it.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Instant;

use async_trait::async_trait;
use bytes::{Bytes, BytesMut};
use sha2::{Digest as _, Sha256 as Hasher};
use star_core::ports::content::{ContentError, ContentRef, Expected, Ingest};
use star_path::Digest;
use tokio::task::JoinHandle;

use super::collector::{Collected, Collector};
use super::known::Known;
use super::limits;
use super::metadata::unwritable;
use super::pending::Pending;
use super::store::Inner;
use crate::chunk::cut::ChunkerParameters;
use crate::chunk::pipeline::{Feed, Frames, PipelineError, Whole};
use crate::chunk::whole::Way;
use crate::pack::Class;
use crate::rows::{self, Layout, RowError, Sha256};
use crate::share::Sharing;

pub(crate) struct PackedIngest {
    inner: Arc<Inner>,
    expected: Expected,
    /// How many bytes have come.
    came_bytes: u64,
    state: State,
}

enum State {
    /// So little has come that it may stand in its row.
    Little(BytesMut),
    /// It goes through the pipeline.
    Much(Box<Streaming>),
    /// It failed, and nothing more is taken.
    Failed,
}

struct Streaming {
    feed: Feed,
    known: Arc<Known>,
    collecting: Collecting,
}

/// A task that ends with whoever waits for it.
struct Collecting(JoinHandle<Result<Collected, ContentError>>);

impl Drop for Collecting {
    fn drop(&mut self) {
        self.0.abort();
    }
}

impl PackedIngest {
    pub(crate) fn begin(inner: Arc<Inner>, expected: Expected) -> Result<PackedIngest, ContentError> {
        if let (Some(size_bytes), Some(limit_bytes)) = (expected.size_bytes, expected.limit_bytes)
            && size_bytes > limit_bytes
        {
            return Err(ContentError::TooLarge { limit_bytes });
        }
        Ok(PackedIngest { inner, expected, came_bytes: 0, state: State::Little(BytesMut::new()) })
    }

    fn check_size(&self) -> Result<(), ContentError> {
        if let Some(limit_bytes) = self.expected.limit_bytes.filter(|limit| self.came_bytes > *limit) {
            return Err(ContentError::TooLarge { limit_bytes });
        }
        match self.expected.size_bytes {
            Some(expected) if self.came_bytes > expected => Err(mismatch("size", &expected, &self.came_bytes)),
            _ => Ok(()),
        }
    }

    /// Begins to stream, with what came so far.
    fn stream(&mut self) -> Streaming {
        let Inner { packs, table, leases, pipeline, ingest_bytes, .. } = &*self.inner;
        let known = Arc::new(Known::new(Arc::clone(packs), Arc::clone(table), Arc::clone(leases)));
        let asked = Arc::clone(&known);
        let has = Box::new(move |chunk: &_| asked.has(chunk));
        let (feed, frames) = pipeline.begin(ChunkerParameters::STANDARD, Arc::clone(ingest_bytes), has);
        let expected_bytes = self.expected.size_bytes.unwrap_or_default();
        let collecting = collect(Arc::clone(&self.inner), frames, Arc::clone(&known), expected_bytes);
        Streaming { feed, known, collecting: Collecting(tokio::spawn(collecting)) }
    }

    /// Hands bytes to the pipeline. After an error nothing more is taken.
    async fn push(&mut self, bytes: Bytes) -> Result<(), ContentError> {
        let State::Much(streaming) = &mut self.state else { return Err(failed_before()) };
        let pushed = streaming.push(bytes).await;
        if pushed.is_err() {
            self.state = State::Failed;
        }
        pushed
    }

    fn checked(&self, digest: &Digest, size_bytes: u64) -> Result<ContentRef, ContentError> {
        if let Some(expected) = self.expected.size_bytes.filter(|expected| *expected != size_bytes) {
            return Err(mismatch("size", &expected, &size_bytes));
        }
        if let Some(expected) = self.expected.digest.as_ref().filter(|expected| *expected != digest) {
            return Err(mismatch("digest", expected, digest));
        }
        Ok(ContentRef { digest: digest.clone(), size_bytes })
    }

    fn keep_inline(&self, bytes: Bytes) -> Result<ContentRef, ContentError> {
        let sha256: Sha256 = Hasher::digest(&bytes).into();
        let content = self.checked(&Digest::sha256(sha256), bytes.len() as u64)?;
        let pending = Pending::inline(bytes, Instant::now()).map_err(unwritable)?;
        self.inner.add_pending(sha256, pending)?;
        Ok(content)
    }
}

#[async_trait]
impl Ingest for PackedIngest {
    async fn write(&mut self, bytes: Bytes) -> Result<(), ContentError> {
        self.came_bytes += bytes.len() as u64;
        if let Err(refused) = self.check_size() {
            self.state = State::Failed;
            return Err(refused);
        }
        self.inner.meters.bytes_in.increment(bytes.len() as u64);
        if let State::Little(little) = &mut self.state {
            if little.len() + bytes.len() <= rows::limits::INLINE_BYTES {
                little.extend_from_slice(&bytes);
                return Ok(());
            }
            let before = std::mem::take(little).freeze();
            self.state = State::Much(Box::new(self.stream()));
            self.push(before).await?;
        }
        self.push(bytes).await
    }

    async fn finish(mut self: Box<Self>) -> Result<ContentRef, ContentError> {
        let streaming = match std::mem::replace(&mut self.state, State::Failed) {
            State::Little(little) => return self.keep_inline(little.freeze()),
            State::Much(streaming) => streaming,
            State::Failed => return Err(failed_before()),
        };
        let Streaming { feed, known, mut collecting } = *streaming;
        let fed = feed.finish().await;
        let collected = match (&mut collecting.0).await {
            Ok(collected) => collected,
            Err(error) => Err(ContentError::Io { action: "take in a content", source: std::io::Error::other(error) }),
        };
        // Where both failed, it is the taking that says why.
        let collected = collected?;
        let Whole { digest, size_bytes, way, .. } = fed.map_err(|error| failed(&error))?;
        let content = self.checked(&digest, size_bytes)?;
        let sha256 = Sha256::try_from(digest.as_bytes()).map_err(|_| ContentError::Unknown(digest.clone()))?;
        if self.inner.pending.get(&sha256).is_some() || self.inner.hold(&sha256).await?.is_some() {
            return Ok(content);
        }
        let layout = Layout::new(collected.encoding, size_bytes, collected.extents);
        let layout = layout.map_err(|error| unwritable(RowError::from(error)))?;
        let pieces = if way == Way::Chunked { &collected.pieces[..] } else { &[] };
        let pending = Pending::packed(&sha256, layout, pieces, known.take_leases(), Instant::now());
        self.inner.copied_bytes.fetch_add(collected.copied_bytes, Ordering::Relaxed);
        self.inner.add_pending(sha256, pending.map_err(unwritable)?)?;
        Ok(content)
    }
}

impl Streaming {
    async fn push(&mut self, bytes: Bytes) -> Result<(), ContentError> {
        match self.feed.push(bytes).await {
            Ok(()) => Ok(()),
            // The task that takes the pieces has given up, and says why.
            Err(PipelineError::Cancelled) => match (&mut self.collecting.0).await {
                Ok(Err(error)) => Err(error),
                _ => Err(failed(&PipelineError::Cancelled)),
            },
            Err(error) => Err(failed(&error)),
        }
    }
}

/// Takes all pieces of a content, and writes those that are new.
async fn collect(
    inner: Arc<Inner>,
    mut frames: Frames,
    known: Arc<Known>,
    expected_bytes: u64,
) -> Result<Collected, ContentError> {
    let mut next = frames.next().await.map_err(|error| failed(&error))?;
    let class = match frames.way() {
        Some(Way::Raw) => Class::Raw,
        Some(Way::OneFrame | Way::Inline) => Class::Small,
        Some(Way::Chunked) | None => Class::Zstd,
    };
    let affordable_bytes = inner.affordable_bytes();
    let stored_bytes = expected_bytes * limits::USUAL_STORED_PERCENT / 100;
    let sharing = Sharing::begin(stored_bytes, affordable_bytes);
    let writer = Arc::clone(inner.writer(class));
    let mut collector = Collector::new(Arc::clone(&inner.packs), writer, known, sharing);
    while let Some(piece) = next {
        collector.take(piece).await?;
        next = frames.next().await.map_err(|error| failed(&error))?;
    }
    collector.finish().await
}

impl Inner {
    /// Bytes that may still be stored once more though they are there.
    fn affordable_bytes(&self) -> u64 {
        (self.held.bytes() * limits::COPIED_PERCENT / 100).saturating_sub(self.copied_bytes.load(Ordering::Relaxed))
    }
}

fn failed_before() -> ContentError {
    ContentError::Io { action: "take in a content", source: std::io::Error::other("it failed before; begin anew") }
}

fn failed(error: &PipelineError) -> ContentError {
    ContentError::Io { action: "take in a content", source: std::io::Error::other(error.clone()) }
}

fn mismatch(what: &'static str, expected: &dyn ToString, got: &dyn ToString) -> ContentError {
    ContentError::Mismatch { what, expected: expected.to_string(), got: got.to_string() }
}
