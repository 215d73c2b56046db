//! What was removed, and when: the part of [`Precondition::RangeUnchangedSince`] that rows cannot
//! tell, because they are gone.
//!
//! [`Precondition::RangeUnchangedSince`]: star_core::ports::meta::Precondition
//!
//! Per shard, the newest removals are remembered, and a *floor*: the revision up to which they
//! may have been forgotten. Asked about a moment before the floor the answer is "changed", which
//! costs the caller another read and is never wrong in the dangerous direction. After a restart
//! the removals come from the frames read at start, and the floor from the index.

use std::collections::{BTreeMap, VecDeque};

use star_core::ports::meta::{Key, KeyRange, Operation, Revision, Shard};

use crate::index::{Record, ShardState, overlap};
use crate::limits::REMEMBERED_ERASURES;

/// Removals of all shards.
#[derive(Debug, Default)]
pub(crate) struct Erasures {
    shards: BTreeMap<Shard, OfShard>,
}

#[derive(Debug, Default)]
struct OfShard {
    floor: Revision,
    ranges: VecDeque<(Revision, KeyRange)>,
}

impl Erasures {
    /// Remembers what a batch removed.
    pub(crate) fn note(&mut self, record: &Record) {
        if !record.erases() {
            return;
        }
        for range in record.operations.iter().filter_map(erased_by) {
            self.add(record.shard, record.revision, range);
        }
    }

    /// Remembers one removal, the newest of its shard.
    pub(crate) fn add(&mut self, shard: Shard, revision: Revision, range: KeyRange) {
        let of_shard = self.shards.entry(shard).or_default();
        of_shard.ranges.push_back((revision, range));
        while of_shard.ranges.len() > REMEMBERED_ERASURES {
            if let Some((forgotten, _)) = of_shard.ranges.pop_front() {
                of_shard.floor = of_shard.floor.max(forgotten);
            }
        }
    }

    /// Learns that removals of a shard up to a revision may have been forgotten.
    pub(crate) fn set_floor(&mut self, shard: Shard, floor: Revision) {
        self.shards.entry(shard).or_default().floor = floor;
    }

    /// The floors of all shards that have one.
    pub(crate) fn floors(&self) -> impl Iterator<Item = (Shard, Revision)> {
        self.shards.iter().filter(|(_, of)| of.floor > 0).map(|(shard, of)| (*shard, of.floor))
    }

    /// All removals that are remembered, of each shard the oldest first.
    pub(crate) fn ranges(&self) -> impl Iterator<Item = (Shard, Revision, &KeyRange)> {
        let each = self.shards.iter();
        each.flat_map(|(shard, of)| of.ranges.iter().map(|(revision, range)| (*shard, *revision, range)))
    }

    /// Learns, after the frames of a start were noted, what may have been removed before them:
    /// `first_seen` is the revision of the shard's first frame among them.
    pub(crate) fn nothing_known_before(&mut self, shard: Shard, state: ShardState, first_seen: Option<Revision>) {
        let unseen = first_seen.map_or(Revision::MAX, |first| first.saturating_sub(1));
        let of_shard = self.shards.entry(shard).or_default();
        of_shard.floor = of_shard.floor.max(state.erased.min(unseen));
    }

    /// Whether keys of a range may have been removed after a revision of a shard; the revision
    /// of a removal that is known, or of the floor.
    pub(crate) fn since(&self, shard: Shard, range: &KeyRange, since: Revision) -> Option<Revision> {
        let of_shard = self.shards.get(&shard)?;
        if since < of_shard.floor {
            return Some(of_shard.floor);
        }
        of_shard
            .ranges
            .iter()
            .rev()
            .take_while(|(revision, _)| *revision > since)
            .find(|(_, erased)| overlap(erased, range))
            .map(|(revision, _)| *revision)
    }
}

/// The range that an operation removes.
pub(crate) fn erased_by(operation: &Operation) -> Option<KeyRange> {
    match operation {
        Operation::Put(..) => None,
        Operation::Delete(key) => Some(only(key)),
        Operation::DeleteRange(range) => Some(range.clone()),
    }
}

/// The range of one key.
fn only(key: &Key) -> KeyRange {
    let mut end = Vec::with_capacity(key.as_bytes().len() + 1);
    end.extend_from_slice(key.as_bytes());
    end.push(0);
    KeyRange { start: key.clone(), end: Some(Key::new(end)) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shard() -> Shard {
        Shard::new(3).unwrap()
    }

    fn erasing(revision: Revision, key: &'static str) -> Record {
        Record { position: revision, shard: shard(), revision, operations: vec![Operation::Delete(Key::new(key))] }
    }

    #[test]
    fn a_removal_is_seen_by_those_who_looked_before_it_and_in_its_range_only() {
        let mut erasures = Erasures::default();
        erasures.note(&erasing(5, "b"));
        let range =
            |start: &'static str, end: &'static str| KeyRange { start: Key::new(start), end: Some(Key::new(end)) };
        assert_eq!(erasures.since(shard(), &range("a", "c"), 4), Some(5));
        assert_eq!(erasures.since(shard(), &range("a", "c"), 5), None);
        assert_eq!(erasures.since(shard(), &range("a", "b"), 4), None);
        assert_eq!(erasures.since(shard(), &range("c", "a"), 0), None);
        assert_eq!(erasures.since(Shard::new(4).unwrap(), &range("a", "c"), 0), None);
    }

    #[test]
    fn what_was_forgotten_counts_as_changed() {
        let mut erasures = Erasures::default();
        for revision in 1..=(REMEMBERED_ERASURES as u64 + 2) {
            erasures.note(&erasing(revision, "k"));
        }
        let elsewhere = KeyRange::prefix("z");
        assert_eq!(erasures.since(shard(), &elsewhere, 1), Some(2));
        assert_eq!(erasures.since(shard(), &elsewhere, 2), None);
    }

    #[test]
    fn after_a_start_the_floor_is_the_last_removal_that_was_not_read() {
        let state = |erased| ShardState { revision: 9, erased };
        let elsewhere = KeyRange::prefix("z");
        let floor_of = |state, first_seen| {
            let mut erasures = Erasures::default();
            erasures.nothing_known_before(shard(), state, first_seen);
            (0..=9).find(|since| erasures.since(shard(), &elsewhere, *since).is_none()).unwrap()
        };
        assert_eq!(floor_of(state(6), None), 6);
        assert_eq!(floor_of(state(0), None), 0);
        assert_eq!(floor_of(state(6), Some(5)), 4);
        assert_eq!(floor_of(state(6), Some(8)), 6);
        assert_eq!(floor_of(state(6), Some(1)), 0);
    }
}
