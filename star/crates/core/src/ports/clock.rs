//! The wall clock, behind a trait so that tests can hold it still.

use std::time::{SystemTime, UNIX_EPOCH};

/// A moment of the wall clock in milliseconds since 1970-01-01T00:00:00Z.
pub type UnixMillis = u64;

/// Tells the time.
pub trait Clock: Send + Sync + 'static {
    /// The wall clock now, in milliseconds since the epoch of Unix.
    fn now_ms(&self) -> UnixMillis;
}

/// The clock of the machine.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    fn now_ms(&self) -> UnixMillis {
        // A clock before 1970 is a broken clock; zero keeps the Star running and shows in events.
        SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_millis() as UnixMillis)
    }
}
