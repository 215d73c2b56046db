//! Until when an answer is of use.

use std::time::{Duration, Instant};

use crate::limits;

/// A moment after which nobody waits for the answer any more.
///
/// Absolute inside a process, so that it shrinks by itself from hop to hop; between processes the
/// time that is left travels, because clocks differ.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Deadline(Instant);

impl Deadline {
    /// The deadline this far from now, at most [`limits::DEADLINE_MAX`].
    pub fn within(time: Duration) -> Deadline {
        Deadline(Instant::now() + time.min(limits::DEADLINE_MAX))
    }

    /// The deadline at a moment.
    pub fn at(moment: Instant) -> Deadline {
        Deadline(moment)
    }

    /// The moment.
    pub fn instant(self) -> Instant {
        self.0
    }

    /// What is left; zero when it has passed.
    pub fn remaining(self) -> Duration {
        self.0.saturating_duration_since(Instant::now())
    }

    /// Whether it has passed.
    pub fn has_passed(self) -> bool {
        Instant::now() >= self.0
    }
}

impl Default for Deadline {
    fn default() -> Deadline {
        Deadline::within(limits::DEADLINE_DEFAULT)
    }
}
