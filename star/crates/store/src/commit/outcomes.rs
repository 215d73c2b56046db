//! The outcomes of recent batches by their id, so that a batch sent twice happens once.

use std::collections::{HashMap, VecDeque};

use star_core::ports::meta::Committed;

use crate::limits::REMEMBERED_IDS;

/// The last ids that were committed. A batch that was refused is not among them: it did not
/// happen, and sent again it is judged again.
#[derive(Debug, Default)]
pub(crate) struct Outcomes {
    known: HashMap<u128, Committed>,
    order: VecDeque<u128>,
}

impl Outcomes {
    /// The outcome of an id, as far as it is remembered.
    pub(crate) fn of(&self, id: u128) -> Option<Committed> {
        self.known.get(&id).copied()
    }

    /// All that is remembered, the oldest first.
    pub(crate) fn oldest_first(&self) -> impl Iterator<Item = (u128, Committed)> {
        self.order.iter().filter_map(|id| Some((*id, self.of(*id)?)))
    }

    /// Remembers an outcome and forgets the oldest where there are too many.
    pub(crate) fn note(&mut self, id: u128, committed: Committed) {
        if self.known.insert(id, committed).is_none() {
            self.order.push_back(id);
        }
        while self.order.len() > REMEMBERED_IDS {
            if let Some(oldest) = self.order.pop_front() {
                self.known.remove(&oldest);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_oldest_ids_are_forgotten() {
        let mut outcomes = Outcomes::default();
        for id in 0..=REMEMBERED_IDS as u128 {
            outcomes.note(id, Committed { revision: 1, position: 1 });
        }
        assert_eq!(outcomes.of(0), None);
        assert!(outcomes.of(1).is_some());
    }
}
