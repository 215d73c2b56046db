//! The log as one reader may see it.

use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use star_api::v1;
use star_core::gate::{Authority, Right};
use star_core::limits::WATCH_PROGRESS;
use star_core::watch::{Filter, WatchItem, Watcher};
use star_path::ResourcePath;
use star_wire::{ErrorCode, StarError};
use tokio::time::Instant;
use tokio_util::sync::WaitForCancellationFutureOwned;

use super::Cursor;
use super::told::Told;
use crate::state::ApiState;

/// Something that a reader of the log is told.
#[derive(Debug)]
pub(crate) enum FeedItem {
    /// Something happened.
    Event(Arc<Told>),
    /// Nothing that concerns the reader happened up to here.
    Progress(Cursor),
    /// Events between two places are no longer kept.
    Gap(v1::Gap, Cursor),
}

/// The place behind an item.
pub(crate) fn place_of(item: &FeedItem) -> Cursor {
    match item {
        FeedItem::Event(told) => told.cursor(),
        FeedItem::Progress(cursor) | FeedItem::Gap(_, cursor) => *cursor,
    }
}

/// The events that a filter lets through and an authority may see, from a place on.
pub(crate) struct Feed {
    state: ApiState,
    authority: Arc<Authority>,
    watcher: Watcher,
    since: Cursor,
    told_at: Instant,
    /// Over when the Star shuts down. Kept from one wait to the next: all feeds line up at the same
    /// place to hear of it.
    shutdown: Pin<Box<WaitForCancellationFutureOwned>>,
}

impl Feed {
    /// Opens the log behind `since`; without it, from now on.
    ///
    /// # Errors
    /// When the authority may not read where the filter begins, or the place is none of this log.
    pub(crate) async fn open(
        state: &ApiState,
        authority: &Arc<Authority>,
        filter: Filter,
        since: Option<Cursor>,
    ) -> Result<Feed, StarError> {
        let tree = state.tree();
        tree.gate.allow(authority, Right::Read, &filter.prefix()).await?;
        let head = tree.log.head();
        let since = since.unwrap_or_else(|| Cursor::behind(head));
        if since.position() > head {
            return Err(StarError::new(ErrorCode::InvalidArgument, format!("the log ends at {head}, before {since}"))
                .hint("the cursor comes from another Star, or from before a restore: list again, then go on"));
        }
        Ok(Feed {
            state: state.clone(),
            authority: authority.clone(),
            watcher: Watcher::new(&tree.log, filter, since.read_from()).in_rounds(),
            since,
            told_at: Instant::now(),
            shutdown: Box::pin(state.shutdown().clone().cancelled_owned()),
        })
    }

    /// The next item, whenever it comes. None when the Star shuts down.
    pub(crate) async fn next(&mut self) -> Result<Option<FeedItem>, StarError> {
        loop {
            let item = tokio::select! {
                () = self.shutdown.as_mut() => return Ok(None),
                item = self.watcher.next() => item?,
            };
            if let Some(item) = self.told(item).await {
                return Ok(Some(item));
            }
            // Whoever may see nothing of what happens is still told how far the log was read.
            if self.told_at.elapsed() >= WATCH_PROGRESS && !self.watcher.is_ready() {
                self.told_at = Instant::now();
                return Ok(Some(FeedItem::Progress(self.position())));
            }
        }
    }

    /// The next item that is in the log already.
    pub(crate) async fn try_next(&mut self) -> Result<Option<FeedItem>, StarError> {
        while let Some(item) = self.watcher.try_next().await? {
            if let Some(item) = self.told(item).await {
                return Ok(Some(item));
            }
        }
        Ok(None)
    }

    /// The next item where [`Feed::next`] would not wait.
    pub(crate) async fn next_at_hand(&mut self) -> Result<Option<FeedItem>, StarError> {
        while let Some(item) = self.watcher.next_at_hand().await? {
            if let Some(item) = self.told(item).await {
                return Ok(Some(item));
            }
        }
        Ok(None)
    }

    /// The next event or gap: one that is in the log, or the first that comes while waiting.
    pub(crate) async fn first(&mut self, wait: Duration) -> Result<Option<FeedItem>, StarError> {
        if let Some(item) = self.try_next().await? {
            return Ok(Some(item));
        }
        if wait.is_zero() {
            return Ok(None);
        }
        let until = Instant::now() + wait;
        loop {
            // Only the waiting is cut short: an item that was taken from the log is told.
            let item = tokio::select! {
                () = self.shutdown.as_mut() => return Ok(None),
                () = tokio::time::sleep_until(until) => return Ok(None),
                item = self.watcher.next() => item?,
            };
            match self.told(item).await {
                None | Some(FeedItem::Progress(_)) => {}
                item => return Ok(item),
            }
        }
    }

    /// The place up to which the log was read.
    pub(crate) fn position(&self) -> Cursor {
        Cursor::behind(self.watcher.position().max(self.since.position()))
    }

    /// The end of the log as it is now.
    pub(crate) fn head(&self) -> Cursor {
        Cursor::behind(self.state.tree().log.head())
    }

    /// What the reader is told of an item, if anything.
    async fn told(&mut self, item: WatchItem) -> Option<FeedItem> {
        let told = match item {
            WatchItem::Progress(position) => FeedItem::Progress(Cursor::behind(position.max(self.since.position()))),
            WatchItem::Gap { from, to } => {
                let gap = v1::Gap { from: from.to_string(), to: to.to_string(), ..Default::default() };
                FeedItem::Gap(gap, Cursor::behind(to))
            }
            WatchItem::Event(word, happened) => {
                let seen = self.since.covers(happened.position, happened.index);
                if seen || !self.may_read(&happened.event.path).await {
                    return None;
                }
                FeedItem::Event(self.state.told().event(word, &happened))
            }
        };
        self.told_at = Instant::now();
        Some(told)
    }

    async fn may_read(&self, path: &ResourcePath) -> bool {
        self.state.tree().gate.allow(&self.authority, Right::Read, path).await.is_ok()
    }
}
