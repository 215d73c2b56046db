//! Who relies on a pack at this moment: as long as somebody does, nothing of it may be taken away.
//!
//! A lease is taken with every answer that spares somebody bytes, before the answer, and given back when
//! the content that relies on it is referred to or forgotten.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::rows::Ordinal;

/// The leases on all packs of a store.
#[derive(Debug, Default)]
pub(crate) struct Leases(Mutex<HashMap<Ordinal, u32>>);

/// Somebody relies on a pack.
#[derive(Debug)]
pub(crate) struct Lease {
    leases: Arc<Leases>,
    pack: Ordinal,
}

impl Leases {
    /// Relies on a pack.
    pub(crate) fn take(self: &Arc<Self>, pack: Ordinal) -> Lease {
        *self.lock().entry(pack).or_default() += 1;
        Lease { leases: Arc::clone(self), pack }
    }

    /// How many packs somebody relies on.
    pub(crate) fn len(&self) -> usize {
        self.lock().len()
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<Ordinal, u32>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        let mut held = self.leases.lock();
        if let Some(count) = held.get_mut(&self.pack) {
            *count -= 1;
            if *count == 0 {
                held.remove(&self.pack);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pack_is_relied_on_for_as_long_as_somebody_does() {
        let (leases, pack) = (Arc::new(Leases::default()), Ordinal(1));
        let (first, second) = (leases.take(pack), leases.take(pack));
        drop(first);
        assert_eq!(leases.len(), 1);
        drop(second);
        assert_eq!(leases.len(), 0);
    }
}
