//! The thread that gives layers to the engine, and how the writer waits for it.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use super::Shared;
use crate::index::IndexError;
use crate::limits::{BEHIND_BATCHES, BEHIND_BYTES, BEHIND_FOR};

/// What the writer and the thread tell each other.
#[derive(Default)]
pub(super) struct Taker {
    told: Mutex<Told>,
    changed: Condvar,
}

#[derive(Default)]
struct Told {
    /// Batches in the active layer.
    batches: usize,
    /// What they weigh.
    bytes: usize,
    /// Since when there are some.
    since: Option<Instant>,
    /// A layer is frozen, or the engine syncs.
    is_busy: bool,
    /// Somebody waits for the end of all of it.
    hurry: bool,
    /// The engine is to be synced.
    sync: bool,
    stop: bool,
    failed: Failed,
}

#[derive(Default)]
enum Failed {
    #[default]
    No,
    /// With what nobody was told yet.
    With(IndexError),
    Told,
}

/// What the thread does next.
enum Job {
    /// Freeze the active layer and give it to the engine.
    Take,
    Sync,
    End,
}

impl Told {
    fn is_full(&self) -> bool {
        self.batches >= BEHIND_BATCHES || self.bytes >= BEHIND_BYTES
    }

    /// The error of the engine, once; afterwards only that there was one.
    fn check(&mut self, engine: &'static str) -> Result<(), IndexError> {
        match std::mem::take(&mut self.failed) {
            Failed::No => Ok(()),
            Failed::With(error) => {
                self.failed = Failed::Told;
                Err(error)
            }
            Failed::Told => {
                self.failed = Failed::Told;
                Err(IndexError { engine, full: false, source: "it failed before".into() })
            }
        }
    }

    fn has_failed(&self) -> bool {
        !matches!(self.failed, Failed::No)
    }
}

impl Taker {
    fn lock(&self) -> MutexGuard<'_, Told> {
        self.told.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn wait<'a>(&self, told: MutexGuard<'a, Told>) -> MutexGuard<'a, Told> {
        self.changed.wait(told).unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits until the active layer may take more.
    pub(super) fn room(&self, engine: &'static str) -> Result<(), IndexError> {
        let mut told = self.lock();
        while told.is_full() && !told.has_failed() {
            told = self.wait(told);
        }
        told.check(engine)
    }

    /// Says how much the active layer holds.
    pub(super) fn told(&self, batches: usize, bytes: usize) {
        let mut told = self.lock();
        (told.batches, told.bytes) = (batches, bytes);
        // The thread wakes by itself after a while; it is woken for the first batch and when there
        // is no time to lose.
        let first = told.since.is_none();
        told.since.get_or_insert_with(Instant::now);
        if first || told.is_full() {
            self.changed.notify_all();
        }
    }

    /// Waits until the engine has taken everything and is synced.
    pub(super) fn finish(&self, engine: &'static str) -> Result<(), IndexError> {
        let mut told = self.lock();
        (told.hurry, told.sync) = (true, true);
        self.changed.notify_all();
        while (told.sync || told.is_busy || told.since.is_some()) && !told.has_failed() {
            told = self.wait(told);
        }
        told.hurry = false;
        told.check(engine)
    }

    /// Has the engine synced soon.
    pub(super) fn sync_soon(&self, engine: &'static str) -> Result<(), IndexError> {
        let mut told = self.lock();
        told.sync = true;
        self.changed.notify_all();
        told.check(engine)
    }

    /// Ends the thread.
    pub(super) fn stop(&self) {
        self.lock().stop = true;
        self.changed.notify_all();
    }

    /// Waits for something to do.
    fn next(&self) -> Job {
        let mut told = self.lock();
        loop {
            let waited = told.since.map(|since| since.elapsed());
            let due = waited.is_some_and(|waited| told.hurry || told.is_full() || waited >= BEHIND_FOR);
            // Whoever waits for the end wants everything taken before it is synced; otherwise a
            // store that is always busy would never sync.
            let sync = told.sync && !(told.hurry && waited.is_some());
            match (told.stop, sync, due) {
                (true, _, _) => return Job::End,
                (false, true, _) => {
                    (told.sync, told.is_busy) = (false, true);
                    return Job::Sync;
                }
                (false, false, true) => {
                    told.is_busy = true;
                    return Job::Take;
                }
                (false, false, false) => {}
            }
            let left = waited.map_or(Duration::MAX, |waited| BEHIND_FOR.saturating_sub(waited));
            told = match left {
                Duration::MAX => self.wait(told),
                left => self.changed.wait_timeout(told, left).unwrap_or_else(PoisonError::into_inner).0,
            };
        }
    }

    /// The active layer was frozen, and is empty.
    fn frozen(&self) {
        let mut told = self.lock();
        (told.batches, told.bytes, told.since) = (0, 0, None);
        self.changed.notify_all();
    }

    /// A job is done; says whether there is a next one.
    fn done(&self, result: Result<(), IndexError>) -> bool {
        let mut told = self.lock();
        told.is_busy = false;
        let goes_on = result.is_ok();
        if let Err(error) = result {
            told.failed = Failed::With(error);
        }
        self.changed.notify_all();
        goes_on
    }
}

/// Gives layers to the engine until it is told to end or the engine fails.
pub(super) fn run(shared: &Shared) {
    loop {
        let result = match shared.taker.next() {
            Job::Take => take(shared),
            Job::Sync => sync(shared),
            Job::End => return,
        };
        if !shared.taker.done(result) {
            return;
        }
    }
}

fn take(shared: &Shared) -> Result<(), IndexError> {
    let frozen = {
        let mut layers = shared.change();
        let frozen = Arc::new(std::mem::take(&mut layers.active));
        layers.frozen = Some(Arc::clone(&frozen));
        // Under the same lock, so that the writer cannot add in between.
        shared.taker.frozen();
        frozen
    };
    guarded(shared, || shared.base.apply(&frozen.records))?;
    // What was frozen is dropped outside of the lock, which readers wait for.
    let taken = shared.change().frozen.take();
    drop(taken);
    Ok(())
}

fn sync(shared: &Shared) -> Result<(), IndexError> {
    let begun = Instant::now();
    guarded(shared, || shared.base.sync())?;
    metrics::histogram!("star_store_index_sync_seconds").record(begun.elapsed().as_secs_f64());
    Ok(())
}

/// An engine may panic on a page that is damaged in a way which it does not foresee.
fn guarded(shared: &Shared, run: impl FnOnce() -> Result<(), IndexError>) -> Result<(), IndexError> {
    let engine = shared.base.name();
    catch_unwind(AssertUnwindSafe(run))
        .unwrap_or_else(|_| Err(IndexError { engine, full: false, source: "the engine panicked".into() }))
}
