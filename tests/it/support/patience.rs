//! How long tests wait.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

/// How long any single thing may take. Machines that run tests are busy, so this is far more than
/// is ever needed; only a test that fails waits this long.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);

/// How often a condition is looked at.
const LOOK: Duration = Duration::from_millis(10);

/// Looks until there is something; fails after [`PATIENCE`], saying what was waited for.
pub(crate) fn eventually<T>(what: &str, mut look: impl FnMut() -> Option<T>) -> T {
    let start = Instant::now();
    loop {
        if let Some(found) = look() {
            return found;
        }
        assert!(start.elapsed() < PATIENCE, "waited {PATIENCE:?} in vain for {what}");
        std::thread::sleep(LOOK);
    }
}

/// Tells those who work in a loop that the test is over, also when it fails.
#[derive(Default)]
pub(crate) struct Whistle(AtomicBool);

/// Blows the whistle when it goes.
pub(crate) struct AtTheEnd<'w>(&'w Whistle);

impl Whistle {
    /// Whether it is over.
    pub(crate) fn was_blown(&self) -> bool {
        self.0.load(Ordering::SeqCst)
    }

    /// What blows it when it goes.
    pub(crate) fn at_the_end(&self) -> AtTheEnd<'_> {
        AtTheEnd(self)
    }
}

impl Drop for AtTheEnd<'_> {
    fn drop(&mut self) {
        self.0.0.store(true, Ordering::SeqCst);
    }
}
