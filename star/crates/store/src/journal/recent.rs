//! The events of the last batches, in memory, so that watchers at the tail never touch the disk.

use std::collections::VecDeque;
use std::sync::{Arc, PoisonError, RwLock};

use star_core::ports::meta::{EventPage, LoggedEvent, Position};

use crate::limits::{PAGE_BYTES, RECENT_BATCHES, RECENT_BYTES};

/// A bounded ring of batches, each with its events; no position is missing between two others.
#[derive(Debug)]
pub(crate) struct Recent {
    ring: RwLock<Ring>,
}

#[derive(Debug)]
struct Ring {
    /// The position of the first batch of the ring, or of the next one where it is empty.
    first: Position,
    batches: VecDeque<Vec<Arc<LoggedEvent>>>,
    bytes: usize,
}

impl Ring {
    fn behind(last: Position) -> Ring {
        Ring { first: last + 1, batches: VecDeque::new(), bytes: 0 }
    }
}

impl Recent {
    /// An empty ring behind the last position of the log.
    pub(crate) fn behind(last: Position) -> Recent {
        Recent { ring: RwLock::new(Ring::behind(last)) }
    }

    /// Forgets everything up to a position, where some batches before it were never added.
    pub(crate) fn restart_behind(&self, last: Position) {
        *self.ring.write().unwrap_or_else(PoisonError::into_inner) = Ring::behind(last);
    }

    /// Adds the events of the next batches of the log, in order.
    pub(crate) fn push(&self, batches: impl IntoIterator<Item = Vec<Arc<LoggedEvent>>>) {
        let mut ring = self.ring.write().unwrap_or_else(PoisonError::into_inner);
        for events in batches {
            ring.bytes += bytes_of(&events);
            ring.batches.push_back(events);
        }
        while ring.batches.len() > RECENT_BATCHES || ring.bytes > RECENT_BYTES {
            let Some(oldest) = ring.batches.pop_front() else { break };
            ring.bytes -= bytes_of(&oldest);
            ring.first += 1;
        }
    }

    /// How many batches there are, and what their events weigh in bytes.
    pub(crate) fn size(&self) -> (usize, u64) {
        let ring = self.ring.read().unwrap_or_else(PoisonError::into_inner);
        (ring.batches.len(), ring.bytes as u64)
    }

    /// The events behind `after` from at most `limit` batches, or none where the ring begins
    /// later than that.
    pub(crate) fn page(&self, after: Position, limit: usize) -> Option<EventPage> {
        let ring = self.ring.read().unwrap_or_else(PoisonError::into_inner);
        let skip = usize::try_from((after + 1).checked_sub(ring.first)?).ok()?;
        let mut page = EventPage { events: Vec::new(), read_to: after };
        let mut bytes = 0;
        for events in ring.batches.iter().skip(skip).take(limit) {
            bytes += bytes_of(events);
            page.events.extend(events.iter().cloned());
            page.read_to += 1;
            if bytes >= PAGE_BYTES {
                break;
            }
        }
        Some(page)
    }
}

/// What some events weigh in a page or in the ring.
pub(crate) fn bytes_of(events: &[Arc<LoggedEvent>]) -> usize {
    events.iter().map(|event| event.body.len() + event.leaf.as_ref().map_or(0, |leaf| leaf.len())).sum()
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use star_core::ports::meta::Shard;

    use super::*;

    fn event(position: Position, bytes: usize) -> Vec<Arc<LoggedEvent>> {
        vec![Arc::new(LoggedEvent {
            position,
            shard: Shard::new(0).unwrap(),
            revision: position,
            index: 0,
            at: 0,
            body: Bytes::from(vec![0; bytes]),
            leaf: None,
        })]
    }

    #[test]
    fn a_page_starts_behind_the_cursor_and_ends_at_its_limit() {
        let recent = Recent::behind(4);
        recent.push([event(5, 1), Vec::new(), event(7, 1)]);
        let positions = |page: EventPage| page.events.iter().map(|event| event.position).collect::<Vec<_>>();
        assert!(recent.page(3, 10).is_none(), "position 4 is not in memory");
        assert_eq!(positions(recent.page(4, 10).unwrap()), [5, 7]);
        assert_eq!(recent.page(4, 2).unwrap().read_to, 6);
        assert_eq!(positions(recent.page(6, 10).unwrap()), [7]);
        assert_eq!(recent.page(7, 10).unwrap().read_to, 7);
        assert_eq!(recent.page(99, 10).unwrap().read_to, 99);
    }

    #[test]
    fn the_ring_forgets_the_oldest_by_bytes() {
        let recent = Recent::behind(0);
        recent.push((1..=3).map(|position| event(position, RECENT_BYTES / 2)));
        assert!(recent.page(0, 1).is_none());
        assert_eq!(recent.page(1, 9).unwrap().events[0].position, 2);
        assert_eq!(recent.page(2, 9).unwrap().read_to, 3);
    }

    #[test]
    fn a_page_ends_at_a_megabyte() {
        let recent = Recent::behind(0);
        recent.push((1..=4).map(|position| event(position, PAGE_BYTES / 2)));
        assert_eq!(recent.page(0, 9).unwrap().read_to, 2);
    }
}
