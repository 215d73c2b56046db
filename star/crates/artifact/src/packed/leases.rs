//! Who relies on a pack at this moment: as long as somebody does, it is not taken away.
//!
//! A lease is taken with every answer that spares somebody bytes, before the answer, and given back when
//! the content that relies on it is referred to or forgotten. The collector closes a pack to new leases,
//! which it can when there is none, and goes on from there: so nobody ever relies on what is on its way
//! out.

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::rows::Ordinal;

/// The leases on all packs of a store.
#[derive(Debug, Default)]
pub(crate) struct Leases(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    held: HashMap<Ordinal, u32>,
    closed: HashSet<Ordinal>,
}

/// Somebody relies on a pack.
#[derive(Debug)]
pub(crate) struct Lease {
    leases: Arc<Leases>,
    pack: Ordinal,
}

impl Leases {
    /// Relies on a pack; none if it is on its way out.
    pub(crate) fn take(self: &Arc<Self>, pack: Ordinal) -> Option<Lease> {
        let mut state = self.lock();
        if state.closed.contains(&pack) {
            return None;
        }
        *state.held.entry(pack).or_default() += 1;
        Some(Lease { leases: Arc::clone(self), pack })
    }

    /// Closes a pack to new leases; not if somebody relies on it. True if it is closed.
    pub(crate) fn close(&self, pack: Ordinal) -> bool {
        let mut state = self.lock();
        let free = !state.held.contains_key(&pack);
        if free {
            state.closed.insert(pack);
        }
        free
    }

    /// Opens a pack again.
    pub(crate) fn open(&self, pack: Ordinal) {
        self.lock().closed.remove(&pack);
    }

    /// Whether a pack is on its way out.
    pub(crate) fn is_closed(&self, pack: Ordinal) -> bool {
        self.lock().closed.contains(&pack)
    }

    /// How many packs somebody relies on.
    pub(crate) fn len(&self) -> usize {
        self.lock().held.len()
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        let mut state = self.leases.lock();
        if let Some(count) = state.held.get_mut(&self.pack) {
            *count -= 1;
            if *count == 0 {
                state.held.remove(&self.pack);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_somebody_relies_on_is_not_closed_and_what_is_closed_nobody_relies_on() {
        let (leases, pack) = (Arc::new(Leases::default()), Ordinal(1));
        let (first, second) = (leases.take(pack).unwrap(), leases.take(pack).unwrap());
        drop(first);
        assert!(!leases.close(pack) && leases.len() == 1);
        drop(second);
        assert!(leases.close(pack) && leases.is_closed(pack) && leases.len() == 0);
        assert!(leases.take(pack).is_none() && leases.take(Ordinal(2)).is_some());
        leases.open(pack);
        assert!(leases.take(pack).is_some());
    }
}
