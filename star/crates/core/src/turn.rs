//! Turns of actors that have committed and not yet published: why a watcher waits a moment.
//!
//! An event is in the log as soon as its batch is durable. The actor that committed it says
//! afterwards, at the end of its turn, what others may read beside it. Whoever is told of an event
//! in between, and reads, would find what was before. So a commit made in a turn is noted here
//! until the turn ends, and [`Turns::settled`] waits for it: readers of that event, and no others.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::Notify;
use tokio::task::futures::TaskLocalFuture;

use crate::limits;
use crate::ports::meta::{Committed, Position, Shard};

tokio::task_local! {
    /// The turn in which a task is.
    static CURRENT: Arc<Turn>;
}

/// The commits of all turns that are under way.
#[derive(Debug, Default)]
pub(crate) struct Turns {
    commits: Mutex<Commits>,
    /// How many there are, so that nobody locks to find that there are none.
    count: AtomicUsize,
    fewer: Notify,
}

#[derive(Debug, Default)]
struct Commits {
    next: u64,
    open: HashMap<u64, Commit>,
}

/// A commit whose turn goes on.
#[derive(Debug, Clone, Copy)]
struct Commit {
    shard: Shard,
    /// The end of the log before it was sent: its own place lies behind.
    after: Position,
    /// Its place, once that is known.
    at: Option<Position>,
}

impl Commit {
    fn may_be(&self, shard: Shard, position: Position) -> bool {
        match self.at {
            Some(at) => at == position,
            None => self.shard == shard && self.after < position,
        }
    }
}

impl Turns {
    /// Waits until the turn that committed an event has published what came of it; at most
    /// [`limits::WATCH_SETTLE`], because a turn may do more than that. Dropping the future loses
    /// nothing.
    pub(crate) async fn settled(&self, shard: Shard, position: Position) {
        let published = async {
            loop {
                let mut fewer = std::pin::pin!(self.fewer.notified());
                fewer.as_mut().enable();
                if !self.is_open(shard, position) {
                    return;
                }
                fewer.await;
            }
        };
        if self.is_open(shard, position) && tokio::time::timeout(limits::WATCH_SETTLE, published).await.is_err() {
            tracing::debug!(position, "an event is told before its actor has ended its turn");
        }
    }

    fn is_open(&self, shard: Shard, position: Position) -> bool {
        self.count.load(Ordering::Acquire) > 0 && self.lock().open.values().any(|commit| commit.may_be(shard, position))
    }

    fn begin(&self, shard: Shard, after: Position) -> u64 {
        let mut commits = self.lock();
        commits.next += 1;
        let number = commits.next;
        commits.open.insert(number, Commit { shard, after, at: None });
        self.count.store(commits.open.len(), Ordering::Release);
        number
    }

    /// Notes where a commit stands in the log, or that it did not happen.
    fn known(&self, number: u64, committed: Option<Committed>) {
        let mut commits = self.lock();
        match committed {
            Some(Committed { position, .. }) => {
                if let Some(commit) = commits.open.get_mut(&number) {
                    commit.at = Some(position);
                }
            }
            None => {
                commits.open.remove(&number);
                self.count.store(commits.open.len(), Ordering::Release);
            }
        }
        drop(commits);
        self.fewer.notify_waiters();
    }

    fn end(&self, numbers: &[u64]) {
        let mut commits = self.lock();
        for number in numbers {
            commits.open.remove(number);
        }
        self.count.store(commits.open.len(), Ordering::Release);
        drop(commits);
        self.fewer.notify_waiters();
    }

    fn lock(&self) -> MutexGuard<'_, Commits> {
        self.commits.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The turns of one actor, one after the other.
#[derive(Debug)]
pub(crate) struct Turn {
    turns: Arc<Turns>,
    commits: Mutex<Vec<u64>>,
    /// Whether there are any: most messages change nothing, and need not lock to find that out.
    has_commits: AtomicBool,
}

impl Turn {
    /// An actor's place among the turns.
    pub(crate) fn among(turns: &Arc<Turns>) -> Arc<Turn> {
        Arc::new(Turn { turns: Arc::clone(turns), commits: Mutex::default(), has_commits: AtomicBool::new(false) })
    }

