//! The store's named numbers, each with its reason.

use std::time::Duration;

use star_core::ports::meta::Limits;

/// What callers must keep within.
///
/// Each number is lower than the ceiling of any engine that may stand behind the port: a B-tree
/// row of PostgreSQL ends near 2.7 kB of key, and a megabyte is what one write of the journal
/// can carry without making its neighbours in the group wait.
pub const LIMITS: Limits = Limits {
    key_bytes: 2_000,
    value_bytes: 64 * 1024,
    batch_operations: 512,
    batch_bytes: 1024 * 1024,
    page_rows: 1_000,
};

/// Bytes after which a page of rows or events ends, so that no answer grows with its rows.
pub(crate) const PAGE_BYTES: usize = 1024 * 1024;

/// Batches that wait for the writer. Two full groups: one being synced, one being gathered.
pub(crate) const QUEUE_BATCHES: usize = 1_024;

/// Most batches of one group: past this the sync is no longer what a batch pays for.
pub(crate) const GROUP_BATCHES: usize = 512;

/// Bytes after which a group is closed. One batch may exceed what is left of it.
pub(crate) const GROUP_BYTES: usize = 1024 * 1024;

/// Size at which a journal segment is followed by the next one: small enough to copy and check
/// in a moment, large enough that a year of a busy Star is some thousands of files. The unit
/// tests of this crate use smaller ones, so that they cross from one to the next often.
pub(crate) const SEGMENT_BYTES: u64 = if cfg!(test) { 256 * 1024 } else { 64 * 1024 * 1024 };

/// Space of a segment that is asked for ahead of what is written: measured, a sync takes a third
/// less time where the file need not grow, and one in some thousand commits pays for it. Small,
/// so that an idle store holds little that it does not use.
pub(crate) const RESERVE_BYTES: u64 = if cfg!(test) { 8 * 1024 } else { 4 * 1024 * 1024 };

/// What a disk writes whole or not at all: the smallest sector that is sold.
pub(crate) const SECTOR_BYTES: usize = 512;

/// Zeros at the end of a bad frame that mean that its end was never written. A body ends in a
/// few zeros by itself (no events, no leaf), and in this many hardly ever.
pub(crate) const TORN_END_BYTES: usize = 16;

/// The header of a segment takes one page, so that frames start where the disk likes them to.
pub(crate) const SEGMENT_HEADER_BYTES: usize = 4_096;

/// What a reader of the journal asks the disk for at a time. Small in this crate's tests, which
/// read a hundred thousand small journals.
pub(crate) const READ_CHUNK_BYTES: usize = if cfg!(test) { 8 * 1024 } else { 256 * 1024 };

/// Distance of two remembered places in a segment: a reader that starts in the middle skips at
/// most this much, and a gigabyte of journal costs 4,096 places. Smaller in this crate's tests,
/// like the segments.
pub(crate) const PLACE_EVERY_BYTES: u64 = if cfg!(test) { 16 * 1024 } else { 256 * 1024 };

/// Batches whose events are kept in memory for watchers at the tail.
pub(crate) const RECENT_BATCHES: usize = 16_384;

/// Bytes of event bodies kept in memory for watchers at the tail.
pub(crate) const RECENT_BYTES: usize = 8 * 1024 * 1024;

/// Batch ids whose outcome is remembered. A client that retries does so within seconds; this is
/// more than a second of the fastest commits, and some minutes of a busy Star.
pub(crate) const REMEMBERED_IDS: usize = 65_536;

/// Erased ranges remembered per shard. Older ones are answered as a conflict.
pub(crate) const REMEMBERED_ERASURES: usize = 1_024;

/// Time after which the index is synced, when there is something to sync.
pub(crate) const INDEX_SYNC_EVERY: Duration = Duration::from_secs(10);

/// Batches after which the index is synced: redb's file grows with the length of a run of
/// transactions without a sync, and a crash replays this many in well under a second.
pub(crate) const INDEX_SYNC_BATCHES: u64 = 20_000;

/// Pause between two attempts to bring back an index that failed.
pub(crate) const INDEX_RETRY_EVERY: Duration = Duration::from_secs(1);

