//! Which chunks of a content the store has, as its pipeline finds out.
//!
//! The table only gives a hint; the slot in the pack says whether it is that chunk. A pack in which
//! something was found is kept for as long as whoever found it lives.

use std::collections::hash_map::Entry;
use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::leases::{Lease, Leases};
use super::packs::Packs;
use crate::chunk::ChunkId;
use crate::pack::Slot;
use crate::rows::Ordinal;
use crate::table::{Place, Table};

/// What was found for one content.
pub(crate) struct Known {
    packs: Arc<Packs>,
    table: Arc<Table>,
    leases: Arc<Leases>,
    seen: Mutex<Seen>,
}

#[derive(Default)]
struct Seen {
    found: HashMap<ChunkId, Found>,
    /// Those that the content brings itself.
    own: HashSet<ChunkId>,
    leases: HashMap<Ordinal, Lease>,
}

/// Where a chunk lies.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Found {
    pub(crate) place: Place,
    pub(crate) slot: Slot,
}

impl Known {
    pub(crate) fn new(packs: Arc<Packs>, table: Arc<Table>, leases: Arc<Leases>) -> Known {
        Known { packs, table, leases, seen: Mutex::default() }
    }

    /// Whether the bytes of a chunk are needed no more. Blocks for a moment where nobody looked into its
    /// pack lately.
    pub(crate) fn has(&self, chunk: &ChunkId) -> bool {
        let mut seen = self.lock();
        if seen.found.contains_key(chunk) || seen.own.contains(chunk) {
            return true;
        }
        match self.look(chunk, &mut seen.leases) {
            Some(found) => seen.found.insert(*chunk, found).is_none(),
            None => !seen.own.insert(*chunk),
        }
    }

    /// Where a chunk lies that the store had before.
    pub(crate) fn found(&self, chunk: &ChunkId) -> Option<Found> {
        self.lock().found.get(chunk).copied()
    }

    /// Relies on a pack that the content itself is written to.
    pub(crate) fn rely_on(&self, pack: Ordinal) {
        let mut seen = self.lock();
        if let Entry::Vacant(vacant) = seen.leases.entry(pack)
            && let Some(lease) = self.leases.take(pack)
        {
            vacant.insert(lease);
        }
    }

    /// What keeps the packs in which something was found.
    pub(crate) fn take_leases(&self) -> Vec<Lease> {
        std::mem::take(&mut self.lock().leases).into_values().collect()
    }

    fn look(&self, chunk: &ChunkId, leases: &mut HashMap<Ordinal, Lease>) -> Option<Found> {
        let place = self.table.find(chunk)?;
        if self.packs.get(place.pack).is_some_and(|pack| pack.is_quarantined()) {
            return None;
        }
        if let Entry::Vacant(vacant) = leases.entry(place.pack) {
            vacant.insert(self.leases.take(place.pack)?);
        }
        match self.packs.slot(place) {
            Ok(slot) if slot.chunk == *chunk => Some(Found { place, slot }),
            Ok(_) => None,
            Err(error) => {
                tracing::debug!(%chunk, error = &error as &dyn std::error::Error, "the table names a place that is none");
                self.table.forget(chunk, place);
                None
            }
        }
    }

    fn lock(&self) -> MutexGuard<'_, Seen> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
