//! What the host tells the metrics.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use metrics::{Counter, counter};
use star_core::ports::mechtron::HostStatus;

use crate::failure::Ended;

/// Handles on the metrics, looked up once: the recorder has to be installed before the host is
/// made.
#[derive(Clone)]
pub(crate) struct Meters {
    answered: Counter,
    timed_out: Counter,
    out_of_memory: Counter,
    trapped: Counter,
    compiled: Counter,
    cache_hits: Counter,
    counts: Arc<Counts>,
}

/// The same numbers for whoever asks the host itself; a metric cannot be read back.
#[derive(Default)]
struct Counts {
    compiled: AtomicU64,
    cached: AtomicU64,
    calls: AtomicU64,
    killed: AtomicU64,
}

impl Meters {
    /// Registers the metrics.
    pub(crate) fn register() -> Meters {
        let calls = |outcome: &'static str| counter!("star_mechtron_calls_total", "outcome" => outcome);
        Meters {
            answered: calls("answered"),
            timed_out: calls("timed_out"),
            out_of_memory: calls("out_of_memory"),
            trapped: calls("trapped"),
            compiled: counter!("star_mechtron_compiled_total"),
            cache_hits: counter!("star_mechtron_cache_hits_total"),
            counts: Arc::default(),
        }
    }

    /// Counts a compilation.
    pub(crate) fn compiled(&self) {
        self.compiled.increment(1);
        self.counts.compiled.fetch_add(1, Ordering::Relaxed);
    }

    /// Counts compiled code that was found on disk.
    pub(crate) fn cached(&self) {
        self.cache_hits.increment(1);
        self.counts.cached.fetch_add(1, Ordering::Relaxed);
    }

    /// What was counted since the start.
    pub(crate) fn status(&self) -> HostStatus {
        let read = |count: &AtomicU64| count.load(Ordering::Relaxed);
        let Counts { compiled, cached, calls, killed } = self.counts.as_ref();
        HostStatus {
            loaded: 0,
            compiled: read(compiled),
            cached: read(cached),
            calls: read(calls),
            killed: read(killed),
        }
    }

    /// Counts a call.
    pub(crate) fn count<T>(&self, call: &Result<T, Ended>) {
        self.counts.calls.fetch_add(1, Ordering::Relaxed);
        if call.is_err() {
            self.counts.killed.fetch_add(1, Ordering::Relaxed);
        }
        match call {
            Ok(_) => &self.answered,
            Err(Ended::OutOfExec | Ended::OutOfRespond | Ended::OutOfPatience) => &self.timed_out,
            Err(Ended::OutOfMemory) => &self.out_of_memory,
            Err(Ended::Trapped(_)) => &self.trapped,
        }
        .increment(1);
    }
}
