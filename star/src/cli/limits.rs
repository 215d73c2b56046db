//! Every number that bounds what a command reads, repeats or waits for.

use std::time::Duration;

/// Most bytes of a message that is read from standard input: what a message may have at all.
pub(crate) const BODY_BYTES: u64 = 16 * 1024 * 1024;

/// Most bytes of a key: the longest that a Star makes has less than a hundred.
pub(crate) const KEY_BYTES: u64 = 4 * 1024;

/// Most bytes of a document that `star check` reads: documents are limited to far less, and the
/// reader says so with its own number.
pub(crate) const DOCUMENT_BYTES: u64 = 16 * 1024 * 1024;

/// Files fetched, or copied by the Star, at the same time; as many as are sent at the same time.
pub(crate) const PARALLEL: usize = star_client::limits::PARALLEL_UPLOADS;

/// How long a watch whose Star has gone tries to find it again: a restart takes a second or two,
/// an upgrade of a machine a minute.
pub(crate) const WATCH_AGAIN: Duration = Duration::from_secs(120);

/// The first pause between two such tries; each is twice as long, up to the longest.
pub(crate) const PAUSE_FIRST: Duration = Duration::from_millis(100);

/// The longest pause between two such tries.
pub(crate) const PAUSE_LONGEST: Duration = Duration::from_secs(5);

/// Two clocks that differ by more make times in logs misleading.
pub(crate) const CLOCK_SKEW: Duration = Duration::from_secs(5);

/// With less room than this, the next upload may fill the disk.
pub(crate) const DISK_LOW_BYTES: u64 = 1024 * 1024 * 1024;

/// With less room than this, a Star cannot be expected to work.
pub(crate) const DISK_FULL_BYTES: u64 = 64 * 1024 * 1024;

/// Levels of directories that `star check FOLDER` looks into, as in a path.
pub(crate) const FOLDER_DEPTH: usize = 64;

/// Renewals that fit into the time of a lock: one may fail, or come late, without harm.
pub(crate) const LOCK_RENEWALS: u32 = 3;

/// How often, within the time of a lock, a renewal that failed is tried again.
pub(crate) const LOCK_RETRIES: u32 = 10;

/// How long a command whose lock was lost may take to end before it is killed: its writes are
/// refused meanwhile, but what else it does is not.
pub(crate) const CHILD_GRACE: Duration = Duration::from_secs(5);

/// Events after which a consumer is advanced while more are there: each time costs the Star a sync
/// of its disk.
pub(crate) const ADVANCE_EVENTS: usize = 1_000;

/// How long nothing has to come before a consumer is advanced.
pub(crate) const ADVANCE_QUIET: Duration = Duration::from_millis(200);

/// How often a backup begins again where the Star trims what was about to be copied: it trims some
/// files a minute at most, and what was copied stays.
pub(crate) const BACKUP_ATTEMPTS: u32 = 5;
