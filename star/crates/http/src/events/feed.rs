//! The log as one reader may see it.

use std::sync::Arc;
use std::time::Duration;

use star_api::v1;
use star_core::event::Happened;
use star_core::gate::{Authority, Right};
use star_core::watch::{WatchItem, Watcher};
use star_path::{ResourcePath, Selector};
use star_wire::{ErrorCode, StarError};

use super::Cursor;
use crate::schema;
use crate::state::ApiState;

/// Something that a reader of the log is told.
#[derive(Debug)]
pub(crate) enum FeedItem {
    /// Something happened.
    Event(v1::Event, Cursor),
    /// Nothing that concerns the reader happened up to here.
    Progress(Cursor),
    /// Events between two places are no longer kept.
    Gap(v1::Gap, Cursor),
}

/// The place behind an item.
pub(crate) fn place_of(item: &FeedItem) -> Option<Cursor> {
    match item {
        FeedItem::Event(_, cursor) | FeedItem::Progress(cursor) | FeedItem::Gap(_, cursor) => Some(*cursor),
    }
}

/// The events that a selector covers and an authority may see, from a place on.
pub(crate) struct Feed {
    state: ApiState,
    authority: Arc<Authority>,
    watcher: Watcher,
    since: Cursor,
}

impl Feed {
    /// Opens the log behind `since`; without it, from now on.
    ///
    /// # Errors
    /// When the authority may not read where the selector begins, or the place is none of this
    /// log.
    pub(crate) async fn open(
        state: &ApiState,
        authority: &Arc<Authority>,
        selector: Option<Selector>,
        since: Option<Cursor>,
    ) -> Result<Feed, StarError> {
        let tree = state.tree();
        let prefix = selector.as_ref().map_or_else(ResourcePath::root, |selector| selector.literal_prefix().clone());
        tree.gate.allow(authority, Right::Read, &prefix).await?;
        let head = *tree.ports.meta.head().borrow();
        let since = since.unwrap_or_else(|| Cursor::behind(head));
        if since.position() > head {
            return Err(StarError::new(ErrorCode::InvalidArgument, format!("the log ends at {head}, before {since}"))
                .hint("the cursor comes from another Star, or from before a restore: list again, then go on"));
        }
        let watcher = Watcher::new(Arc::clone(&tree.ports.meta), selector, since.read_from());
        Ok(Feed { state: state.clone(), authority: authority.clone(), watcher, since })
    }

    /// The next item, whenever it comes. None when the Star shuts down.
    pub(crate) async fn next(&mut self) -> Result<Option<FeedItem>, StarError> {
        loop {
            let item = tokio::select! {
                () = self.state.shutdown().cancelled() => return Ok(None),
                item = self.watcher.next() => item?,
            };
            if let Some(item) = self.told(item).await {
                return Ok(Some(item));
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

    /// The next event or gap: one that is in the log, or the first that comes while waiting.
    pub(crate) async fn first(&mut self, wait: Duration) -> Result<Option<FeedItem>, StarError> {
        if let Some(item) = self.try_next().await? {
            return Ok(Some(item));
        }
        if wait.is_zero() {
            return Ok(None);
        }
        let until = tokio::time::Instant::now() + wait;
        loop {
            // Only the waiting is cut short: an item that was taken from the log is told.
            let item = tokio::select! {
                () = self.state.shutdown().cancelled() => return Ok(None),
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
        Cursor::behind(*self.state.tree().ports.meta.head().borrow())
    }

    /// What the reader is told of an item, if anything.
    async fn told(&self, item: WatchItem) -> Option<FeedItem> {
        match item {
            WatchItem::Progress(position) => Some(FeedItem::Progress(Cursor::behind(position))),
            WatchItem::Gap { from, to } => {
                let gap = v1::Gap { from: from.to_string(), to: to.to_string(), ..Default::default() };
                Some(FeedItem::Gap(gap, Cursor::behind(to)))
            }
            WatchItem::Event(happened) => {
                let cursor = self.cursor_behind(&happened);
                let seen = self.since.covers(happened.position, happened.index);
                let wanted = !seen && self.may_read(&happened.event.path).await;
                wanted.then(|| FeedItem::Event(schema::event(happened, cursor.to_string()), cursor))
            }
        }
    }

    fn cursor_behind(&self, happened: &Happened) -> Cursor {
        // Events of one batch are read together, so what follows in the batch is there already.
        match self.watcher.peek() {
            Some(WatchItem::Event(next)) if next.position == happened.position => {
                Cursor::within(happened.position, happened.index)
            }
            _ => Cursor::behind(happened.position),
        }
    }

    async fn may_read(&self, path: &ResourcePath) -> bool {
        self.state.tree().gate.allow(&self.authority, Right::Read, path).await.is_ok()
    }
}
