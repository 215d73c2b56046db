//! What takes away what nobody needs, beside everybody who reads and writes.
//!
//! Nothing is marked as a whole and nobody is locked out. A content that nobody refers to is *condemned*:
//! its mark `live` goes first, so that a reference to it revives it or comes to nothing, and only then it
//! is asked once more who refers to it. When it has been condemned for the time of grace, and that time
//! counts while this process runs, its rows go. The bytes go with their packs: one in which nothing is
//! left is closed in the same two steps, and one in which little is left is first copied, frame by frame
//! as they are ([`repack`]).
//!
//! Every step is a batch of its own that holds or does not; a run that is cut off anywhere leaves work
//! for the next, and too much rather than too little. [`contents`] and [`packs`] are the two parts.

mod contents;
mod packs;
mod repack;
mod why;

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use star_core::ports::content::ContentError;
use star_wire::StarError;

pub use why::Why;

use super::packs::PackError;
use super::store::PackedStore;
use crate::rows::{Ordinal, RowError, Sha256};

/// How a run of the collector goes.
#[derive(Debug, Clone, Copy)]
pub struct CollectOptions {
    /// How long something has been condemned, as far as this process saw, before it goes.
    pub grace: Duration,
    /// Whether more than [`limits::CONDEMN_PERCENT`](super::limits::CONDEMN_PERCENT) of all contents may
    /// be condemned in one run.
    pub force: bool,
    /// The moment of the run.
    pub now: Instant,
}

/// What a run of the collector did.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Collection {
    /// Contents that were looked at.
    pub contents: u64,
    /// Their bytes.
    pub bytes: u64,
    /// Contents that nobody refers to, from now on.
    pub condemned: u64,
    /// Condemned contents that somebody refers to after all.
    pub revived: u64,
    /// Contents that are gone.
    pub removed: u64,
    /// Packs that are gone.
    pub packs_removed: u64,
    /// Bytes of those files.
    pub freed_bytes: u64,
    /// Packs of which the rest was copied, so that they can go.
    pub packs_copied: u64,
    /// Stored bytes of that rest.
    pub copied_bytes: u64,
}

/// Why a run of the collector ended early. What it did by then holds.
#[derive(Debug, thiserror::Error)]
pub enum CollectError {
    /// More would be condemned than seems right: look at what happened, and force it.
    #[error("{condemned_bytes} of {bytes} bytes would be condemned at once, which is more than seems right")]
    TooMuch {
        /// Bytes of contents that nobody refers to.
        condemned_bytes: u64,
        /// Bytes of all contents.
        bytes: u64,
    },
    /// Who refers to a content could not be found out, so that nothing is taken away.
    #[error("who refers to a content could not be found out")]
    Referring(#[source] StarError),
    /// A row could not be read or written.
    #[error(transparent)]
    Content(#[from] ContentError),
    /// A row cannot be understood.
    #[error(transparent)]
    Row(#[from] RowError),
    /// A pack could not be read or removed.
    #[error("a pack could not be read or removed")]
    Pack(#[source] Box<dyn std::error::Error + Send + Sync>),
}

impl From<PackError> for CollectError {
    fn from(error: PackError) -> CollectError {
        CollectError::Pack(error.into())
    }
}

/// Since when things have been condemned, as far as this process saw.
#[derive(Debug, Default)]
pub(crate) struct Condemned {
    contents: Mutex<HashMap<Sha256, Instant>>,
    packs: Mutex<HashMap<Ordinal, Instant>>,
}

impl Condemned {
    /// Whether a content has been condemned for a time; the first look begins it.
    fn content_for(&self, digest: &Sha256, grace: Duration, now: Instant) -> bool {
        is_over(*lock(&self.contents).entry(*digest).or_insert(now), grace, now)
    }

    pub(crate) fn forget_content(&self, digest: &Sha256) {
        lock(&self.contents).remove(digest);
    }

    /// Whether a pack has been condemned for a time; the first look begins it.
    fn pack_for(&self, pack: Ordinal, grace: Duration, now: Instant) -> bool {
        is_over(*lock(&self.packs).entry(pack).or_insert(now), grace, now)
    }

    fn forget_pack(&self, pack: Ordinal) {
        lock(&self.packs).remove(&pack);
    }
}

fn is_over(since: Instant, grace: Duration, now: Instant) -> bool {
    now.saturating_duration_since(since) >= grace
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl PackedStore {
    /// Takes away what nobody needs. One run at a time: a second one waits for the first.
    ///
    /// # Errors
    /// See [`CollectError`]; the next run goes on with what is left.
    pub async fn collect(&self, options: CollectOptions) -> Result<Collection, CollectError> {
        let turn = self.inner.collecting.acquire().await;
        let _turn = turn.map_err(|error| CollectError::Pack(error.into()))?;
        self.inner.look().await;
        let mut collection = Collection::default();
        contents::collect(&self.inner, options, &mut collection).await?;
        packs::collect(&self.inner, options, &mut collection).await?;
        Ok(collection)
    }
}
