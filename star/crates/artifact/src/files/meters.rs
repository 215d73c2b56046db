//! What the store tells the metrics: bytes in and out, the time of syncs, the luck of the cache.

use std::sync::Arc;

use metrics::{Counter, counter, histogram};
use star_core::vitals::{Luck, Stopwatch};

/// Handles on the metrics, looked up once: the recorder has to be installed before the store
/// is opened.
#[derive(Clone)]
pub(crate) struct Meters {
    pub(crate) bytes_in: Counter,
    pub(crate) bytes_out: Counter,
    pub(crate) cold_reads: Counter,
    /// Whether small contents were in memory.
    pub(crate) small: Arc<Luck>,
    /// Whether the files of large ones were open.
    pub(crate) files: Arc<Luck>,
    pub(crate) sync: Arc<Stopwatch>,
}

impl Meters {
    /// Registers the metrics.
    pub(crate) fn register() -> Meters {
        Meters {
            bytes_in: counter!("star_content_in_bytes_total"),
            bytes_out: counter!("star_content_out_bytes_total"),
            cold_reads: counter!("star_content_cold_reads_total"),
            small: Arc::default(),
            files: Arc::default(),
            sync: Arc::new(Stopwatch::new(
                "content_sync",
                "bringing a content to the disk for good",
                histogram!("star_content_sync_seconds"),
            )),
        }
    }
}
