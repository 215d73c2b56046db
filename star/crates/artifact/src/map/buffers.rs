//! Buffers for reading that go to the socket as [`Bytes`] and come back when it has sent them.
//!
//! A fresh buffer for each read would cost a page fault for every four kilobytes of it. What all
//! streams hold is bounded: above the budget a stream gets a small buffer, and none ahead.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;

use super::limits;

/// The buffers of a store.
#[derive(Debug, Default)]
pub(crate) struct Buffers {
    kept: Mutex<Vec<Box<[u8]>>>,
    lent_bytes: AtomicUsize,
}

/// A lent buffer, and how much of it is filled.
#[derive(Debug)]
pub(crate) struct Buffer {
    space: Box<[u8]>,
    filled: usize,
    owner: Arc<Buffers>,
}

impl Buffers {
    /// Whether reads ahead are within the budget.
    pub(crate) fn has_room(&self) -> bool {
        self.lent_bytes.load(Ordering::Relaxed) < limits::BUFFERS_BYTES
    }

    /// Bytes of all buffers that are lent.
    pub(crate) fn lent_bytes(&self) -> usize {
        self.lent_bytes.load(Ordering::Relaxed)
    }

    /// Lends a buffer: a large one, or a small one while too much is lent already.
    pub(crate) fn lend(self: &Arc<Self>) -> Buffer {
        let space = if self.has_room() {
            let kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner).pop();
            kept.unwrap_or_else(|| vec![0; limits::READ_BYTES].into_boxed_slice())
        } else {
            vec![0; limits::READ_BYTES_UNDER_PRESSURE].into_boxed_slice()
        };
        self.lent_bytes.fetch_add(space.len(), Ordering::Relaxed);
        Buffer { space, filled: 0, owner: Arc::clone(self) }
    }
}

impl Buffer {
    /// Room for at most `len` bytes.
    pub(crate) fn room(&mut self, len: u64) -> &mut [u8] {
        let len = usize::try_from(len).unwrap_or(usize::MAX).min(self.space.len());
        &mut self.space[..len]
    }

    /// Gives the first `filled` bytes of the room away.
    pub(crate) fn into_bytes(mut self, filled: usize) -> Bytes {
        self.filled = filled;
        Bytes::from_owner(self)
    }
}

impl AsRef<[u8]> for Buffer {
    fn as_ref(&self) -> &[u8] {
        &self.space[..self.filled]
    }
}

impl Drop for Buffer {
    fn drop(&mut self) {
        let space = std::mem::take(&mut self.space);
        self.owner.lent_bytes.fetch_sub(space.len(), Ordering::Relaxed);
        if space.len() == limits::READ_BYTES {
            let mut kept = self.owner.kept.lock().unwrap_or_else(PoisonError::into_inner);
            if kept.len() < limits::BUFFERS_KEPT {
                kept.push(space);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_buffer_comes_back_when_its_bytes_are_gone() {
        let buffers = Arc::new(Buffers::default());
        let mut buffer = buffers.lend();
        buffer.room(3).copy_from_slice(b"abc");
        let bytes = buffer.into_bytes(3);
        let part = bytes.slice(1..);
        drop(bytes);
        assert_eq!((&part[..], buffers.lent_bytes()), (&b"bc"[..], limits::READ_BYTES));
        drop(part);
        assert_eq!((buffers.kept.lock().unwrap().len(), buffers.lent_bytes()), (1, 0));
    }

    #[test]
    fn a_crowd_gets_small_buffers() {
        let buffers = Arc::new(Buffers::default());
        let many = limits::BUFFERS_BYTES / limits::READ_BYTES;
        let crowd: Vec<_> = (0..many).map(|_| buffers.lend()).collect();
        assert!(!buffers.has_room());
        assert_eq!(buffers.lend().room(u64::MAX).len(), limits::READ_BYTES_UNDER_PRESSURE);
        drop(crowd);
        assert_eq!(buffers.lend().room(u64::MAX).len(), limits::READ_BYTES);
        assert!(buffers.kept.lock().unwrap().len() <= limits::BUFFERS_KEPT);
    }
}
