//! Following the log: what happened below a path, from any moment on.
//!
//! A watcher is a place in the log and a [`Filter`], nothing more: it reads what is there and
//! waits for the end to move. What it has read and not yet told is bounded, and it takes no more
//! until that is told, so a slow one delays nobody; it only finds a [`WatchItem::Gap`] when it
//! comes back so late that the log begins behind it.
//!
//! Whoever is told of an event and then reads, reads at least what the event tells of: an event is
//! held back until the actor that committed it has published what came of it.

mod filter;
mod log;
mod rounds;
mod tail;

use std::collections::VecDeque;
use std::pin::Pin;
use std::sync::Arc;

use star_wire::{ErrorCode, StarError};
use tokio::sync::watch;
use tokio::time::{Instant, Sleep};

use crate::event::Happened;
use crate::limits;
use crate::ports::meta::{Position, Shard};

pub use filter::{ChildChange, Filter, Word};
pub use log::EventLog;
use log::{ReadOn, Stretch};

/// What a watcher is told.
#[derive(Debug, Clone, PartialEq)]
pub enum WatchItem {
    /// Something happened, and what the watcher calls it.
    Event(Word, Arc<Happened>),
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
    log: Arc<EventLog>,
    filter: Filter,
    read_to: Position,
    /// Tells that there is more to read.
    news: watch::Receiver<Position>,
    ready: VecDeque<WatchItem>,
    told_at: Instant,
    /// Goes off when nothing was told for long, or a little before. Kept from one wait to the next,
    /// because to set a timer costs more than to find that nothing is due.
    quiet: Pin<Box<Sleep>>,
}

impl Watcher {
    /// Follows what a filter lets through, behind a position.
    pub fn new(log: &Arc<EventLog>, filter: Filter, after: Position) -> Watcher {
        let told_at = Instant::now();
        Watcher {
            log: Arc::clone(log),
            filter,
            read_to: after,
            news: log.decoded(),
            ready: VecDeque::new(),
            told_at,
            quiet: Box::pin(tokio::time::sleep_until(told_at + limits::WATCH_PROGRESS)),
        }
    }

    /// The same, told in rounds that are at most [`limits::WATCH_ROUND`] apart: for whoever passes
    /// on to somebody outside what it is told, and may be one of thousands.
    #[must_use]
    pub fn in_rounds(mut self) -> Watcher {
        self.news = self.log.rounds();
        self
    }

    /// Follows from now on.
    pub fn from_now(log: &Arc<EventLog>, filter: Filter) -> Watcher {
        Watcher::new(log, filter, log.head())
    }

    /// The next thing to know; waits for it. Where nothing is told for
    /// [`limits::WATCH_PROGRESS`], it is how far the log was read.
    ///
    /// Dropping the future loses nothing.
    pub async fn next(&mut self) -> Result<WatchItem, StarError> {
        loop {
            if let Some(item) = self.next_ready().await {
                return Ok(item);
            }
            let is_behind = *self.news.borrow_and_update() > self.read_to;
            if is_behind {
                self.read_on().await?;
            }
            if !self.ready.is_empty() {
                continue;
            }
            if Instant::now() >= self.told_at + limits::WATCH_PROGRESS {
                self.told_at = Instant::now();
                return Ok(WatchItem::Progress(self.read_to));
            }
            if is_behind {
                // A long log in which nothing is wanted must not keep others from running.
                tokio::task::coop::consume_budget().await;
                continue;
            }
            tokio::select! {
                changed = self.news.changed() => changed.map_err(|_| shutting_down())?,
                () = self.quiet.as_mut() => self.quiet.as_mut().reset(self.told_at + limits::WATCH_PROGRESS),
            }
        }
    }

    /// The next thing to know of what was read already, or was told of; none where [`Watcher::next`]
    /// would wait.
    pub async fn next_at_hand(&mut self) -> Result<Option<WatchItem>, StarError> {
        while self.ready.is_empty() && *self.news.borrow() > self.read_to {
            self.read_on().await?;
            tokio::task::coop::consume_budget().await;
        }
        Ok(self.next_ready().await)
    }

    /// The next thing to know, if it is in the log already; none at the end of the log.
    pub async fn try_next(&mut self) -> Result<Option<WatchItem>, StarError> {
        if self.ready.is_empty() && self.is_behind() {
            self.log.catch_up().await;
        }
        while self.ready.is_empty() && self.is_behind() {
            self.read_on().await?;
        }
        Ok(self.next_ready().await)
    }

    /// Everything that happened until now, without waiting for more.
    pub async fn drain(&mut self) -> Result<Vec<WatchItem>, StarError> {
        let mut items = Vec::new();
        while let Some(item) = self.try_next().await? {
            items.push(item);
        }
        Ok(items)
    }

    /// Everything up to the end of the log, once that has moved on; nothing where what was written
    /// does not concern this watcher.
    pub async fn moved(&mut self) -> Result<Vec<WatchItem>, StarError> {
        loop {
            self.news.borrow_and_update();
            if !self.ready.is_empty() || self.is_behind() {
                return self.drain().await;
            }
            self.news.changed().await.map_err(|_| shutting_down())?;
        }
    }

    /// Whether the log has moved on since this watcher last read.
    pub fn is_behind(&self) -> bool {
        self.log.head() > self.read_to
    }

    /// Whether something was read that is not told yet. If not, everything that concerns it up to
    /// its position was told.
    pub fn is_ready(&self) -> bool {
        !self.ready.is_empty()
    }

    /// The position up to which it has read.
    pub fn position(&self) -> Position {
        self.read_to
    }

    /// What was read and not yet told, once whoever is told can read what it tells of.
    async fn next_ready(&mut self) -> Option<WatchItem> {
        if let WatchItem::Event(_, happened) = self.ready.front()?
            && let Some(shard) = Shard::new(happened.shard)
        {
            self.log.turns.settled(shard, happened.position).await;
        }
        self.told_at = Instant::now();
        self.ready.pop_front()
    }

    async fn read_on(&mut self) -> Result<(), StarError> {
        let wanted = |happened: &Happened| self.filter.word_for(&happened.event).is_some();
        match self.log.read_on(self.read_to, wanted).await? {
            ReadOn::Gap(to) => {
                self.ready.push_back(WatchItem::Gap { from: self.read_to, to });
                self.read_to = to;
            }
            ReadOn::Stretch(Stretch { events, read_to }) => {
                let mut told = VecDeque::with_capacity(events.len());
                for happened in events {
                    if let Some(word) = self.filter.word_for(&happened.event)
                        && self.filter.judge(&self.log.meta, &happened.event).await?
                    {
                        told.push_back(WatchItem::Event(word, happened));
                    }
                }
                self.ready = told;
                self.read_to = read_to;
            }
        }
        Ok(())
    }
}

fn shutting_down() -> StarError {
    StarError::new(ErrorCode::Unavailable, "the Star is shutting down")
}
