//! What the store tells the metrics: bytes in and out, the time of syncs, the luck of the cache.

use metrics::{Counter, Histogram, counter, histogram};

/// Handles on the metrics, looked up once: the recorder has to be installed before the store
/// is opened.
#[derive(Clone)]
pub(crate) struct Meters {
    pub(crate) bytes_in: Counter,
    pub(crate) bytes_out: Counter,
    pub(crate) cache_hits: Counter,
    pub(crate) cache_misses: Counter,
    pub(crate) cold_reads: Counter,
    pub(crate) sync_seconds: Histogram,
}

impl Meters {
    /// Registers the metrics.
    pub(crate) fn register() -> Meters {
        Meters {
            bytes_in: counter!("star_content_in_bytes_total"),
            bytes_out: counter!("star_content_out_bytes_total"),
            cache_hits: counter!("star_content_cache_hits_total"),
            cache_misses: counter!("star_content_cache_misses_total"),
            cold_reads: counter!("star_content_cold_reads_total"),
            sync_seconds: histogram!("star_content_sync_seconds"),
        }
    }
}
