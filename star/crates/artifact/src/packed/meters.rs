//! What the store tells the metrics.

use std::sync::Arc;

use metrics::{Counter, counter, histogram};
use star_core::vitals::{Luck, Stopwatch};

/// Handles on the metrics, looked up once: the recorder has to be installed before the store is opened.
pub(crate) struct Meters {
    pub(crate) bytes_in: Counter,
    pub(crate) bytes_out: Counter,
    /// Whether small contents were in memory.
    pub(crate) small: Arc<Luck>,
    pub(crate) sync: Arc<Stopwatch>,
}

impl Meters {
    /// Registers the metrics.
    pub(crate) fn register() -> Meters {
        let seconds = histogram!("star_content_sync_seconds");
        let sync = Stopwatch::new("content_sync", "bringing contents to the disk for good", seconds);
        Meters {
            bytes_in: counter!("star_content_in_bytes_total"),
            bytes_out: counter!("star_content_out_bytes_total"),
            small: Arc::default(),
            sync: Arc::new(sync),
        }
    }
}
