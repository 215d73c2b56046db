//! The state of each shard directory: how its names become durable, and what has been counted.
//!
//! Many contents that are published at once share syncs: whoever finds a sync of the directory
//! under way waits for the next one, which covers all that wait. Called from threads that may
//! block, never from the event loop.

use std::io;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};

use star_core::ports::content::ContentStatus;

use crate::files::limits;
use crate::files::place::Shard;

/// All shards of a store and the sums over them.
pub(crate) struct Shards {
    each: Box<[ShardState]>,
    contents: AtomicU64,
    bytes: AtomicU64,
    counted: AtomicUsize,
}

#[derive(Default)]
struct ShardState {
    names: Mutex<Counted>,
    sync: Mutex<Rounds>,
    round_ended: Condvar,
}

/// Whether the census has been here: from then on changes are counted as they happen.
#[derive(Default, Clone, Copy, PartialEq, Eq)]
enum Counted {
    #[default]
    NotYet,
    Yes,
}

/// Syncs of one directory, numbered from one.
#[derive(Default)]
struct Rounds {
    begun: u64,
    ended: u64,
    running: bool,
    /// A sync failed: the kernel may have dropped what it could not write and would call the
    /// next sync a success, so that no name in this directory can be trusted until a restart.
    broken: bool,
}

/// The exclusive right to change the names in one shard directory.
pub(crate) struct Names<'a> {
    shards: &'a Shards,
    state: MutexGuard<'a, Counted>,
}

impl Shards {
    /// Shards of which nothing has been counted.
    pub(crate) fn uncounted() -> Shards {
        let each = std::iter::repeat_with(ShardState::default).take(limits::SHARDS).collect();
        Shards { each, contents: AtomicU64::new(0), bytes: AtomicU64::new(0), counted: AtomicUsize::new(0) }
    }

    /// The sums over what has been counted.
    pub(crate) fn status(&self) -> ContentStatus {
        ContentStatus { contents: self.contents.load(Ordering::Relaxed), bytes: self.bytes.load(Ordering::Relaxed) }
    }

    /// Whether the sums are exact.
    pub(crate) fn all_counted(&self) -> bool {
        self.counted.load(Ordering::Acquire) == limits::SHARDS
    }

    /// Waits for the right to change names in a shard; held for a system call or two.
    pub(crate) fn names(&self, shard: Shard) -> Names<'_> {
        let state = self.each[shard.index()].names.lock().unwrap_or_else(PoisonError::into_inner);
        Names { shards: self, state }
    }

    /// Returns once a sync that began after this call has made the shard's names durable.
    /// `sync` is called by one of those that wait.
    pub(crate) fn make_durable(&self, shard: Shard, sync: impl FnOnce() -> io::Result<()>) -> io::Result<()> {
        let state = &self.each[shard.index()];
        let mut rounds = state.sync.lock().unwrap_or_else(PoisonError::into_inner);
        let mine = rounds.begun + 1;
        while rounds.running && rounds.ended < mine && !rounds.broken {
            rounds = state.round_ended.wait(rounds).unwrap_or_else(PoisonError::into_inner);
        }
        if rounds.broken {
            return Err(io::Error::other("an earlier sync of this directory failed"));
        }
        if rounds.ended >= mine {
            return Ok(());
        }
        rounds.running = true;
        rounds.begun += 1;
        let round = rounds.begun;
        drop(rounds);
        let ending = Ending { state, round };
        let result = sync();
        ending.end(result.is_ok());
        result
    }
}

/// A round under way. Ends as a failure if the sync panics, so that nobody waits for ever.
struct Ending<'a> {
    state: &'a ShardState,
    round: u64,
}

impl Ending<'_> {
    fn end(self, durable: bool) {
        self.note(durable);
        std::mem::forget(self);
    }

    fn note(&self, durable: bool) {
        let mut rounds = self.state.sync.lock().unwrap_or_else(PoisonError::into_inner);
        rounds.running = false;
        rounds.ended = self.round;
        rounds.broken |= !durable;
        self.state.round_ended.notify_all();
    }
}

