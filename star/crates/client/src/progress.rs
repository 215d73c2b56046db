//! How a transfer tells how far it has come.
//!
//! Owns the hook only. Drawing bars, choosing units and deciding whether anybody watches are
//! the caller's.

use std::sync::Arc;

/// Listens to a transfer. Every method may be called from several tasks at once and must return
/// quickly: it runs between two pieces of a file.
pub trait Progress: Send + Sync {
    /// The whole is known: so many files of so many bytes together. Comes first, if it comes.
    fn total(&self, files: u64, bytes: u64);

    /// One more file was looked at, and it is known whether its bytes have to move.
    fn checked(&self) {}

    /// A file of so many bytes is there already; they do not move.
    fn known(&self, _bytes: u64) {}

    /// So many more bytes were sent or received.
    fn bytes(&self, count: u64);

    /// The file of this name is done.
    fn file_done(&self, name: &str);
}

struct Silent;

impl Progress for Silent {
    fn total(&self, _files: u64, _bytes: u64) {}
    fn bytes(&self, _count: u64) {}
    fn file_done(&self, _name: &str) {}
}

/// For transfers that nobody watches.
pub fn silent() -> Arc<dyn Progress> {
    Arc::new(Silent)
}
