//! What the actor tree says of itself.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use super::{Queue, Vitals};
use crate::limits;
use crate::ports::meta::SHARDS;
use crate::tree::Tree;

impl Tree {
    /// What the tree and everything behind its ports says of itself. Looks at every living actor, so
    /// it takes milliseconds where there are a hundred thousand.
    pub fn vitals(&self) -> Vitals {
        let mut vitals = Vitals { queues: self.queues(), times: vec![self.activated_in.times()], ..Vitals::default() };
        vitals.extend(self.log.vitals());
        vitals.extend(self.ports.meta.vitals());
        vitals.extend(self.ports.content.vitals());
        vitals.extend(self.ports.mechtrons.vitals());
        vitals
    }

    fn queues(&self) -> Vec<Queue> {
        let refused = |count: &AtomicU64| Some(count.load(Ordering::Relaxed));
        let (waiting, fullest) = self.mailboxes();
        let places = |places: usize| Some(places as u64);
        vec![
            Queue {
                name: "requests",
                about: "messages from outside that are under way",
                taken: self.in_flight.taken().into(),
                limit: Some(limits::IN_FLIGHT.into()),
                refused: Some(self.in_flight.refused()),
            },
            Queue {
                name: "tells",
                about: "messages that nobody waits for and no mailbox holds",
                taken: self.tells_by_space.taken().into(),
                limit: Some(limits::TELLS.into()),
                refused: Some(self.tells_by_space.refused()),
            },
            Queue {
                name: "mailboxes",
                about: "messages in the mailboxes of all actors",
                taken: waiting,
                limit: None,
                refused: refused(&self.counters.full_mailboxes),
            },
            Queue {
                name: "fullest_mailbox",
                about: "messages in the fullest mailbox",
                taken: fullest,
                limit: places(limits::MAILBOX),
                refused: None,
            },
            Queue {
                name: "activations",
                about: "resources that are waited for to come to life",
                taken: self.counters.activating.load(Ordering::Relaxed),
                limit: places(limits::SHARD_MAILBOX * usize::from(SHARDS)),
                refused: refused(&self.counters.refused_activations),
            },
            Queue {
                name: "watchers",
                about: "those who follow the log",
                // All but that of the tree itself.
                taken: (Arc::strong_count(&self.log) - 1) as u64,
                limit: None,
                refused: None,
            },
            Queue {
                name: "uploads",
                about: "uploads in several requests that are not finished",
                taken: self.counters.open_uploads.load(Ordering::Relaxed),
                limit: Some(limits::UPLOADS),
                refused: refused(&self.counters.refused_uploads),
            },
            Queue {
                name: "keyed",
                about: "requests under an idempotency key that are under way",
                taken: self.register.under_way() as u64,
                limit: None,
                refused: None,
            },
        ]
    }

    /// The messages in all mailboxes, and in the fullest one.
    fn mailboxes(&self) -> (u64, u64) {
        let (mut all, mut fullest) = (0, 0);
        for live in self.directory.pin().values() {
            let waiting = live.mailbox.len() as u64;
            all += waiting;
            fullest = fullest.max(waiting);
        }
        (all, fullest)
    }
}
