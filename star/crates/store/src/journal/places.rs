//! A sparse map from positions to places, so that a reader starts near what it wants.

use std::collections::BTreeMap;
use std::sync::{PoisonError, RwLock};

use star_core::ports::meta::Position;

use crate::limits::PLACE_EVERY_BYTES;

/// Where a frame begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Place {
    /// The segment, named by its first position.
    pub(crate) segment: Position,
    /// The offset in its file.
    pub(crate) offset: u64,
}

/// Places of some frames, at least a quarter of a megabyte apart within a segment.
///
/// Filled by whoever passes by, writer and readers alike; what is missing costs a longer walk
/// and nothing else.
#[derive(Debug, Default)]
pub(crate) struct Places {
    known: RwLock<BTreeMap<Position, Place>>,
}

impl Places {
    /// Remembers a place, unless one shortly before it is known.
    pub(crate) fn note(&self, position: Position, place: Place) {
        let near = |known: &BTreeMap<Position, Place>| {
            known.range(..=position).next_back().is_some_and(|(_, before)| {
                before.segment == place.segment && place.offset - before.offset < PLACE_EVERY_BYTES
            })
        };
        if near(&self.known.read().unwrap_or_else(PoisonError::into_inner)) {
            return;
        }
        self.known.write().unwrap_or_else(PoisonError::into_inner).insert(position, place);
    }

    /// Forgets the places of positions that are no longer kept.
    pub(crate) fn forget_before(&self, oldest: Position) {
        let mut known = self.known.write().unwrap_or_else(PoisonError::into_inner);
        *known = known.split_off(&oldest);
    }

    /// The last known place at or before a position.
    pub(crate) fn before(&self, position: Position) -> Option<(Position, Place)> {
        let known = self.known.read().unwrap_or_else(PoisonError::into_inner);
        known.range(..=position).next_back().map(|(position, place)| (*position, *place))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_are_apart_within_a_segment_and_the_nearest_before_is_found() {
        let places = Places::default();
        let place = |segment, offset| Place { segment, offset };
        places.note(1, place(1, 4_096));
        places.note(2, place(1, 5_000));
        places.note(9, place(1, 4_096 + PLACE_EVERY_BYTES));
        places.note(12, place(12, 4_096));
        assert_eq!(places.before(8), Some((1, place(1, 4_096))));
        assert_eq!(places.before(10), Some((9, place(1, 4_096 + PLACE_EVERY_BYTES))));
        assert_eq!(places.before(99), Some((12, place(12, 4_096))));
        assert_eq!(places.before(0), None);
    }
}
