//! Which chunk lies in which slot of which pack: a table in memory, derived from the packs.
//!
//! The table is a hint and nothing else. Whoever finds a chunk in it looks into the footer of the pack,
//! and the commit that relies on the chunk asks whether the pack may still be named; so an entry too
//! many costs a look and one too few costs bytes that are stored twice. It is kept between starts as a
//! [`snapshot`], which is believed as far as the packs that it lists are still the same.
//!
//! An [`Entry`] is 16 bytes, and [`Shard`] fills four fifths of its places: 20 bytes per chunk.

mod entry;
mod limits;
mod shard;
pub mod snapshot;

pub use entry::{Entry, Place};

use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::chunk::ChunkId;
use crate::rows::Ordinal;
use shard::Shard;

/// All chunks of a store.
#[derive(Debug)]
pub struct Table {
    /// By the first byte of the chunk's name.
    shards: Box<[Mutex<Shard>]>,
}

impl Default for Table {
    fn default() -> Table {
        Table { shards: (0..limits::SHARDS).map(|_| Mutex::default()).collect() }
    }
}

impl Table {
    /// Where a chunk may lie. The footer there says whether it does: one of some billion times it is
    /// another one.
    pub fn find(&self, chunk: &ChunkId) -> Option<Place> {
        self.shard(chunk).find(entry::prefix(chunk))
    }

    /// Notes where a chunk lies, in place of where it lay before.
    pub fn insert(&self, chunk: &ChunkId, place: Place) {
        self.shard(chunk).insert(Entry::of(chunk, place));
    }

    /// Forgets where a chunk lies, if it is there that it is thought to lie.
    pub fn forget(&self, chunk: &ChunkId, place: Place) {
        self.shard(chunk).forget(Entry::of(chunk, place));
    }

    /// Forgets all chunks of packs.
    pub fn forget_packs(&self, gone: impl Fn(Ordinal) -> bool) {
        for shard in &self.shards {
            lock(shard).retain(|entry| !gone(entry.place().pack));
        }
    }

    /// How many chunks are known.
    pub fn len(&self) -> usize {
        self.shards.iter().map(|shard| lock(shard).len()).sum()
    }

    /// Whether none is known.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Memory that it takes, in bytes.
    pub fn memory_bytes(&self) -> usize {
        self.shards.iter().map(|shard| lock(shard).memory_bytes()).sum()
    }

    fn shard(&self, chunk: &ChunkId) -> MutexGuard<'_, Shard> {
        lock(&self.shards[usize::from(chunk.as_bytes()[0])])
    }
}

/// What a panic left behind is a table that lacks something, which is no worse than one that never had it.
fn lock(shard: &Mutex<Shard>) -> MutexGuard<'_, Shard> {
    shard.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn chunk(number: u32) -> ChunkId {
        ChunkId::of(&number.to_be_bytes())
    }

    fn place(pack: u32, slot: u16) -> Place {
        Place { pack: Ordinal(pack), slot }
    }

    #[test]
    fn a_chunk_is_found_where_it_was_seen_last() {
        let table = Table::default();
        for number in 0..10_000 {
            table.insert(&chunk(number), place(number % 7, (number % 8192) as u16));
        }
        table.insert(&chunk(42), place(99, 1));
        assert_eq!((table.len(), table.find(&chunk(42))), (10_000, Some(place(99, 1))));
        assert_eq!(table.find(&chunk(10_000)), None);
        table.forget(&chunk(42), place(98, 1));
        assert_eq!(table.find(&chunk(42)), Some(place(99, 1)), "it was not that place which was lost");
        table.forget(&chunk(42), place(99, 1));
        assert_eq!((table.len(), table.find(&chunk(42))), (9_999, None));
    }

    #[test]
    fn the_chunks_of_a_pack_go_with_it() {
        let table = Table::default();
        for number in 0..10_000 {
            table.insert(&chunk(number), place(number % 10, 0));
        }
        table.forget_packs(|pack| pack.0 < 3);
        assert_eq!(table.len(), 7_000);
        assert!((0..10_000).all(|number| table.find(&chunk(number)).is_some() == (number % 10 >= 3)));
    }

    #[test]
    fn a_chunk_takes_at_most_twenty_bytes() {
        let table = Table::default();
        let mut most = 0;
        for number in 0..200_000 {
            table.insert(&chunk(number), place(number / 256, 0));
            if number >= 50_000 && number % 1_000 == 0 {
                most = most.max(table.memory_bytes() * 10 / table.len());
            }
        }
        assert!(most <= 200, "{} bytes per chunk", f64::from(u32::try_from(most).unwrap()) / 10.0);
    }
}
