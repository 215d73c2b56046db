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
//! for the next, and too much rather than too little. [`contents`] and [`packs`] are the two parts; [`mod@why`]
//! and [`mod@check`] only look.

mod check;
mod contents;
mod packs;
mod repack;
mod why;

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use async_trait::async_trait;
use star_core::ports::content::{Check, Collect, Collected, ContentError, Upkeep, UpkeepError, Why};
use star_path::Digest;

pub(super) use repack::replace_layout;

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
    /// Whether the run only tells what it would do.
    pub plan: bool,
    /// The moment of the run.
    pub now: Instant,
}

impl CollectOptions {
    fn of(how: Collect) -> CollectOptions {
        let Collect { plan, force, grace } = how;
        CollectOptions { plan, force, grace, now: Instant::now() }
    }
}

impl From<PackError> for UpkeepError {
    fn from(error: PackError) -> UpkeepError {
        broken(error)
    }
}

impl From<RowError> for UpkeepError {
    fn from(error: RowError) -> UpkeepError {
        broken(error)
    }
}

/// The error of a pack or a row that could not be used.
fn broken(error: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> UpkeepError {
    ContentError::Io { action: "look after the packs", source: std::io::Error::other(error) }.into()
}

/// Since when things have been condemned, as far as this process saw.
#[derive(Debug, Default)]
pub(crate) struct Condemned {
    contents: Mutex<HashMap<Sha256, Instant>>,
    packs: Mutex<HashMap<Ordinal, Instant>>,
}

impl Condemned {
    /// Whether a content has been condemned for a time, without beginning it.
    fn content_was_for(&self, digest: &Sha256, grace: Duration, now: Instant) -> bool {
        lock(&self.contents).get(digest).is_some_and(|since| is_over(*since, grace, now))
    }

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
    /// Takes away what nobody needs, or tells what that would be. One run at a time: a second one waits for
    /// the first.
    ///
    /// # Errors
    /// See [`UpkeepError`]; the next run goes on with what is left.
    pub async fn collect(&self, options: CollectOptions) -> Result<Collected, UpkeepError> {
        let _turn = self.inner.collecting.acquire().await.map_err(broken)?;
        self.inner.look().await;
        let mut collected = Collected::default();
        contents::collect(&self.inner, options, &mut collected).await?;
        packs::collect(&self.inner, options, &mut collected).await?;
        Ok(collected)
    }
}

#[async_trait]
impl Upkeep for PackedStore {
    async fn collect(&self, how: Collect) -> Result<Collected, UpkeepError> {
        self.collect(CollectOptions::of(how)).await
    }

    async fn why(&self, digest: &Digest) -> Result<Option<Why>, UpkeepError> {
        why::why(&self.inner, digest).await
    }

    async fn check(&self) -> Result<Check, UpkeepError> {
        check::check(&self.inner).await
    }
}
