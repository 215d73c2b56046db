//! The log as watchers read it: decoded once for all who are near its end.
//!
//! One task follows the store and keeps the last events decoded, in a ring of bounded size. A
//! watcher at the end of the log takes what it wants from there; one that is further behind reads
//! the store itself, until it has caught up. Nobody here can hold up a writer: the store never
//! waits for its readers.

use std::sync::Arc;

use star_wire::StarError;
use tokio::sync::watch;
use tokio::task::JoinHandle;

use super::rounds;
use super::tail::Tail;
use crate::event::Happened;
use crate::limits;
use crate::ports::meta::{EventPage, MetaStore, Position, ReadError};
use crate::stored;
use crate::turn::Turns;
use crate::vitals::{Luck, Vitals};

/// A stretch of the log, with only what somebody wanted of it.
#[derive(Debug, Default)]
pub(crate) struct Stretch {
    pub(crate) events: Vec<Arc<Happened>>,
    /// The position up to which (included) it was looked at.
    pub(crate) read_to: Position,
}

impl Stretch {
    /// Ends it where a batch ends and there is enough. What is cut off is read again.
    fn bound(&mut self) {
        let mut bytes = 0;
        for at in 0..self.events.len() {
            let begins_a_batch = at > 0 && self.events[at].position != self.events[at - 1].position;
            if begins_a_batch && bytes >= limits::WATCH_STRETCH_BYTES {
                self.read_to = self.events[at - 1].position;
                self.events.truncate(at);
                return;
            }
            bytes += self.events[at].encoded_bytes;
        }
    }
}

/// What reading on found.
pub(crate) enum ReadOn {
    Stretch(Stretch),
    /// The log begins later than asked, behind this position.
    Gap(Position),
}

/// The event log of a Star.
pub struct EventLog {
    pub(super) meta: Arc<dyn MetaStore>,
    pub(super) turns: Arc<Turns>,
    tail: Arc<Tail>,
    /// How far the tail is decoded.
    decoded: watch::Receiver<Position>,
    /// The same, as it is called out to many.
    rounds: watch::Receiver<Position>,
    follower: JoinHandle<()>,
    caller: JoinHandle<()>,
    /// Whether watchers found in the tail what they read on.
    from_tail: Luck,
}

impl Drop for EventLog {
    fn drop(&mut self) {
        self.follower.abort();
        self.caller.abort();
    }
}

impl EventLog {
    /// The log of a store that no actor of this process writes to. Must be called inside a tokio
    /// runtime.
    pub fn of(meta: &Arc<dyn MetaStore>) -> Arc<EventLog> {
        EventLog::follow(meta, &Arc::default())
    }

    /// Begins to follow the log of a store, whose writers are actors with turns.
    pub(crate) fn follow(meta: &Arc<dyn MetaStore>, turns: &Arc<Turns>) -> Arc<EventLog> {
        let head = meta.head();
        let begin = *head.borrow();
        let tail = Arc::new(Tail::behind(begin));
        let (follower, decoded) = watch::channel(begin);
        let follower =
            tokio::spawn(Follower { meta: Arc::clone(meta), tail: Arc::clone(&tail), to: follower }.run(head));
        let (calling, rounds) = watch::channel(begin);
        let caller = tokio::spawn(rounds::call(decoded.clone(), calling));
        let (meta, turns, from_tail) = (Arc::clone(meta), Arc::clone(turns), Luck::default());
        Arc::new(EventLog { meta, turns, tail, decoded, rounds, follower, caller, from_tail })
    }

    /// The last position of the log.
    pub fn head(&self) -> Position {
        *self.meta.head().borrow()
    }

    /// What the log says of itself.
    pub(crate) fn vitals(&self) -> Vitals {
        let (entries, bytes) = self.tail.size();
        let about = "the last events, decoded for all who watch";
        let tail = self.from_tail.of_cache("log_tail", about, entries, Some(bytes as u64));
        Vitals { caches: vec![tail], ..Vitals::default() }
    }

    /// Tells when more of the log can be read from memory.
    pub(super) fn decoded(&self) -> watch::Receiver<Position> {
        self.decoded.clone()
    }

    /// Tells the same in rounds, which cost less where many are told.
    pub(super) fn rounds(&self) -> watch::Receiver<Position> {
        self.rounds.clone()
    }

    /// Reads a bounded stretch behind a position: at most [`limits::WATCH_BATCHES`] batches, and
    /// about [`limits::WATCH_STRETCH_BYTES`] of what `wanted` lets through.
    pub(super) async fn read_on(
        &self,
        after: Position,
        wanted: impl Fn(&Happened) -> bool,
    ) -> Result<ReadOn, StarError> {
        if let Some(stretch) = self.tail.stretch(after, &wanted)
            && (stretch.read_to > after || self.head() <= after)
        {
            self.from_tail.note(true);
            return Ok(ReadOn::Stretch(stretch));
        }
        self.from_tail.note(false);
        let page = match self.meta.events(after, limits::WATCH_BATCHES).await {
            Ok(page) => page,
            Err(ReadError::Compacted { oldest }) => return Ok(ReadOn::Gap(oldest.saturating_sub(1))),
            Err(error) => return Err(stored::read_failed(&star_path::ResourcePath::root(), &error)),
        };
        let mut stretch = Stretch { events: decode(&page)?, read_to: page.read_to };
        stretch.events.retain(|event| wanted(event));
        stretch.bound();
        Ok(ReadOn::Stretch(stretch))
    }

    /// Waits until what is in the log now can be read from memory; not for ever.
    pub(super) async fn catch_up(&self) {
        let head = self.head();
        let mut decoded = self.decoded.clone();
        let reached = decoded.wait_for(|position| *position >= head);
        if tokio::time::timeout(limits::WATCH_CATCH_UP, reached).await.is_err() {
            tracing::debug!(head, "the tail of the log is late; it is read from the store");
        }
    }
}

/// The events of a page, decoded.
fn decode(page: &EventPage) -> Result<Vec<Arc<Happened>>, StarError> {
    let behind = page.events.iter().skip(1).map(|event| Some(event.position)).chain([None]);
    let each = page.events.iter().zip(behind);
    each.map(|(logged, next)| Ok(Arc::new(Happened::from_log(logged, next != Some(logged.position))?))).collect()
}

/// Decodes what is written, once.
struct Follower {
    meta: Arc<dyn MetaStore>,
    tail: Arc<Tail>,
    to: watch::Sender<Position>,
}

impl Follower {
    async fn run(self, mut head: watch::Receiver<Position>) {
        let mut after = *self.to.borrow();
        loop {
            while *head.borrow_and_update() > after {
                match self.meta.events(after, limits::WATCH_BATCHES).await {
                    Ok(page) => after = self.take(after, &page),
                    Err(ReadError::Closed) => return,
                    Err(error) => {
                        // Whoever needs these events reads the store, and is told what is wrong.
                        tracing::warn!(%error, after, "the end of the log cannot be followed; trying again");
                        tokio::time::sleep(limits::WATCH_REST).await;
                        after = *head.borrow();
                        self.tail.restart_behind(after);
                        self.to.send_replace(after);
                    }
                }
            }
            if head.changed().await.is_err() {
                return;
            }
        }
    }

    fn take(&self, after: Position, page: &EventPage) -> Position {
        match decode(page) {
            Ok(events) => self.tail.push(after, page.read_to, events),
            Err(error) => {
                tracing::error!(%error, "an event of the log cannot be read");
                self.tail.restart_behind(page.read_to);
            }
        }
        self.to.send_replace(page.read_to);
        page.read_to
    }
}
