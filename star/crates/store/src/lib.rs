//! The metadata store: a journal with replaceable indexes.
//!
//! The log is the database. Every change is one frame of an append-only journal, durable before
//! its committer is answered; the ordered index is a view of the journal that may lag behind it,
//! be lost, and be made again. What a batch goes through:
//!
//! 1. [`Store`] checks its size and hands it to the writer (`commit`);
//! 2. the writer judges it against the index and the batches before it;
//! 3. the `journal` takes a whole group of batches with one write and one sync;
//! 4. the `index` takes the group without a sync; watchers see it; the callers are answered.
//!
//! Behind them `checkpoint` writes down what the log amounts to, so that the log may be trimmed
//! ([`Retention`], and `consumers`, who hold it back) and an index made without all of it.
//!
//! `recover` is the way back: from whatever a crash left to a store that shows all that was
//! acknowledged. This crate knows keys, values and bytes of events, and not what they mean.

mod checkpoint;
mod commit;
#[cfg(test)]
mod conformance;
mod consumers;
mod disk;
#[cfg(test)]
mod faults;
#[doc(hidden)]
pub mod fuzzing;
mod index;
mod journal;
mod limits;
mod lock;
pub mod maintain;
mod meters;
mod open;
mod recover;
mod retention;
mod shared;
mod store;
pub mod torture;

pub use disk::{Disk, DiskFile, LocalDisk};
pub use index::IndexKind;
pub use limits::LIMITS;
pub use open::{OnFatal, OpenError, OpenOptions};
pub use retention::Retention;
pub use store::Store;
