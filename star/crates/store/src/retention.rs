//! How much of the journal is kept behind what a start needs.
//!
//! Owns the rule and no file. A segment may go when the older of the two checkpoints covers it,
//! when its events are old or the journal is large, and when no durable consumer that is near
//! enough still has to read it.

use std::time::Duration;

use star_core::ports::clock::UnixMillis;
use star_core::ports::meta::Position;

use crate::journal::trim::Closed;
use crate::limits::{HELD_BYTES, KEPT_BYTES, KEPT_FOR};

/// How much of the journal is kept for those who read events.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Retention {
    /// Events younger than this are kept, unless there are more than `bytes`.
    pub age: Duration,
    /// Journal in bytes above which the oldest events go, however young they are.
    pub bytes: u64,
    /// Journal in bytes that a durable consumer holds back; one further behind is left behind.
    pub held_bytes: u64,
}

impl Default for Retention {
    /// A day and a gibibyte; a consumer holds back four.
    fn default() -> Retention {
        Retention { age: KEPT_FOR, bytes: KEPT_BYTES, held_bytes: HELD_BYTES }
    }
}

/// What stands in the way of removing segments.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Needs {
    /// The position of the older checkpoint: nothing behind it can be spared.
    pub(crate) checkpoint: Position,
    /// The cursor of the slowest consumer.
    pub(crate) slowest: Option<Position>,
    /// The bytes of the whole journal.
    pub(crate) journal_bytes: u64,
    pub(crate) now: UnixMillis,
}

impl Retention {
    /// How many of the oldest segments may go.
    pub(crate) fn removable(&self, closed: &[Closed], needs: &Needs) -> usize {
        let mut bytes = needs.journal_bytes;
        closed
            .iter()
            .take_while(|segment| {
                let covered = segment.last <= needs.checkpoint;
                let old = u128::from(needs.now.saturating_sub(segment.ended)) >= self.age.as_millis();
                let large = bytes > self.bytes;
                let read = needs.slowest.is_none_or(|cursor| cursor >= segment.last);
                let held = !read && bytes <= self.held_bytes;
                bytes = bytes.saturating_sub(segment.bytes);
                covered && (old || large) && !held
            })
            .count()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Ten segments of ten positions and 100 bytes each, one every second, and a last one.
    fn closed() -> Vec<Closed> {
        (0..10)
            .map(|number| Closed {
                first: number * 10 + 1,
                last: number * 10 + 10,
                bytes: 100,
                ended: (number + 1) * 1_000,
            })
            .collect()
    }

    fn needs() -> Needs {
        Needs { checkpoint: 95, slowest: None, journal_bytes: 1_100, now: 10_000 }
    }

    const ROOMY: Retention = Retention { age: Duration::from_secs(1_000), bytes: 1_000_000, held_bytes: 2_000_000 };

    #[test]
    fn segments_go_by_age_and_by_size_and_never_before_the_checkpoint_covers_them() {
        let removable = |retention: Retention, needs: Needs| retention.removable(&closed(), &needs);
        assert_eq!(removable(ROOMY, needs()), 0);
        assert_eq!(removable(Retention { age: Duration::from_secs(5), ..ROOMY }, needs()), 5);
        assert_eq!(removable(Retention { bytes: 800, ..ROOMY }, needs()), 3);
        assert_eq!(removable(Retention { age: Duration::ZERO, ..ROOMY }, needs()), 9);
        assert_eq!(removable(Retention { age: Duration::ZERO, ..ROOMY }, Needs { checkpoint: 0, ..needs() }), 0);
        assert_eq!(removable(Retention { bytes: 0, ..ROOMY }, Needs { checkpoint: 20, ..needs() }), 2);
    }

    #[test]
    fn a_consumer_holds_segments_back_up_to_a_limit() {
        let eager = Retention { age: Duration::ZERO, ..ROOMY };
        let slow = |cursor| Needs { slowest: Some(cursor), ..needs() };
        assert_eq!(eager.removable(&closed(), &slow(0)), 0);
        assert_eq!(eager.removable(&closed(), &slow(39)), 3);
        assert_eq!(eager.removable(&closed(), &slow(40)), 4);
        let limited = Retention { held_bytes: 850, ..eager };
        assert_eq!(limited.removable(&closed(), &slow(0)), 3, "what is beyond the limit goes");
    }

    #[test]
    fn a_clock_that_went_back_keeps_everything() {
        let retention = Retention { age: Duration::from_secs(5), ..ROOMY };
        assert_eq!(retention.removable(&closed(), &Needs { now: 0, ..needs() }), 0);
    }
}