/// The part of the memory of the machine, or of the group of processes that a Star runs in, which
/// redb may fill with pages, one in so many. It fills by and by with what is read: a get that finds
/// its page there takes two thirds of the time.
pub(crate) const INDEX_CACHE_PART: u64 = 16;

/// The least memory for pages: those above the rows of some million resources, so that finding a row
/// costs one read of the file.
pub(crate) const INDEX_CACHE_LEAST_BYTES: usize = 64 * 1024 * 1024;

/// The most: the records of two million resources, measured; past that the page cache of the system
/// serves others too.
pub(crate) const INDEX_CACHE_MOST_BYTES: usize = 512 * 1024 * 1024;

/// How long what is committed stays in memory before the index takes it, in one transaction: the
/// longer, the fewer. Some thousand batches of a busy store, and nothing that a start would notice.
pub(crate) const BEHIND_FOR: Duration = Duration::from_millis(50);

/// Batches that wait in memory for the index, after which the writer waits for it. Few in this
/// crate's tests, so that they wait often.
pub(crate) const BEHIND_BATCHES: usize = if cfg!(test) { 64 } else { 16_384 };

/// Bytes of operations that wait in memory for the index; as many again are being taken.
pub(crate) const BEHIND_BYTES: usize = 8 * 1024 * 1024;

/// A block of the file of redb that has a checksum: its page.
pub(crate) const SUMMED_BYTES: usize = 4_096;

/// Batches that a replay gives to the index in one transaction.
pub(crate) const REPLAY_GROUP: usize = 4_096;

/// Bytes of operations that a replay gives to the index in one transaction.
pub(crate) const REPLAY_GROUP_BYTES: usize = 8 * 1024 * 1024;

/// Checkpoints that are kept: one that is good while the other is being replaced or is damaged.
pub(crate) const CHECKPOINTS_KEPT: usize = 2;

/// A block of a checkpoint, with its checksum: what a reader holds in memory, and what is lost
/// of a file that is read for its good parts.
pub(crate) const CHECKPOINT_BLOCK_BYTES: usize = 64 * 1024;

/// Journal after which a checkpoint is made: what a rebuilt index has to apply on top of one, a
/// second of work.
pub(crate) const CHECKPOINT_BYTES: u64 = 64 * 1024 * 1024;

/// Time after which a checkpoint is made where anything was written.
pub(crate) const CHECKPOINT_EVERY: Duration = Duration::from_secs(600);

/// Memory that the changes of a stretch of the log may take while a checkpoint is made of them;
/// a longer stretch is made in several steps. Twice what a checkpoint usually has to cover.
pub(crate) const MERGE_BYTES: usize = if cfg!(test) { 1024 * 1024 } else { 128 * 1024 * 1024 };

/// Jobs that wait for the keeper of checkpoints. It does equal ones together, so a few suffice.
pub(crate) const KEEPER_JOBS: usize = 64;

/// Age up to which events are kept: a consumer that was away for a day finds what it missed.
pub(crate) const KEPT_FOR: Duration = Duration::from_secs(24 * 3_600);

/// Bytes of journal that are kept for their events, however young they are.
pub(crate) const KEPT_BYTES: u64 = 1024 * 1024 * 1024;

/// Bytes of journal that a consumer may hold back. One further behind has to begin anew, so that
/// a consumer which nobody misses cannot fill the disk.
pub(crate) const HELD_BYTES: u64 = 4 * 1024 * 1024 * 1024;

/// Durable consumers of one store.
pub(crate) const CONSUMERS: usize = 1_024;

/// Bytes of a consumer's name.
pub(crate) const CONSUMER_NAME_BYTES: usize = 255;

/// Memory that sled may use for pages. Its default of 1 GiB is more than a Star has to give.
pub(crate) const SLED_CACHE_BYTES: usize = 64 * 1024 * 1024;

/// Milliseconds after which sled flushes by itself. Never off: its space is only given back by
/// the thread that flushes.
pub(crate) const SLED_FLUSH_MS: u64 = 500;
