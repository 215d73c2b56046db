//! The way of a batch from a caller to the disk.
//!
//! One thread, the [`writer`], takes all batches that wait, judges them ([`group`]) against the
//! index and what the earlier ones of the group do ([`overlay`]), appends them to the journal
//! with one sync, applies them to the index, publishes them, and then answers. [`erasures`] and
//! [`outcomes`] are what it remembers beyond the index.

pub(crate) mod erasures;
pub(crate) mod group;
pub(crate) mod mailbox;
pub(crate) mod outcomes;
pub(crate) mod overlay;
pub(crate) mod recall;
pub(crate) mod size;
pub(crate) mod writer;
