//! Whose turn it is to write a path.
//!
//! Writers of different Files go beside each other; those of one File go one after the other, in the
//! order in which they came, so that none of them is turned away because others were always faster.
//! Paths share a fixed number of turns, so two of them may wait for each other without need, for as
//! long as one commit takes. Nothing here keeps a File right: that is done by the conditions of the
//! batch, which hold for whoever else changes it too.

use std::hash::{BuildHasher, RandomState};

use star_path::ResourcePath;
use tokio::sync::{Semaphore, SemaphorePermit};

use crate::limits;

/// The turns of all paths.
pub(super) struct Turns {
    turns: Box<[Semaphore]>,
    /// Nobody outside knows which paths share a turn.
    hasher: RandomState,
}

impl Default for Turns {
    fn default() -> Turns {
        let turns = (0..limits::WRITE_TURNS).map(|_| Semaphore::new(1)).collect();
        Turns { turns, hasher: RandomState::new() }
    }
}

impl Turns {
    /// Waits for the turn of a path, which ends when the answer is dropped. Whoever holds one must not
    /// wait for another. Safe to cancel.
    pub(super) async fn of(&self, path: &ResourcePath) -> SemaphorePermit<'_> {
        let number = self.hasher.hash_one(path.as_str()) % self.turns.len() as u64;
        let turn = &self.turns[number as usize];
        turn.acquire().await.expect("a turn is never closed")
    }
}

#[cfg(test)]
mod tests {
    use futures::FutureExt;
    use star_testkit::path;

    use super::*;

    #[tokio::test]
    async fn one_path_has_one_turn_at_a_time() {
        let turns = Turns::default();
        let first = turns.of(&path("acme:files:/a")).await;
        assert!(turns.of(&path("acme:files:/a")).now_or_never().is_none());
        drop(first);
        assert!(turns.of(&path("acme:files:/a")).now_or_never().is_some());
    }
}
