//! Every number that bounds what the client waits for, buffers or does at once.

use std::time::Duration;

/// A Star that answers at all accepts a connection much faster, even across the world.
pub const CONNECT: Duration = Duration::from_secs(10);

/// A call that moves no bytes and names no time of its own. The Star's own default for a message
/// is shorter, so that its error, which says more, comes first.
pub const CALL: Duration = Duration::from_secs(60);

/// How soon a change whose answer was lost is sent again: a connection that broke is usually made
/// anew at once.
pub const AGAIN_FIRST: Duration = Duration::from_millis(100);

/// How long the pauses between them grow: a Star that starts again is there within seconds.
pub const AGAIN_MAX: Duration = Duration::from_secs(2);

/// How long after the first answer that was lost a change is sent again, within the time that it may
/// take: a Star that was killed is back by then, and nobody wants to sit in front of a command that
/// waits for one that does not come.
pub const AGAIN_FOR: Duration = Duration::from_secs(15);

/// How much longer than a change may take its key is kept, for what is still on its way then.
pub const KEY_GRACE: Duration = Duration::from_secs(30);

/// What a call is given beyond the time that the Star was told, so that the Star's own answer
/// about the time that ran out arrives before the client gives up.
pub const CALL_GRACE: Duration = Duration::from_secs(2);

/// How long an upload or a download may stand still. Longer than a group of commits on a slow
/// disk and than most pauses of a mobile network.
pub const STALL: Duration = Duration::from_secs(60);

/// How often a transfer is looked at for standing still: a sixtieth of the above is exact enough.
pub const STALL_CHECK: Duration = Duration::from_secs(1);

/// How long a Star is listened to for the reason why it hung up on an upload. One that refuses
/// does so before it reads the body, so a round trip is enough, even across the world.
pub const REASON: Duration = Duration::from_secs(5);

/// The reply of a unary call. Bodies of messages are at most a few MiB; a page of a list is 1 MiB.
pub const REPLY_BYTES: usize = 32 * 1024 * 1024;

/// An error body. Long excerpts and chains of causes stay below a few KiB.
pub const ERROR_BYTES: usize = 256 * 1024;

/// One item of a stream, and one line of the event log: an event holds names and a few short
/// values, a resource up to 64 KiB for each of its properties.
pub const ITEM_BYTES: usize = 4 * 1024 * 1024;

/// Size of the pieces in which files are read: large enough that the hop to the thread that reads
/// costs little, small enough that as many transfers as there are at once stay below 16 MiB.
pub const CHUNK_BYTES: usize = 256 * 1024;

/// Files sent at the same time. A Star makes what waits durable in groups, so small files go the
/// faster the more of them wait; with as many as this the group is larger than what comes while a disk
/// syncs, and their pieces still take less than 16 MiB.
pub const PARALLEL_UPLOADS: usize = 32;

/// Files that are listed of a directory of a Star for each file that is to be sent there, to find out
/// which are there already: a directory that holds many more is not read to its end for a few.
pub const PRESENCE_FOR_EACH: usize = 4;

/// Files that are listed at least: some tens of pages, about a second.
pub const PRESENCE_LEAST: usize = 10_000;

/// Files and directories of one tree. Far above any bundle; a tree with more is most likely the
/// wrong directory.
pub const TREE_ENTRIES: usize = 200_000;

/// Levels of directories in one tree, as in a path.
pub const TREE_DEPTH: usize = 64;

/// Pages of one list, each with up to 1,000 resources: a Star that never ends a list is broken.
pub const LIST_PAGES: usize = 1_000_000;

/// How long one request waits for a lock: below what a Star waits at most, so that it answers
/// before it is given up, and below the idle time of most proxies.
pub const LOCK_WAIT: Duration = Duration::from_secs(20);

/// How long looking after all bytes of a Star may take: it reads terabytes in hours.
pub const UPKEEP: Duration = Duration::from_secs(24 * 60 * 60);

/// The widest window that a frame of zstd may ask for, as a power of two: the 8 MiB that every decoder
/// must offer (RFC 8878). A Star sends frames of at most 1 MiB.
pub const WINDOW_LOG: u32 = 23;

/// Bytes of a list of uploads: a Star has at most ten thousand of them, each with a path of some KiB at worst.
pub const UPLOADS_BYTES: usize = 32 * 1024 * 1024;
