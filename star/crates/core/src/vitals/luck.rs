//! How often something was found.

use std::sync::atomic::{AtomicU64, Ordering};

use super::Cache;

/// How often something was found in a cache since the start, and how often not.
#[derive(Debug, Default)]
pub struct Luck {
    hits: AtomicU64,
    misses: AtomicU64,
}

impl Luck {
    /// Notes that something was found, or that it was not.
    pub fn note(&self, found: bool) {
        if found { &self.hits } else { &self.misses }.fetch_add(1, Ordering::Relaxed);
    }

    /// What a cache with this luck says of itself.
    pub fn of_cache(&self, name: &'static str, about: &'static str, entries: usize, bytes: Option<u64>) -> Cache {
        let read = |count: &AtomicU64| count.load(Ordering::Relaxed);
        Cache { name, about, entries: entries as u64, bytes, hits: read(&self.hits), misses: read(&self.misses) }
    }
}