impl Drop for Ending<'_> {
    fn drop(&mut self) {
        self.note(false);
    }
}

impl Names<'_> {
    /// Notes a content that appeared.
    pub(crate) fn added(&self, size_bytes: u64) {
        if *self.state == Counted::Yes {
            self.sum(1, size_bytes);
        }
    }

    /// Notes a content that took the place of a damaged file.
    pub(crate) fn replaced(&self, was_bytes: u64, size_bytes: u64) {
        if *self.state == Counted::Yes {
            self.sum(0, size_bytes.wrapping_sub(was_bytes));
        }
    }

    /// Enters what the census found in this shard.
    pub(crate) fn counted(mut self, found: ContentStatus) {
        if *self.state == Counted::NotYet {
            *self.state = Counted::Yes;
            self.sum(found.contents, found.bytes);
            self.shards.counted.fetch_add(1, Ordering::Release);
        }
    }

    /// Adds to the sums; a difference below zero comes wrapped around.
    fn sum(&self, contents: u64, bytes: u64) {
        self.shards.contents.fetch_add(contents, Ordering::Relaxed);
        self.shards.bytes.fetch_add(bytes, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::mpsc;
    use std::time::Duration;

    #[test]
    fn those_that_wait_share_one_sync() {
        let shards = Shards::uncounted();
        let shard = Shard::new(7);
        let syncs = AtomicUsize::new(0);
        let (entered, has_entered) = mpsc::channel();
        let (open, gate) = mpsc::channel::<()>();
        std::thread::scope(|scope| {
            scope.spawn(|| {
                shards.make_durable(shard, move || {
                    entered.send(()).unwrap();
                    gate.recv().unwrap();
                    Ok(())
                })
            });
            has_entered.recv().unwrap();
            let waiting: Vec<_> = (0..8)
                .map(|_| {
                    scope.spawn(|| {
                        shards.make_durable(shard, || {
                            // As slow as a disk, so that those who come late find it under way.
                            std::thread::sleep(Duration::from_millis(20));
                            syncs.fetch_add(1, Ordering::Relaxed);
                            Ok(())
                        })
                    })
                })
                .collect();
            open.send(()).unwrap();
            for waiter in waiting {
                waiter.join().unwrap().unwrap();
            }
        });
        let syncs = syncs.load(Ordering::Relaxed);
        assert!((1..8).contains(&syncs), "{syncs} syncs for eight names");
    }

    #[test]
    fn after_a_failed_sync_the_shard_promises_nothing_more() {
        let shards = Shards::uncounted();
        let shard = Shard::new(0);
        shards.make_durable(shard, || Err(io::Error::other("bad sector"))).unwrap_err();
        shards.make_durable(shard, || Ok(())).unwrap_err();
        shards.make_durable(Shard::new(1), || Ok(())).unwrap();
    }

    #[test]
    fn a_sync_that_panics_is_a_failed_one() {
        let shards = Shards::uncounted();
        let shard = Shard::new(0);
        let panicked = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
            shards.make_durable(shard, || panic!("in the sync"))
        }));
        panicked.unwrap_err();
        shards.make_durable(shard, || Ok(())).unwrap_err();
    }

    #[test]
    fn changes_before_the_census_are_left_to_it() {
        let shards = Shards::uncounted();
        let shard = Shard::new(3);
        shards.names(shard).added(10);
        assert_eq!(shards.status(), ContentStatus::default());
        shards.names(shard).counted(ContentStatus { contents: 1, bytes: 10 });
        shards.names(shard).added(5);
        shards.names(shard).replaced(10, 4);
        assert_eq!(shards.status(), ContentStatus { contents: 2, bytes: 9 });
    }
}
