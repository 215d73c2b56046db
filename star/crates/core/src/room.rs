//! The memory that living actors take, and how much of it there is.
//!
//! Counts what actors say of themselves; it does not measure. Who is put away when there is too
//! little is decided in [`crate::shard`].

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use tokio::sync::Notify;

use crate::limits;

/// The memory of all living actors.
#[derive(Debug)]
pub(crate) struct Room {
    limit_bytes: u64,
    taken_bytes: AtomicU64,
    scarce: Notify,
}

impl Room {
    /// Room for this many bytes.
    pub(crate) fn of(limit_bytes: u64) -> Room {
        Room { limit_bytes, taken_bytes: AtomicU64::new(0), scarce: Notify::new() }
    }

    /// Takes the place of one more actor.
    pub(crate) fn take(self: &Arc<Self>) -> Place {
        let mut place = Place { room: Arc::clone(self), bytes: 0 };
        place.weighs(0);
        place
    }

    /// Bytes that are taken.
    pub(crate) fn taken_bytes(&self) -> u64 {
        self.taken_bytes.load(Ordering::Relaxed)
    }

    /// Waits until too much is taken.
    pub(crate) async fn scarce(&self) {
        self.scarce.notified().await;
    }

    /// Bytes that have to be given back so that there is room again for a while: a tenth more than
    /// what is too much, so that not every activation puts somebody away.
    pub(crate) fn excess_bytes(&self) -> u64 {
        match self.taken_bytes() {
            taken if taken > self.limit_bytes => taken - self.limit_bytes / 10 * 9,
            _ => 0,
        }
    }

    /// Whether so much is taken that nobody may be brought to life before others were put away.
    pub(crate) fn is_exhausted(&self) -> bool {
        self.taken_bytes() > self.limit_bytes.saturating_add(self.limit_bytes / 2)
    }

    fn changed(&self, before: u64, after: u64) {
        self.taken_bytes.fetch_add(after, Ordering::Relaxed);
        self.taken_bytes.fetch_sub(before, Ordering::Relaxed);
        if after > before && self.taken_bytes() > self.limit_bytes {
            self.scarce.notify_one();
        }
    }
}

/// What one actor takes; given back when the actor has ended. The actor itself owns it: what the
/// directory knows of an actor is let go by and by, long after.
#[derive(Debug)]
pub(crate) struct Place {
    room: Arc<Room>,
    bytes: u64,
}

impl Place {
    /// Notes how much the actor takes besides what every actor takes. Whether that is another
    /// number than before.
    pub(crate) fn weighs(&mut self, bytes: u64) -> bool {
        let (before, after) = (self.bytes, limits::ACTOR_BYTES.saturating_add(bytes));
        if before == after {
            return false;
        }
        self.bytes = after;
        self.room.changed(before, after);
        true
    }

    /// Bytes that it takes.
    pub(crate) fn bytes(&self) -> u64 {
        self.bytes
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.room.changed(self.bytes, 0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_gives_back_what_it_took() {
        let room = Arc::new(Room::of(10 * limits::ACTOR_BYTES));
        let mut places: Vec<Place> = (0..9).map(|_| room.take()).collect();
        assert_eq!((room.taken_bytes(), room.excess_bytes()), (9 * limits::ACTOR_BYTES, 0));
        places[0].weighs(2 * limits::ACTOR_BYTES);
        assert_eq!(room.excess_bytes(), 2 * limits::ACTOR_BYTES);
        assert!(!room.is_exhausted());
        places[1].weighs(5 * limits::ACTOR_BYTES);
        assert!(room.is_exhausted());
        drop(places);
        assert_eq!(room.taken_bytes(), 0);
    }
}
