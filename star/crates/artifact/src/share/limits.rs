//! The numbers of sharing, each with its reason. They were chosen by simulation: fifty generations of a
//! content of which one percent changes each time, see the tests of [`share`](super).

/// Extents whose mean length is looked at.
pub(super) const RECENT: usize = 128;

/// A run of at least this many stored bytes is always shared. Of 1, 1.5, 2, 3 and 4 MiB this left the
/// fewest extents: what is changed in between is short, and only a longer run makes up for it.
pub(super) const LONG_BYTES: u64 = 2 << 20;

/// Below this mean, short runs are no longer shared.
pub(super) const POOR_BYTES: u64 = 5 << 18;

/// They are again when the mean has reached this: between the two, what was decided last holds, so that
/// a content is not torn to and fro.
pub(super) const GOOD_BYTES: u64 = 2 << 20;

/// Extents of a content before it can be called scattered.
pub(super) const LEAST_EXTENTS: usize = 4;

/// Most bytes that a content stores again although they are there, in percent of its own.
pub(super) const COPIED_PERCENT: u64 = 5;

/// Most different packs in [`PACKS_WINDOW_BYTES`] of a content: each is a file to be open.
pub(super) const PACKS: usize = 24;

/// See [`PACKS`].
pub(super) const PACKS_WINDOW_BYTES: u64 = 64 << 20;
