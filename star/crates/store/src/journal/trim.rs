//! Removing the oldest segments: which ones there are, and taking them away one by one.
//!
//! Which of them may go is decided elsewhere ([`crate::retention`]).

use std::sync::PoisonError;
use std::sync::atomic::Ordering;

use star_core::ports::clock::UnixMillis;
use star_core::ports::meta::Position;

use super::replay::header_of;
use super::{Fault, Journal};

/// A segment that grows no more.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Closed {
    /// The position of its first frame.
    pub(crate) first: Position,
    /// The position of its last frame.
    pub(crate) last: Position,
    /// Its length.
    pub(crate) bytes: u64,
    /// The wall clock when it was followed by the next.
    pub(crate) ended: UnixMillis,
}

impl Journal {
    /// The segments that grow no more, oldest first.
    pub(crate) fn closed(&self) -> Result<Vec<Closed>, Fault> {
        let firsts = self.firsts().clone();
        firsts
            .windows(2)
            .map(|pair| {
                let (first, next) = (pair[0], pair[1]);
                let ended = header_of(self.disk.as_ref(), &self.dir, next)?.made;
                Ok(Closed { first, last: next - 1, bytes: self.size_of(first)?, ended })
            })
            .collect()
    }

    /// Removes a segment, which must be the oldest and not the last.
    ///
    /// Readers first find that it is gone; then it goes, durably, before another may: so that
    /// what a crash leaves is always the end of the log without a gap.
    pub(crate) fn remove_oldest(&self, segment: &Closed) -> Result<(), Fault> {
        let bytes = self.size_of(segment.first)?;
        let mut firsts = self.segments.write().unwrap_or_else(PoisonError::into_inner);
        debug_assert_eq!(firsts.first(), Some(&segment.first));
        firsts.remove(0);
        drop(firsts);
        self.places.forget_before(segment.last + 1);
        self.bytes.fetch_sub(bytes, Ordering::Relaxed);
        let file = self.file_of(segment.first);
        let removed = self.disk.remove(&file).and_then(|()| self.disk.sync_dir(&self.dir));
        removed.map_err(|source| Fault::Io { file, source })
    }

    fn size_of(&self, first: Position) -> Result<u64, Fault> {
        let file = self.file_of(first);
        self.disk.open(&file).and_then(|open| open.size()).map_err(|source| Fault::Io { file, source })
    }
}
