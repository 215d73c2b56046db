//! Every number of reading packs, with its reason.

/// What is handed to the socket at once. Measured with hyper on two cores: 512 KiB and 2 MiB are
/// slower than this, and a window of this size is copied by the kernel in well under a
/// millisecond, so that nobody on the same event loop waits for it.
pub(crate) const WINDOW_BYTES: u64 = 1024 * 1024;

/// What a thread brings into memory at once: large enough for a disk to be at its full speed,
/// small enough that a stream which is dropped leaves little behind.
pub(crate) const POPULATE_BYTES: u64 = 4 * 1024 * 1024;

/// How much of a span the kernel is asked to read at once, without waiting: it cuts larger wishes to
/// what it would read ahead by itself, which is this much unless somebody set it.
pub(crate) const READ_ON_BYTES: u64 = 128 * 1024;

/// Threads that bring pages into memory at the same time: more than these only share a disk.
pub(crate) const POPULATE_JOBS: usize = 4;

/// What is brought in ahead of a stream that found its pages missing: one full span, or several
/// of scattered extents.
pub(crate) const POPULATE_AHEAD_BYTES: u64 = POPULATE_BYTES;

/// One read into a buffer. From 128 to 512 KiB a byte costs the same processor time.
pub(crate) const READ_BYTES: usize = 256 * 1024;

/// One read into a buffer while [`BUFFERS_BYTES`] is used up by others.
pub(crate) const READ_BYTES_UNDER_PRESSURE: usize = 32 * 1024;

/// Threads that read into buffers at the same time: pieces are small, so it takes some to keep a
/// disk busy.
pub(crate) const READ_JOBS: usize = 16;

/// What is read ahead of a stream that has to wait for the disk: two reads, because buffers are
/// small.
pub(crate) const READ_AHEAD_BYTES: u64 = 2 * READ_BYTES as u64;

/// Bytes in buffers of all streams, above which streams read small pieces and none ahead, so that
/// a crowd of slow readers cannot fill the memory.
pub(crate) const BUFFERS_BYTES: usize = 64 * 1024 * 1024;

/// Buffers that are kept for the next stream.
pub(crate) const BUFFERS_KEPT: usize = 32;

/// Packs that are kept open, each with one descriptor: a quarter of the 1,024 that many systems
/// allow a process, because connections need theirs.
pub(crate) const PACKS_OPEN: u64 = 256;

/// Address space of the packs that are kept open: [`PACKS_OPEN`] full ones. It is not memory; what
/// it costs is the tables of pages, at most 32 MiB for as much as this.
pub(crate) const ADDRESS_BYTES: u64 = PACKS_OPEN * 64 * 1024 * 1024;

/// Maps that a fault can be traced to: those that are kept, and as many again whose pack left the
/// cache while somebody still reads it.
pub(crate) const NAMED_MAPS: usize = 512;

/// Share of the last ten seconds, in percent, in which somebody waited for memory, from which on
/// packs are read into buffers: beyond the memory a map is two to three times slower than reads.
pub(crate) const PRESSURE_PERCENT: f64 = 10.0;

/// How old what is known of the pressure may be; the kernel averages over ten seconds.
pub(crate) const PRESSURE_MS: u64 = 1_000;
