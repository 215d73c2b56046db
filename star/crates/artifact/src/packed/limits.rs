//! The numbers of the store of packs, each with its reason.

use std::time::Duration;

/// Memory for what lies in sealed packs, in bytes: the slots of some 1,900 packs of usual chunks, which
/// hold 120 GiB.
pub(crate) const FOOTER_BYTES: u64 = 64 << 20;

/// Appends and syncs that wait for the writer of a class. Each append holds a run, which is paid for by
/// the budget of ingests.
pub(crate) const WRITER_QUEUE: usize = 256;

/// Appends that a writer takes before it makes durable what others wait for.
pub(crate) const WRITER_TURN: usize = 64;

/// How often a writer looks whether its pack has been open for long enough.
pub(crate) const WRITER_LOOK: Duration = Duration::from_secs(15);

/// Contents up to this size are given out whole and kept in memory once read: below it, a request costs
/// more than its bytes do.
pub(crate) const SMALL_BYTES: u64 = 64 * 1024;

/// Memory for small contents, in bytes: the hot part of some thousand sites' pages.
pub(crate) const SMALL_CACHE_BYTES: u64 = 64 << 20;

/// What an entry of that memory costs beside its bytes.
pub(crate) const SMALL_ENTRY_BYTES: u64 = 128;

/// Frames of one stream that are decoded ahead of who reads: one on its way out, one being decoded.
pub(crate) const DECODE_AHEAD: usize = 2;

/// Frames that are decoded at the same time, over all streams, for each core. They keep a core busy, so
/// many more gain nothing.
pub(crate) const DECODES_PER_CORE: usize = 2;

/// Contents that are durable and that nobody refers to yet. Each is some hundred bytes and whoever sent
/// it is about to refer to it; more are refused.
pub(crate) const PENDING: usize = 65_536;

/// How long a content is kept for whoever sent it and does not refer to it.
pub(crate) const PENDING_FOR: Duration = Duration::from_secs(24 * 60 * 60);

/// Operations of a batch that a reference may take, of the 512 that a batch has: whoever refers has some
/// of their own.
pub(crate) const REFERENCE_OPERATIONS: usize = 256;

/// Bytes of a batch that a reference may take, of the 1 MiB that a batch has.
pub(crate) const REFERENCE_BYTES: usize = 512 * 1024;

/// Contents that are noted at once to be named by another one.
pub(crate) const NAMED_AT_ONCE: usize = 64;

/// How often a batch is tried again because something changed meanwhile.
pub(crate) const COMMIT_ATTEMPTS: usize = 8;

/// Stored bytes of one content that are written as one run: contents that come at the same time do not
/// lie in each other's way, and whoever reads one gets a disk's full speed.
pub(crate) const RUN_BYTES: usize = 4 << 20;

/// What of a content is stored, in percent, before anybody knows: source code and pages take a third,
/// programs a half.
pub(crate) const USUAL_STORED_PERCENT: u64 = 50;

/// Most bytes of the whole store that are stored though they are there, in percent.
pub(crate) const COPIED_PERCENT: u64 = 3;

/// Extents of a content above which the collector leaves it where it lies: its layout would not fit into
/// one batch.
pub(crate) const REWRITE_EXTENTS: usize = 16 * crate::rows::limits::LAYOUT_PAGE_EXTENTS;

/// Rows that the collector looks at in one go.
pub(crate) const COLLECT_PAGE: usize = 500;

/// Bytes of all contents that may be condemned in one run without being told twice, in percent: what
/// takes away more is usually a mistake.
pub(crate) const CONDEMN_PERCENT: u64 = 20;

/// Stored bytes of a pack that are needed, in percent, below which the rest is copied: a copy then writes
/// at most one and a half times what it frees.
pub(crate) const SPARSE_PERCENT: u64 = 60;

/// Bytes that a run copies at most, so that it ends.
pub(crate) const REPACK_BYTES: u64 = 1 << 30;

/// Reasons of each kind that are named when somebody asks why a content is there.
pub(crate) const WHY: usize = 100;

/// How often a row is read again because a pack that it names was collected meanwhile.
pub(crate) const READ_ATTEMPTS: usize = 3;

/// Bytes of all ingests that were taken and are not written yet.
pub(crate) const INGEST_BYTES: usize = 64 << 20;
