//! What the parts of a Star say of themselves, for people and metrics: what waits where, what caches
//! are worth, how long things take.
//!
//! Owns the words that all parts use for that; each part fills them in where the numbers are, and
//! [`Tree::vitals`](crate::tree::Tree::vitals) gathers those of core and of its ports. Whoever adds a
//! queue or a cache to a part adds it there, and finds it in `/metrics`, in `star status` and in
//! `star star info`. How long things take is measured with a [`Stopwatch`], what a cache is worth with its
//! [`Luck`].

mod luck;
mod stopwatch;
mod tree;

use std::time::Duration;

pub use luck::Luck;
pub use stopwatch::Stopwatch;

/// What a part of the Star says of itself.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Vitals {
    /// Where something waits, or is under way in a limited number.
    pub queues: Vec<Queue>,
    /// What is kept because it may be wanted again.
    pub caches: Vec<Cache>,
    /// How long things take.
    pub times: Vec<Times>,
}

impl Vitals {
    /// Adds what another part says.
    pub fn extend(&mut self, other: Vitals) {
        self.queues.extend(other.queues);
        self.caches.extend(other.caches);
        self.times.extend(other.times);
    }
}

/// Something that has a limited number of places, as it stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Queue {
    /// Its name, a stable word in metrics.
    pub name: &'static str,
    /// What takes a place in it, for people.
    pub about: &'static str,
    /// Places that are taken.
    pub taken: u64,
    /// Places that there are; none where memory alone is the limit.
    pub limit: Option<u64>,
    /// How many were refused since the start because there was no place; none where nobody is refused
    /// but waits.
    pub refused: Option<u64>,
}

/// A cache as it stands. Hits and misses count since the start.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cache {
    /// Its name, a stable word in metrics.
    pub name: &'static str,
    /// What it spares, for people.
    pub about: &'static str,
    /// What is in it.
    pub entries: u64,
    /// The memory that takes, where that is known.
    pub bytes: Option<u64>,
    /// How often something was found in it.
    pub hits: u64,
    /// How often it was not.
    pub misses: u64,
}

/// How long something took since the start.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Times {
    /// Its name, a stable word in metrics.
    pub name: &'static str,
    /// What takes that long, for people.
    pub about: &'static str,
    /// How often it was done.
    pub count: u64,
    /// Half took no longer, within an eighth.
    pub median: Duration,
    /// Of a hundred, one took longer, within an eighth.
    pub p99: Duration,
}
