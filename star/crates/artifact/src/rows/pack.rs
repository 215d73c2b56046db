//! The row of a pack, and the rows that say which contents are made of it.

use bytes::Bytes;
use serde::{Deserialize, Serialize};
use star_wire::codec;

use super::RowError;

/// The version of the stored forms.
const SCHEMA: u8 = 1;

/// A pack as the metadata store holds it, beside its ordinal, which is its key.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pack {
    /// The name in the file and of the file.
    pub id: [u8; 16],
    /// The generation in both.
    pub generation: u32,
}

impl Pack {
    /// The stored bytes.
    pub fn encode(&self) -> Result<Bytes, RowError> {
        Ok(codec::encode(SCHEMA, self)?.into())
    }

    /// Reads stored bytes.
    pub fn decode(bytes: &[u8]) -> Result<Pack, RowError> {
        Ok(codec::decode(SCHEMA, bytes)?)
    }
}

/// Slots of one pack that a content is made of: ranges that neither touch nor overlap, in order.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Slots(Vec<(u16, u16)>);

impl Slots {
    /// Adds a range: its first slot, and how many.
    pub fn add(&mut self, first: u16, count: u16) {
        let (mut begin, mut end) = (first, first + count);
        self.0.retain(|&(first, count)| {
            let apart = first > end || first + count < begin;
            if !apart {
                (begin, end) = (begin.min(first), end.max(first + count));
            }
            apart
        });
        let place = self.0.partition_point(|&(first, _)| first < begin);
        self.0.insert(place, (begin, end - begin));
    }

    /// Adds what another has.
    pub fn join(&mut self, other: &Slots) {
        for &(first, count) in &other.0 {
            self.add(first, count);
        }
    }

    /// Every slot, in order.
    pub fn iter(&self) -> impl Iterator<Item = u16> + '_ {
        self.0.iter().flat_map(|&(first, count)| first..first + count)
    }

    /// How many there are.
    pub fn count(&self) -> usize {
        self.0.iter().map(|&(_, count)| usize::from(count)).sum()
    }

    /// The stored bytes.
    pub fn encode(&self) -> Result<Bytes, RowError> {
        Ok(codec::encode(SCHEMA, self)?.into())
    }

    /// Reads stored bytes.
    pub fn decode(bytes: &[u8]) -> Result<Slots, RowError> {
        Ok(codec::decode(SCHEMA, bytes)?)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_pack_is_read_as_it_was_written() {
        let pack = Pack { id: [9; 16], generation: 2 };
        assert_eq!(Pack::decode(&pack.encode().unwrap()).unwrap(), pack);
    }

    proptest! {
        #[test]
        fn slots_are_the_set_of_what_was_added(ranges in proptest::collection::vec((0u16..200, 1u16..20), 0..40)) {
            let (mut slots, mut model) = (Slots::default(), BTreeSet::new());
            for (first, count) in ranges {
                slots.add(first, count);
                model.extend(first..first + count);
            }
            prop_assert_eq!(slots.iter().collect::<Vec<_>>(), model.iter().copied().collect::<Vec<_>>());
            prop_assert_eq!(slots.count(), model.len());
            for pair in slots.0.windows(2) {
                prop_assert!(pair[0].0 + pair[0].1 < pair[1].0, "{:?}", slots);
            }
            let read = Slots::decode(&slots.encode().unwrap()).unwrap();
            prop_assert_eq!(read, slots);
        }
    }
}
