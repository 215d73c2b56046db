//! Every number of the content store, with its reason.

/// Contents up to this size are kept in memory once read and are given out whole: below it, a
/// request costs more than its bytes do. Pages, scripts and small files fall under it.
pub(crate) const SMALL_BYTES: u64 = 64 * 1024;

/// Memory for small contents: the hot part of some thousand sites' pages.
pub(crate) const CACHE_BYTES: u64 = 64 * 1024 * 1024;

/// What an entry of the cache costs beside its bytes, so that a flood of empty contents is
/// bounded as well.
pub(crate) const CACHE_ENTRY_BYTES: u64 = 128;

/// Files of larger contents that are kept open, which saves the open of each request. Small
/// against the 1,024 descriptors that many systems allow a process.
pub(crate) const OPEN_FILES: usize = 128;

/// One read of a stream. Measured: from 128 to 512 KiB a byte costs the same processor time, at
/// 1 MiB about a tenth more.
pub(crate) const READ_BYTES: usize = 256 * 1024;

/// One read of a stream while [`READ_BUFFERS_BYTES`] is used up by others.
pub(crate) const READ_BYTES_UNDER_PRESSURE: usize = 32 * 1024;

/// Bytes of all streams on their way to sockets, above which streams read smaller pieces, so
/// that a crowd of slow readers cannot fill the memory.
pub(crate) const READ_BUFFERS_BYTES: usize = 64 * 1024 * 1024;

/// Buffers that are kept for the next stream.
pub(crate) const READ_BUFFERS_KEPT: usize = 32;

/// Reads that wait for the disk at the same time: enough to fill the queue of a fast disk.
pub(crate) const READ_JOBS: usize = 32;

/// Bytes of all ingests that have been taken and are not written yet.
pub(crate) const INGEST_BYTES: usize = 64 * 1024 * 1024;

/// Free part of [`INGEST_BYTES`] below which nobody keeps bytes to make a larger batch, so that
/// idle senders cannot starve busy ones.
pub(crate) const INGEST_PRESSURE_BYTES: usize = INGEST_BYTES / 4;

/// Bytes that one ingest collects before it hands them to a thread: the hop there costs as much
/// as hashing 16 KiB.
pub(crate) const INGEST_BATCH_BYTES: usize = 256 * 1024;

/// The largest piece that is accounted at once; larger ones are cut.
pub(crate) const INGEST_PIECE_BYTES: usize = 1024 * 1024;

/// Batches that are hashed and written at the same time. They keep a core busy, so that many
/// more than there are cores gain nothing.
pub(crate) const WRITE_JOBS: usize = 8;

/// Publications that wait for the disk at the same time. They sleep in the kernel, which joins
/// them into one commit of its journal.
pub(crate) const PUBLISH_JOBS: usize = 64;

/// Room on the disk that is reserved ahead of a sender that announced its size: a full disk is
/// seen early and files lie in few pieces, yet a lie about the size reserves no more than this.
pub(crate) const RESERVE_BYTES: u64 = 64 * 1024 * 1024;

/// One step of checking a content: a dropped check ends within it.
pub(crate) const VERIFY_STEP_BYTES: u64 = 8 * 1024 * 1024;

/// Contents that are checked at the same time: checking must not take the disk from readers.
pub(crate) const VERIFY_JOBS: usize = 2;

/// Directories over which contents are spread, one per three hexadecimal digits. They are made
/// once, so that publishing never has to make a directory durable; ten million contents are
/// some 2,400 in each.
pub(crate) const SHARDS: usize = 4096;

/// The version of the layout on disk that is written and understood.
pub(crate) const FORMAT: u32 = 1;
