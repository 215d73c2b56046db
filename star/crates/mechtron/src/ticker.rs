//! The clock that interrupts guest code: a thread that ticks while calls run, and sleeps when
//! there have been none for a while.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread::{self, JoinHandle, Thread};

use wasmtime::Engine;

use crate::limits;

#[derive(Default)]
struct Shared {
    running: AtomicUsize,
    asleep: AtomicBool,
    stopped: AtomicBool,
}

/// The clock. Stops with its last owner.
pub(crate) struct Ticker {
    shared: Arc<Shared>,
    thread: Thread,
    handle: Option<JoinHandle<()>>,
}

/// A call that runs: the clock ticks while there is one.
pub(crate) struct Running(Arc<Ticker>);

impl Ticker {
    /// Starts the clock of an engine.
    pub(crate) fn start(engine: &Engine) -> std::io::Result<Arc<Ticker>> {
        let shared = Arc::new(Shared::default());
        let (engine, theirs) = (engine.clone(), Arc::clone(&shared));
        let handle = thread::Builder::new().name("mechtron-clock".into()).spawn(move || tick(&engine, &theirs))?;
        Ok(Arc::new(Ticker { shared, thread: handle.thread().clone(), handle: Some(handle) }))
    }

    /// Counts a call in, and wakes the clock for it.
    pub(crate) fn run(self: &Arc<Self>) -> Running {
        // Both sides write their own flag before they read the other's, so that one of them sees
        // that the clock is needed.
        self.shared.running.fetch_add(1, Ordering::SeqCst);
        if self.shared.asleep.load(Ordering::SeqCst) {
            self.thread.unpark();
        }
        Running(Arc::clone(self))
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.0.shared.running.fetch_sub(1, Ordering::SeqCst);
    }
}

impl Drop for Ticker {
    fn drop(&mut self) {
        self.shared.stopped.store(true, Ordering::SeqCst);
        self.thread.unpark();
        if let Some(handle) = self.handle.take()
            && handle.join().is_err()
        {
            tracing::error!("the clock of the mechtrons panicked");
        }
    }
}

fn tick(engine: &Engine, shared: &Shared) {
    let mut idle_ticks = 0;
    while !shared.stopped.load(Ordering::SeqCst) {
        if idle_ticks >= limits::IDLE_TICKS {
            sleep(shared);
            idle_ticks = 0;
        }
        thread::park_timeout(limits::TICK);
        engine.increment_epoch();
        let idle = shared.running.load(Ordering::SeqCst) == 0;
        idle_ticks = if idle { idle_ticks + 1 } else { 0 };
    }
}

fn sleep(shared: &Shared) {
    shared.asleep.store(true, Ordering::SeqCst);
    while shared.running.load(Ordering::SeqCst) == 0 && !shared.stopped.load(Ordering::SeqCst) {
        thread::park();
    }
    shared.asleep.store(false, Ordering::SeqCst);
}
