//! The last events of the log, for sites that were loaded while they happened.
//!
//! Between the moment at which a site was begun to be read and the one at which it is kept, it may
//! have changed. Looking at what happened meanwhile is cheaper than a lock over reading.

use std::collections::VecDeque;
use std::sync::Arc;

use star_core::event::Happened;
use star_core::ports::meta::Position;

use super::site::Site;
use crate::limits;

/// The last events, and from where on they are complete.
#[derive(Debug)]
pub(super) struct Recent {
    events: VecDeque<Arc<Happened>>,
    complete_after: Position,
}

impl Recent {
    /// Knows everything behind a position, at which nothing has happened yet.
    pub(super) fn after(position: Position) -> Recent {
        Recent { events: VecDeque::new(), complete_after: position }
    }

    /// Notes what happened.
    pub(super) fn push(&mut self, happened: Arc<Happened>) {
        if self.events.len() == limits::SITE_EVENTS
            && let Some(oldest) = self.events.pop_front()
        {
            self.complete_after = oldest.position;
        }
        self.events.push_back(happened);
    }

    /// Forgets everything up to a position, because some of it was never seen.
    pub(super) fn gap(&mut self, to: Position) {
        *self = Recent::after(to);
    }

    /// Whether a site that was read at a position or later is still what it was.
    pub(super) fn leaves_alone(&self, site: &Site, read_at: Position) -> bool {
        let mut behind = self.events.iter().rev().take_while(|happened| happened.position > read_at);
        read_at >= self.complete_after && !behind.any(|happened| site.concerned_by(&happened.event))
    }
}

#[cfg(test)]
mod tests {
    use star_core::event::{Event, EventType};
    use star_core::gate::Authority;
    use star_core::kind::Kind;
    use star_path::ResourcePath;
    use star_wire::Agent;

    use super::super::site::Routing;
    use super::*;

    fn changed(position: Position, space: &str) -> Arc<Happened> {
        let path = ResourcePath::parse(space).unwrap();
        let event = Event::new(EventType::Changed, &path, Kind::Space, &Agent::Anonymous);
        let place = Happened {
            position,
            shard: 0,
            revision: position,
            index: 0,
            is_last: true,
            encoded_bytes: 9,
            at_ms: 0,
            event,
        };
        Arc::new(place)
    }

    fn site() -> Site {
        let space = ResourcePath::parse("acme").unwrap();
        Site {
            visitor: Arc::new(Authority::Visitor { space: space.clone() }),
            space,
            source: None,
            routing: Routing::NoRoutes,
        }
    }

    #[test]
    fn a_site_that_changed_while_it_was_read_is_not_kept() {
        let mut recent = Recent::after(5);
        assert!(recent.leaves_alone(&site(), 5));
        assert!(!recent.leaves_alone(&site(), 4), "what happened before 5 is not known");
        recent.push(changed(6, "other"));
        recent.push(changed(7, "acme"));
        recent.push(changed(8, "other"));
        assert!(!recent.leaves_alone(&site(), 6));
        assert!(recent.leaves_alone(&site(), 7));
        recent.gap(20);
        assert!(!recent.leaves_alone(&site(), 8));
        assert!(recent.leaves_alone(&site(), 20));
    }

    #[test]
    fn what_was_pushed_out_is_taken_for_a_change() {
        let mut recent = Recent::after(0);
        for position in 1..=limits::SITE_EVENTS as u64 + 3 {
            recent.push(changed(position, "other"));
        }
        assert!(!recent.leaves_alone(&site(), 2));
        assert!(recent.leaves_alone(&site(), 3));
    }
}
