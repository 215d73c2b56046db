//! How many Stars run beside each other: each takes memory and a core, whatever the number of
//! threads that run tests.

use std::sync::{Condvar, Mutex, PoisonError};

/// Stars beside each other.
const STARS: usize = 4;

static FREE: Mutex<usize> = Mutex::new(STARS);
static FREED: Condvar = Condvar::new();

/// The right to run one Star. A test takes one at a time, so nobody waits for themselves.
pub(crate) struct Slot(());

impl Slot {
    /// Waits for a free place.
    pub(crate) fn take() -> Slot {
        let free = FREE.lock().unwrap_or_else(PoisonError::into_inner);
        let mut free = FREED.wait_while(free, |free| *free == 0).unwrap_or_else(PoisonError::into_inner);
        *free -= 1;
        Slot(())
    }
}

impl Drop for Slot {
    fn drop(&mut self) {
        *FREE.lock().unwrap_or_else(PoisonError::into_inner) += 1;
        FREED.notify_one();
    }
}
