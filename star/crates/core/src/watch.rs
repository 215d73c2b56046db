//! Following the log: what happened below a path, from any moment on.
//!
//! A watcher is a place in the log and a filter, nothing more: it reads what is there and waits
//! for the head to move. It has no buffer that could overflow, so a slow one delays nobody; it
//! only finds a [`WatchItem::Gap`] when it comes back so late that the log begins behind it.

use std::collections::VecDeque;
use std::sync::Arc;

use star_path::{Candidate, Selector};
use star_wire::StarError;

use crate::event::Happened;
use crate::limits;
use crate::ports::meta::{MetaStore, Position, ReadError};
use crate::stored;

/// What a watcher is told.
#[derive(Debug, Clone, PartialEq)]
pub enum WatchItem {
    /// Something happened.
    Event(Happened),
    /// Nothing that concerns it happened up to here.
    Progress(Position),
    /// Events between two positions are no longer kept: list again, then go on.
    Gap {
        /// Behind this one they are missing.
        from: Position,
        /// Up to this one.
        to: Position,
    },
}

/// A place in the log and a filter.
pub struct Watcher {
    meta: Arc<dyn MetaStore>,
    filter: Option<Selector>,
    read_to: Position,
    told_to: Position,
    head: tokio::sync::watch::Receiver<Position>,
    ready: VecDeque<WatchItem>,
}

impl Watcher {
    /// Follows what the filter covers (everything without one), behind a position.
    pub fn new(meta: Arc<dyn MetaStore>, filter: Option<Selector>, after: Position) -> Watcher {
        let head = meta.head();
        Watcher { meta, filter, read_to: after, told_to: after, head, ready: VecDeque::new() }
    }

    /// Follows from now on.
    pub fn from_now(meta: Arc<dyn MetaStore>, filter: Option<Selector>) -> Watcher {
        let now = *meta.head().borrow();
        Watcher::new(meta, filter, now)
    }

    /// The next thing to know; waits for it. `Progress` comes now and then where nothing happens.
    ///
    /// Dropping the future loses nothing.
    pub async fn next(&mut self) -> Result<WatchItem, StarError> {
        loop {
            if let Some(item) = self.ready.pop_front() {
                return Ok(item);
            }
            self.read_on().await?;
            if !self.ready.is_empty() {
                continue;
            }
            let head_is_further = *self.head.borrow_and_update() > self.read_to;
            if head_is_further {
                continue;
            }
            let moved = tokio::time::timeout(limits::WATCH_PROGRESS, self.head.changed()).await;
            let closed = matches!(moved, Ok(Err(_)));
            if closed {
                return Err(StarError::new(star_wire::ErrorCode::Unavailable, "the Star is shutting down"));
            }
            if moved.is_err() {
                self.told_to = self.read_to;
                return Ok(WatchItem::Progress(self.read_to));
            }
        }
    }

    /// The next thing to know, if it is in the log already; none at the end of the log.
    pub async fn try_next(&mut self) -> Result<Option<WatchItem>, StarError> {
        while self.ready.is_empty() && self.is_behind() {
            self.read_on().await?;
        }
        Ok(self.ready.pop_front())
    }

    /// What comes next, if it was read already. Events of one batch are read together.
    pub fn peek(&self) -> Option<&WatchItem> {
        self.ready.front()
    }

    /// Everything that happened until now, without waiting for more.
    pub async fn drain(&mut self) -> Result<Vec<WatchItem>, StarError> {
        while self.is_behind() {
            self.read_on().await?;
        }
        Ok(self.ready.drain(..).collect())
    }

    /// Whether the log has moved on since this watcher last read. Costs one atomic load.
    pub fn is_behind(&self) -> bool {
        *self.head.borrow() > self.read_to
    }

    /// The position up to which it has read.
    pub fn position(&self) -> Position {
        self.read_to
    }

    async fn read_on(&mut self) -> Result<(), StarError> {
        let page = match self.meta.events(self.read_to, limits::WATCH_BATCHES).await {
            Ok(page) => page,
            Err(ReadError::Compacted { oldest }) => {
                let to = oldest.saturating_sub(1);
                self.ready.push_back(WatchItem::Gap { from: self.read_to, to });
                self.read_to = to;
                return Ok(());
            }
            Err(error) => return Err(stored::read_failed(&star_path::ResourcePath::root(), &error)),
        };
        for logged in &page.events {
            let happened = Happened::from_log(logged)?;
            if self.concerns(&happened) {
                self.ready.push_back(WatchItem::Event(happened));
            }
        }
        self.read_to = page.read_to;
        Ok(())
    }

    fn concerns(&self, happened: &Happened) -> bool {
        let Some(filter) = &self.filter else { return true };
        let event = &happened.event;
        let kind = event.kind.to_string();
        let attribute = |key: &str| event.detail.get(key).cloned();
        filter.matches(&Candidate { path: &event.path, kind: &kind, attribute: &attribute }).is_some()
    }
}
