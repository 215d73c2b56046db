//! What the store measures on its way, and what it says of itself.

use std::sync::atomic::Ordering;

use metrics::{Gauge, Histogram, gauge, histogram};
use star_core::vitals::{Luck, Queue, Stopwatch, Vitals};

use crate::limits::QUEUE_BATCHES;
use crate::shared::Shared;

/// Handles on the metrics, looked up once: the recorder has to be installed before the store is
/// opened.
pub(crate) struct Meters {
    /// A batch, from being sent to its answer.
    pub(crate) commit: Stopwatch,
    /// Making a group durable.
    pub(crate) sync: Stopwatch,
    /// Whether events that were asked for were in memory.
    pub(crate) recent: Luck,
    /// Batches that became durable together.
    pub(crate) group: Histogram,
    pub(crate) position: Gauge,
    pub(crate) journal_bytes: Gauge,
}

impl Meters {
    /// Registers the metrics.
    pub(crate) fn register() -> Meters {
        let commit = histogram!("star_store_commit_seconds");
        let sync = histogram!("star_store_fsync_seconds");
        Meters {
            commit: Stopwatch::new("commit", "a batch, from being sent to the store to its answer", commit),
            sync: Stopwatch::new("journal_sync", "making a group of batches durable", sync),
            recent: Luck::default(),
            group: histogram!("star_store_group_batches"),
            position: gauge!("star_store_position"),
            journal_bytes: gauge!("star_store_journal_bytes"),
        }
    }
}

/// What a store says of itself that has so many batches waiting for its writer.
pub(crate) fn vitals(shared: &Shared, waiting: usize) -> Vitals {
    let (head, checkpoint) = (*shared.head.borrow(), shared.checkpoint.load(Ordering::Relaxed));
    let unlimited = |name, about, taken| Queue { name, about, taken, limit: None, refused: None };
    let commits = Queue {
        limit: Some(QUEUE_BATCHES as u64),
        ..unlimited("commits", "batches that wait for the writer of the store", waiting as u64)
    };
    let behind = shared.index.get().map_or(0, |index| index.waiting());
    let queues = vec![
        commits,
        unlimited("index_behind", "batches that are durable and not yet in the index", behind as u64),
        unlimited("uncovered", "batches behind the last checkpoint", head.saturating_sub(checkpoint)),
    ];
    let (entries, bytes) = shared.recent.size();
    let recent = shared.meters.recent.of_cache("recent_events", "the last batches of events", entries, Some(bytes));
    let times = vec![shared.meters.commit.times(), shared.meters.sync.times()];
    Vitals { queues, caches: vec![recent], times }
}
