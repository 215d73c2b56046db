//! A part of the table: open addressing, with the entries in the order of their names.
//!
//! The place where an entry wants to be follows from its name so that larger names want to be further
//! behind. An entry that finds its place taken goes behind those with smaller names and before those
//! with larger ones, which move on (this is Robin Hood hashing). So all entries are in order: who looks
//! for one that is not there stops at the first larger one, growing is one pass, and a snapshot needs
//! no sorting. Behind the last place that is wanted there are some more, so that nothing wraps around.

use super::entry::{Entry, Place};
use super::limits;

/// Entries whose names begin with the same byte.
#[derive(Debug, Default)]
pub(super) struct Shard {
    places: Vec<Option<Entry>>,
    /// How many places are wanted; those behind take what finds none.
    wanted: usize,
    filled: usize,
}

impl Shard {
    pub(super) fn find(&self, prefix: u64) -> Option<Place> {
        let (at, there) = self.seek(prefix);
        there.then(|| self.places[at]).flatten().map(|entry| entry.place())
    }

    pub(super) fn insert(&mut self, entry: Entry) {
        if self.wanted == 0 {
            self.refill(limits::LEAST_PLACES);
        }
        let (at, there) = self.seek(entry.prefix);
        if there {
            self.places[at] = Some(entry);
            return;
        }
        if (self.filled + 1) * 100 > self.wanted * limits::FULL_PERCENT {
            self.refill(self.wanted + (self.wanted * limits::GROWTH_PERCENT / 100).max(1));
            return self.insert(entry);
        }
        self.put(at, entry);
    }

    pub(super) fn forget(&mut self, entry: Entry) {
        let (at, there) = self.seek(entry.prefix);
        if !there || self.places[at] != Some(entry) {
            return;
        }
        // Those behind move up, until there is nobody or one who is where it wants to be.
        let mut hole = at;
        while let Some(Some(next)) = self.places.get(hole + 1)
            && self.home(next.prefix) <= hole
        {
            self.places[hole] = Some(*next);
            hole += 1;
        }
        self.places[hole] = None;
        self.filled -= 1;
    }

    pub(super) fn retain(&mut self, keep: impl Fn(&Entry) -> bool) {
        let kept: Vec<Entry> = self.iter().filter(|entry| keep(entry)).collect();
        if kept.len() != self.filled {
            let wanted = (kept.len() * 100 / limits::FULL_PERCENT + 1).max(limits::LEAST_PLACES);
            self.fill(wanted.min(self.wanted), kept.into_iter());
        }
    }

    /// All entries, in the order of their names.
    pub(super) fn iter(&self) -> impl Iterator<Item = Entry> + '_ {
        self.places.iter().filter_map(|place| *place)
    }

    pub(super) fn len(&self) -> usize {
        self.filled
    }

    pub(super) fn memory_bytes(&self) -> usize {
        self.places.capacity() * size_of::<Option<Entry>>()
    }

    /// Fills an empty shard with entries in the order of their names.
    pub(super) fn of_sorted(entries: Vec<Entry>) -> Shard {
        let mut shard = Shard::default();
        let wanted = entries.len() * 100 / limits::FULL_PERCENT + 1;
        shard.fill(wanted.max(limits::LEAST_PLACES), entries.into_iter());
        shard
    }

    /// Where an entry is, or where it would have to go.
    fn seek(&self, prefix: u64) -> (usize, bool) {
        let mut at = self.home(prefix);
        while let Some(Some(entry)) = self.places.get(at) {
            if entry.prefix >= prefix {
                return (at, entry.prefix == prefix);
            }
            at += 1;
        }
        (at, false)
    }

    /// The place that an entry wants. All names of a shard begin with the same byte, which says nothing.
    fn home(&self, prefix: u64) -> usize {
        ((u128::from(prefix << 8) * self.wanted as u128) >> 64) as usize
    }

    /// Puts an entry where it has to go; everybody up to the next free place moves on.
    fn put(&mut self, at: usize, entry: Entry) {
        let mut moving = Some(entry);
        for place in at.. {
            self.make_place(place);
            std::mem::swap(&mut self.places[place], &mut moving);
            if moving.is_none() {
                break;
            }
        }
        self.filled += 1;
    }

    /// Makes a place behind the last that is wanted. Few are ever needed there, so they must not double
    /// what the shard takes.
    fn make_place(&mut self, at: usize) {
        if at >= self.places.len() {
            self.places.reserve_exact(at + 1 - self.places.len());
            self.places.resize(at + 1, None);
        }
    }

    fn refill(&mut self, wanted: usize) {
        let entries: Vec<Entry> = self.iter().collect();
        self.fill(wanted, entries.into_iter());
    }

    fn fill(&mut self, wanted: usize, entries: impl Iterator<Item = Entry>) {
        (self.wanted, self.filled) = (wanted, 0);
        self.places = Vec::with_capacity(wanted);
        self.places.resize(wanted, None);
        let mut free = 0;
        for entry in entries {
            let at = self.home(entry.prefix).max(free);
            self.make_place(at);
            self.places[at] = Some(entry);
            (free, self.filled) = (at + 1, self.filled + 1);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;

    use super::*;
    use crate::chunk::ChunkId;
    use crate::rows::Ordinal;

    /// Names that begin alike, so that they stand close together and behind the last place.
    fn entry(name: u16, slot: u16) -> Entry {
        let mut bytes = [0xff; 32];
        bytes[1] = if name < 200 { 0xff } else { (name >> 3) as u8 };
        bytes[6..8].copy_from_slice(&name.to_be_bytes());
        Entry::of(&ChunkId::from_bytes(bytes), Place { pack: Ordinal(u32::from(slot % 5)), slot })
    }

    #[derive(Debug, Clone)]
    enum Step {
        Insert(u16, u16),
        Forget(u16),
        Retain(u32),
    }

    fn step() -> impl Strategy<Value = Step> {
        prop_oneof![
            8 => (0u16..400, 0u16..100).prop_map(|(name, slot)| Step::Insert(name, slot)),
            3 => (0u16..400).prop_map(Step::Forget),
            1 => (0u32..5).prop_map(Step::Retain),
        ]
    }

    proptest! {
        #[test]
        fn a_shard_is_a_map_in_order(steps in proptest::collection::vec(step(), 1..600)) {
            let (mut shard, mut model) = (Shard::default(), BTreeMap::new());
            for step in steps {
                match step {
                    Step::Insert(name, slot) => {
                        let entry = entry(name, slot);
                        shard.insert(entry);
                        model.insert(entry.prefix, entry);
                    }
                    Step::Forget(name) => {
                        let there = model.remove(&entry(name, 0).prefix);
                        shard.forget(there.unwrap_or(entry(name, 0)));
                    }
                    Step::Retain(pack) => {
                        shard.retain(|entry| entry.place().pack.0 != pack);
                        model.retain(|_, entry: &mut Entry| entry.place().pack.0 != pack);
                    }
                }
                prop_assert_eq!(shard.len(), model.len());
            }
            prop_assert!(shard.iter().eq(model.values().copied()));
            for name in 0..400 {
                let prefix = entry(name, 0).prefix;
                prop_assert_eq!(shard.find(prefix), model.get(&prefix).map(Entry::place));
            }
            let again = Shard::of_sorted(model.values().copied().collect());
            prop_assert!(again.iter().eq(model.values().copied()));
            prop_assert!(model.values().all(|entry| again.find(entry.prefix) == Some(entry.place())));
        }
    }
}
