//! The last events of the log, decoded, in a ring of bounded size.

use std::collections::VecDeque;
use std::sync::{Arc, PoisonError, RwLock};

use super::log::Stretch;
use crate::event::Happened;
use crate::limits;
use crate::ports::meta::Position;

/// The ring. Reading it takes a lock that only the one who decodes ever writes.
#[derive(Debug)]
pub(super) struct Tail(RwLock<Ring>);

#[derive(Debug)]
struct Ring {
    /// The position behind which everything is here.
    after: Position,
    /// The position up to which everything is here.
    read_to: Position,
    events: VecDeque<Arc<Happened>>,
    bytes: usize,
}

impl Ring {
    fn behind(position: Position) -> Ring {
        Ring { after: position, read_to: position, events: VecDeque::new(), bytes: 0 }
    }

    /// Forgets the oldest batch whole, so that no batch is ever here in part.
    fn forget_one(&mut self) {
        let Some(position) = self.events.front().map(|oldest| oldest.position) else { return };
        while let Some(oldest) = self.events.pop_front_if(|it| it.position == position) {
            self.bytes -= oldest.encoded_bytes;
        }
        self.after = position;
    }
}

impl Tail {
    pub(super) fn behind(position: Position) -> Tail {
        Tail(RwLock::new(Ring::behind(position)))
    }

    /// Forgets everything up to a position.
    pub(super) fn restart_behind(&self, position: Position) {
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = Ring::behind(position);
    }

    /// How many events are here, and how many bytes they have as they are stored.
    pub(super) fn size(&self) -> (usize, usize) {
        let ring = self.0.read().unwrap_or_else(PoisonError::into_inner);
        (ring.events.len(), ring.bytes)
    }

    /// Adds what follows behind `after`.
    pub(super) fn push(&self, after: Position, read_to: Position, events: Vec<Arc<Happened>>) {
        let mut ring = self.0.write().unwrap_or_else(PoisonError::into_inner);
        if ring.read_to != after {
            *ring = Ring::behind(after);
        }
        ring.read_to = read_to;
        ring.bytes += events.iter().map(|event| event.encoded_bytes).sum::<usize>();
        ring.events.extend(events);
        while ring.events.len() > limits::WATCH_TAIL_EVENTS || ring.bytes > limits::WATCH_TAIL_BYTES {
            ring.forget_one();
        }
    }

    /// What is wanted of the events behind `after`; none where the ring begins later, or ends
    /// before.
    pub(super) fn stretch(&self, after: Position, wanted: &impl Fn(&Happened) -> bool) -> Option<Stretch> {
        let ring = self.0.read().unwrap_or_else(PoisonError::into_inner);
        if after < ring.after || after > ring.read_to {
            return None;
        }
        let begin = ring.events.partition_point(|event| event.position <= after);
        let (mut stretch, mut bytes, mut batches) = (Stretch { events: Vec::new(), read_to: after }, 0, 0);
        for event in ring.events.range(begin..) {
            if event.position != stretch.read_to {
                // A batch is taken whole or not at all.
                if batches == limits::WATCH_BATCHES || bytes >= limits::WATCH_STRETCH_BYTES {
                    return Some(stretch);
                }
                batches += 1;
                stretch.read_to = event.position;
            }
            if wanted(event) {
                bytes += event.encoded_bytes;
                stretch.events.push(Arc::clone(event));
            }
        }
        stretch.read_to = ring.read_to;
        Some(stretch)
    }
}

#[cfg(test)]
mod tests {
    use star_wire::Agent;

    use super::*;
    use crate::event::{Event, EventType};
    use crate::kind::Kind;

    fn happened(position: Position, index: u16, encoded_bytes: usize) -> Arc<Happened> {
        let event = Event::new(EventType::Changed, &star_path::ResourcePath::root(), Kind::Root, &Agent::Anonymous);
        Arc::new(Happened { position, shard: 0, revision: 1, index, is_last: true, at_ms: 0, encoded_bytes, event })
    }

    fn all(tail: &Tail, after: Position) -> Option<(Vec<Position>, Position)> {
        let stretch = tail.stretch(after, &|_| true)?;
        Some((stretch.events.iter().map(|event| event.position).collect(), stretch.read_to))
    }

    #[test]
    fn a_stretch_begins_behind_its_position_and_knows_where_the_ring_ends() {
        let tail = Tail::behind(4);
        tail.push(4, 7, vec![happened(5, 0, 1), happened(5, 1, 1), happened(6, 0, 1)]);
        assert_eq!(all(&tail, 3), None);
        assert_eq!(all(&tail, 4), Some((vec![5, 5, 6], 7)));
        assert_eq!(all(&tail, 5), Some((vec![6], 7)));
        assert_eq!(all(&tail, 7), Some((vec![], 7)));
        assert_eq!(all(&tail, 8), None);
        assert_eq!(tail.stretch(4, &|event| event.index == 1).unwrap().events.len(), 1);
        tail.push(9, 10, vec![happened(10, 0, 1)]);
        assert_eq!(all(&tail, 7), None, "what lies between was never seen");
        assert_eq!(all(&tail, 9), Some((vec![10], 10)));
    }

    #[test]
    fn a_stretch_is_bounded_and_takes_whole_batches() {
        let tail = Tail::behind(0);
        let half = limits::WATCH_STRETCH_BYTES / 2;
        tail.push(0, 4, vec![happened(1, 0, half), happened(1, 1, half), happened(1, 2, half), happened(2, 0, 1)]);
        assert_eq!(all(&tail, 0), Some((vec![1, 1, 1], 1)));
        assert_eq!(all(&tail, 1), Some((vec![2], 4)));
        let unwanted = tail.stretch(0, &|_| false).unwrap();
        assert_eq!((unwanted.events.len(), unwanted.read_to), (0, 4));
    }

    #[test]
    fn the_ring_forgets_whole_batches_from_its_beginning() {
        let tail = Tail::behind(0);
        let third = limits::WATCH_TAIL_BYTES / 3;
        tail.push(0, 2, vec![happened(1, 0, third), happened(1, 1, third), happened(2, 0, third)]);
        tail.push(2, 3, vec![happened(3, 0, third)]);
        assert_eq!(all(&tail, 0), None);
        assert_eq!(tail.stretch(1, &|_| true).unwrap().read_to, 2, "the first stretch is full");
        assert_eq!(tail.stretch(2, &|_| true).unwrap().events.len(), 1);
    }
}