    /// Does something as part of the turn. No `async fn`, which would hold the work twice, and its
    /// size is what a message costs.
    pub(crate) fn within<W: Future>(self: Arc<Self>, work: W) -> TaskLocalFuture<Arc<Turn>, W> {
        CURRENT.scope(self, work)
    }

    /// Ends the turn: what it changed can be read.
    pub(crate) fn end(&self) {
        if self.has_commits.load(Ordering::Acquire) {
            self.has_commits.store(false, Ordering::Release);
            self.turns.end(&std::mem::take(&mut *self.lock()));
        }
    }
}

impl Turn {
    fn lock(&self) -> MutexGuard<'_, Vec<u64>> {
        self.commits.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Turn {
    /// An actor that ends in the middle publishes nothing more.
    fn drop(&mut self) {
        self.end();
    }
}

/// A commit that is about to be sent, in the turn of whoever sends it. Outside of turns nothing is
/// published afterwards, and nothing is noted.
#[derive(Debug)]
pub(crate) struct Sending(Option<(Arc<Turn>, u64)>);

impl Sending {
    /// Notes it; `head` is the end of the log at this moment.
    pub(crate) fn note(shard: Shard, head: impl FnOnce() -> Position) -> Sending {
        let turn = CURRENT.try_with(Arc::clone).ok();
        Sending(turn.map(|turn| {
            let number = turn.turns.begin(shard, head());
            turn.lock().push(number);
            turn.has_commits.store(true, Ordering::Release);
            (turn, number)
        }))
    }

    /// Notes what became of it: its place, or none where it did not happen.
    pub(crate) fn answered(self, committed: Option<Committed>) {
        if let Some((turn, number)) = self.0 {
            turn.turns.known(number, committed);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn shard(number: u16) -> Shard {
        Shard::new(number).unwrap()
    }

    async fn is_settled(turns: &Turns, number: u16, position: Position) -> bool {
        tokio::time::timeout(Duration::from_millis(1), turns.settled(shard(number), position)).await.is_ok()
    }

    #[tokio::test(start_paused = true)]
    async fn an_event_settles_with_the_turn_that_committed_it_and_others_do_not_wait() {
        let turns = Arc::new(Turns::default());
        let turn = Turn::among(&turns);
        let sending = Arc::clone(&turn).within(async { Sending::note(shard(3), || 7) }).await;
        assert!(!is_settled(&turns, 3, 8).await, "it may be the one that is under way");
        assert!(is_settled(&turns, 3, 7).await, "that was in the log before");
        assert!(is_settled(&turns, 4, 8).await, "another shard");
        sending.answered(Some(Committed { revision: 1, position: 9 }));
        assert!(is_settled(&turns, 3, 8).await && !is_settled(&turns, 3, 9).await);
        turn.end();
        assert!(is_settled(&turns, 3, 9).await);
    }

    #[tokio::test(start_paused = true)]
    async fn a_turn_that_never_ends_holds_its_events_back_for_a_bounded_time() {
        let turns = Arc::new(Turns::default());
        let turn = Turn::among(&turns);
        Arc::clone(&turn)
            .within(async { Sending::note(shard(3), || 7).answered(Some(Committed { revision: 1, position: 8 })) })
            .await;
        let begun = tokio::time::Instant::now();
        turns.settled(shard(3), 8).await;
        assert_eq!(begun.elapsed(), limits::WATCH_SETTLE);
        drop(turn);
        assert_eq!(turns.count.load(Ordering::Acquire), 0);
    }

    #[tokio::test]
    async fn outside_of_turns_and_after_a_conflict_nothing_is_held_back() {
        let turns = Arc::new(Turns::default());
        Sending::note(shard(3), || 7).answered(None);
        let turn = Turn::among(&turns);
        Arc::clone(&turn).within(async { Sending::note(shard(3), || 7).answered(None) }).await;
        assert_eq!(turns.count.load(Ordering::Acquire), 0);
    }
}
