//! The effects of a group's earlier batches, seen by its later ones before they are anywhere else.

use std::collections::{BTreeMap, HashMap};

use star_core::ports::meta::{Committed, Key, KeyRange, Operation, Revision, Shard};

use crate::index::{Record, is_empty, is_since, overlap};

/// What a group has done so far.
#[derive(Debug, Default)]
pub(crate) struct Overlay {
    keys: BTreeMap<Key, Touched>,
    erased: Vec<(Shard, Revision, KeyRange)>,
    revisions: HashMap<Shard, Revision>,
    outcomes: HashMap<u128, Committed>,
}

/// The last thing that happened to a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Touched {
    /// It has a value of this revision of this shard.
    Written(Shard, Revision),
    /// It has none any more.
    Erased(Shard, Revision),
}

impl Overlay {
    /// The last revision of a shard, where the group has given one out.
    pub(crate) fn revision(&self, shard: Shard) -> Option<Revision> {
        self.revisions.get(&shard).copied()
    }

    /// The outcome of a batch of the group.
    pub(crate) fn outcome(&self, id: u128) -> Option<Committed> {
        self.outcomes.get(&id).copied()
    }

    /// What the group did to a key; none where the index still has the last word.
    pub(crate) fn touched(&self, key: &Key) -> Option<Touched> {
        if let Some(touched) = self.keys.get(key) {
            return Some(*touched);
        }
        let erased = self.erased.iter().rev().find(|(_, _, range)| range.contains(key));
        erased.map(|(shard, revision, _)| Touched::Erased(*shard, *revision))
    }

    /// The revision of a change of the group inside a range, since a revision of a shard.
    pub(crate) fn changed_since(&self, range: &KeyRange, shard: Shard, since: Revision) -> Option<Revision> {
        if is_empty(range) {
            return None;
        }
        let touched = self
            .keys
            .range(&range.start..)
            .take_while(|(key, _)| range.contains(key))
            .map(|(_, Touched::Written(shard, revision) | Touched::Erased(shard, revision))| (*shard, *revision));
        let erased = self
            .erased
            .iter()
            .filter(|(_, _, erased)| overlap(erased, range))
            .map(|(shard, revision, _)| (*shard, *revision));
        touched
            .chain(erased)
            .find(|(writer, revision)| is_since(*writer, *revision, shard, since))
            .map(|(_, revision)| revision)
    }

    /// Adds a batch of the group.
    pub(crate) fn apply(&mut self, id: u128, record: &Record) {
        let (shard, revision) = (record.shard, record.revision);
        for operation in &record.operations {
            match operation {
                Operation::Put(key, _) => {
                    self.keys.insert(key.clone(), Touched::Written(shard, revision));
                }
                Operation::Delete(key) => {
                    self.keys.insert(key.clone(), Touched::Erased(shard, revision));
                }
                Operation::DeleteRange(range) => self.erase(range, shard, revision),
            }
        }
        self.revisions.insert(shard, revision);
        self.outcomes.insert(id, Committed { revision, position: record.position });
    }

    fn erase(&mut self, range: &KeyRange, shard: Shard, revision: Revision) {
        if is_empty(range) {
            return;
        }
        let inside = self.keys.range_mut(&range.start..).take_while(|(key, _)| range.contains(key));
        for (_, touched) in inside {
            *touched = Touched::Erased(shard, revision);
        }
        self.erased.push((shard, revision, range.clone()));
    }
}
