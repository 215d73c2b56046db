//! What the writer remembers at start: from the last checkpoint and the frames behind it.

use std::collections::HashMap;

use star_core::ports::meta::{Position, Revision, Shard};

use super::group::Memory;
use crate::checkpoint::state::State;
use crate::index::{Record, ShardState};
use crate::journal::body::Body;
use crate::journal::record::Header;

/// A memory in the making, shown the last frames of the log in order.
#[derive(Debug)]
pub(crate) struct Recall {
    memory: Memory,
    /// The position up to which the memory is complete, as a checkpoint says.
    covered: Option<Position>,
    /// The first revision of each shard among the frames.
    first_seen: HashMap<Shard, Revision>,
}

impl Recall {
    /// Begins with what a checkpoint remembers, where there is one.
    pub(crate) fn behind(state: Option<State>) -> Recall {
        let mut memory = Memory::empty();
        let covered = state.map(|state| {
            (memory.erasures, memory.outcomes) = (state.erasures, state.outcomes);
            state.position
        });
        Recall { memory, covered, first_seen: HashMap::new() }
    }

    /// Learns from the next frame of the log.
    pub(crate) fn note(&mut self, header: &Header, body: Body) {
        if self.covered.is_some_and(|covered| header.position <= covered) {
            return;
        }
        let follows = self.covered.is_some_and(|covered| header.position == covered + 1);
        if self.first_seen.is_empty() && !follows {
            // Frames between the checkpoint and this one are not shown: what they removed is
            // not known. Outcomes are, each by itself.
            self.memory.erasures = Default::default();
            self.covered = None;
        }
        self.first_seen.entry(header.shard).or_insert(header.revision);
        let record = Record {
            position: header.position,
            shard: header.shard,
            revision: header.revision,
            operations: body.operations,
        };
        self.memory.note(header.id, &record);
    }

    /// Ends with what the index knows of the shards.
    pub(crate) fn complete(mut self, shards: Vec<(Shard, ShardState)>) -> Memory {
        for (shard, state) in shards {
            self.memory.set_revision(shard, state.revision);
            if self.covered.is_none() {
                self.memory.erasures.nothing_known_before(shard, state, self.first_seen.get(&shard).copied());
            }
        }
        self.memory
    }
}

#[cfg(test)]
mod tests {
    use star_core::ports::meta::{Key, KeyRange, Operation};

    use super::*;

    fn shard() -> Shard {
        Shard::new(2).unwrap()
    }

    fn header(position: Position) -> Header {
        let (id, at, chain) = (u128::from(position), 0, [0; 8]);
        Header { schema: 1, shard: shard(), position, durable: position - 1, revision: position, id, at, chain }
    }

    fn erasing(key: &'static str) -> Body {
        Body { operations: vec![Operation::Delete(Key::new(key))], events: Vec::new() }
    }

    fn checkpoint_of_five() -> State {
        let mut state = State::default();
        for position in 1..=5 {
            let operations = erasing("a").operations;
            let record = Record { position, shard: shard(), revision: position, operations };
            state.follow(&header(position), [0; 8], &record);
        }
        state
    }

    fn remembered(first: Position, state: Option<State>) -> Memory {
        let mut recall = Recall::behind(state);
        (first..=9).for_each(|position| recall.note(&header(position), erasing("b")));
        recall.complete(vec![(shard(), ShardState { revision: 9, erased: 9 })])
    }

    #[test]
    fn a_checkpoint_that_meets_the_frames_leaves_no_gap() {
        for first in [3, 6] {
            let memory = remembered(first, Some(checkpoint_of_five()));
            assert_eq!(memory.erasures.since(shard(), &KeyRange::prefix("z"), 0), None, "all removals are known");
            assert_eq!(memory.erasures.since(shard(), &KeyRange::prefix("a"), 4), Some(5));
            assert!((1..=9).all(|id| memory.outcomes.of(id).is_some()));
            assert_eq!(memory.revision(shard()), 9);
        }
    }

    #[test]
    fn a_gap_behind_the_checkpoint_counts_as_changed() {
        let memory = remembered(8, Some(checkpoint_of_five()));
        assert_eq!(memory.erasures.since(shard(), &KeyRange::prefix("z"), 6), Some(7));
        assert_eq!(memory.erasures.since(shard(), &KeyRange::prefix("z"), 7), None);
        assert!(memory.outcomes.of(3).is_some(), "outcomes need no neighbours");
    }
}
