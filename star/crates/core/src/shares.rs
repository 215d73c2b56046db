//! What is under way, shared fairly between Spaces: the flood of one does not starve another.
//!
//! Owns the counting. A Space may have as much under way as is still free for all, so one alone
//! gets half of everything, two that flood get a third each, and there is always room for one that
//! comes late. Nothing waits here: what finds no share is refused at once, and comes again.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};

use dashmap::DashMap;

/// The shares of all Spaces.
#[derive(Debug)]
pub(crate) struct Shares {
    limit: u32,
    taken: AtomicU32,
    /// Since the start.
    refused: AtomicU64,
    spaces: DashMap<Box<str>, u32>,
}

impl Shares {
    /// Shares of this many places.
    pub(crate) fn of(limit: u32) -> Arc<Shares> {
        Arc::new(Shares { limit, taken: AtomicU32::new(0), refused: AtomicU64::new(0), spaces: DashMap::new() })
    }

    /// One place for a Space; none when it has its share already.
    pub(crate) fn take(self: &Arc<Self>, space: &str) -> Option<Share> {
        let share = self.take_one(space);
        if share.is_none() {
            self.refused.fetch_add(1, Ordering::Relaxed);
        }
        share
    }

    fn take_one(self: &Arc<Self>, space: &str) -> Option<Share> {
        // Two that look at the same moment may both take the last place. The limit is a matter of
        // memory and fairness, and one more does no harm to either.
        let free = self.limit.saturating_sub(self.taken.load(Ordering::Relaxed));
        match self.spaces.get_mut(space) {
            Some(taken) if *taken >= free => return None,
            Some(mut taken) => *taken += 1,
            None if free == 0 => return None,
            None => *self.spaces.entry(space.into()).or_insert(0) += 1,
        }
        self.taken.fetch_add(1, Ordering::Relaxed);
        Some(Share { shares: Arc::clone(self), space: space.into() })
    }

    /// How many places are taken.
    pub(crate) fn taken(&self) -> u32 {
        self.taken.load(Ordering::Relaxed)
    }

    /// How many found no place since the start.
    pub(crate) fn refused(&self) -> u64 {
        self.refused.load(Ordering::Relaxed)
    }
}

/// One place, given back when it is dropped.
#[derive(Debug)]
pub(crate) struct Share {
    shares: Arc<Shares>,
    space: Box<str>,
}

impl Drop for Share {
    fn drop(&mut self) {
        self.shares.taken.fetch_sub(1, Ordering::Relaxed);
        // A Space with nothing under way is forgotten, so the table holds no more than is taken.
        self.shares.spaces.remove_if_mut(&self.space, |_, taken| {
            *taken = taken.saturating_sub(1);
            *taken == 0
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn take_all(shares: &Arc<Shares>, space: &str) -> Vec<Share> {
        std::iter::from_fn(|| shares.take(space)).collect()
    }

    #[test]
    fn one_that_floods_leaves_room_for_those_that_come_late() {
        let shares = Shares::of(120);
        let first = take_all(&shares, "first");
        assert_eq!(first.len(), 60);
        let second = take_all(&shares, "second");
        assert_eq!(second.len(), 30);
        assert!(shares.take("first").is_none());
        assert!(shares.take("third").is_some());
        assert_eq!((shares.taken(), shares.refused()), (90, 3));
        drop(second);
        assert!(shares.take("first").is_none() && shares.take("second").is_some());
    }

    #[test]
    fn what_is_given_back_leaves_nothing_behind() {
        let shares = Shares::of(8);
        drop(take_all(&shares, "acme"));
        assert_eq!((shares.taken(), shares.spaces.len()), (0, 0));
    }
}
