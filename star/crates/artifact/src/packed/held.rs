//! How much the store holds: contents that somebody refers to, and those that somebody is about to.

use std::collections::HashSet;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};

use crate::rows::Sha256;

/// The counts of a store.
#[derive(Debug)]
pub(crate) struct Held {
    contents: AtomicU64,
    bytes: AtomicU64,
    /// What came since the start, while the rows of before are still counted.
    came: Mutex<Option<HashSet<Sha256>>>,
}

impl Default for Held {
    fn default() -> Held {
        Held { contents: AtomicU64::new(0), bytes: AtomicU64::new(0), came: Mutex::new(Some(HashSet::new())) }
    }
}

impl Held {
    /// Counts a content that came in.
    pub(crate) fn add(&self, sha256: &Sha256, size_bytes: u64) {
        if let Some(came) = self.came.lock().unwrap_or_else(PoisonError::into_inner).as_mut() {
            came.insert(*sha256);
        }
        self.count(size_bytes);
    }

    /// Counts a content whose row was found, unless it came in since the start.
    pub(crate) fn found(&self, sha256: &Sha256, size_bytes: u64) {
        let came = self.came.lock().unwrap_or_else(PoisonError::into_inner);
        if !came.as_ref().is_some_and(|came| came.contains(sha256)) {
            self.count(size_bytes);
        }
    }

    /// Notes that all rows of before were found.
    pub(crate) fn found_all(&self) {
        *self.came.lock().unwrap_or_else(PoisonError::into_inner) = None;
    }

    /// Counts a content that is gone.
    pub(crate) fn take(&self, size_bytes: u64) {
        self.contents.fetch_sub(1, Ordering::Relaxed);
        self.bytes.fetch_sub(size_bytes, Ordering::Relaxed);
    }

    /// How many contents there are.
    pub(crate) fn contents(&self) -> u64 {
        self.contents.load(Ordering::Relaxed)
    }

    /// Their bytes.
    pub(crate) fn bytes(&self) -> u64 {
        self.bytes.load(Ordering::Relaxed)
    }

    fn count(&self, size_bytes: u64) {
        self.contents.fetch_add(1, Ordering::Relaxed);
        self.bytes.fetch_add(size_bytes, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_comes_in_while_rows_are_counted_is_counted_once() {
        let held = Held::default();
        held.add(&[1; 32], 10);
        held.found(&[1; 32], 10);
        held.found(&[2; 32], 5);
        held.found_all();
        held.add(&[3; 32], 1);
        assert_eq!((held.contents(), held.bytes()), (3, 16));
        held.take(10);
        assert_eq!((held.contents(), held.bytes()), (2, 6));
    }
}
