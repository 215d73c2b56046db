//! Every number of the host, with its reason. What one mechtron may use is in its bind; these
//! are the numbers that hold for all of them.

use std::time::Duration;

/// Largest component that is compiled. Compilation takes about a second per MiB, and components
/// of interpreted languages reach 40 MiB.
pub(crate) const COMPONENT_BYTES: u64 = 64 * 1024 * 1024;

/// Compilations beside each other. Each uses all cores by itself, but a large one must not keep a
/// small one waiting.
pub(crate) const COMPILATIONS: usize = 2;

/// Files in the cache of compiled code; the least recently written go first.
pub(crate) const CACHE_FILES: usize = 1000;

/// Instances alive at the same time, over all mechtrons. Each reserves address space, not
/// memory: [`MEMORIES_PER_INSTANCE`] times 4 GiB, so that all together stay within 47 bits with
/// room to spare.
pub(crate) const INSTANCES: u32 = 1000;

/// Core modules in one component: the program, the adapter of older system interfaces with its
/// two shims, and room for composed components.
pub(crate) const CORES_PER_INSTANCE: u32 = 20;

/// Linear memories in one component.
pub(crate) const MEMORIES_PER_INSTANCE: u32 = 4;

/// Tables in one component.
pub(crate) const TABLES_PER_INSTANCE: u32 = 20;

/// Elements of one table. Rust programs have some hundreds, interpreters some ten thousand.
pub(crate) const TABLE_ELEMENTS: usize = 20_000;

/// Memory of a slot that is wiped instead of given back to the system, because wiping this much is
/// quicker than the page faults that follow. A small program touches less.
pub(crate) const RESIDENT_BYTES: usize = 256 * 1024;

/// Slots that stay reserved for the component that used them last.
pub(crate) const WARM_SLOTS: u32 = 100;

/// Stack of guest code; a deeper recursion ends the call.
pub(crate) const GUEST_STACK_BYTES: usize = 512 * 1024;

/// Stack of a call, guest and host together. A host function that ran over its part would end the
/// process, hence three times as much as the guest has.
pub(crate) const CALL_STACK_BYTES: usize = 2 * 1024 * 1024;

/// How often running guest code is interrupted, to give way to others and to be stopped when its
/// time is up. Calls of a plain page take a tenth of it and never notice.
pub(crate) const TICK: Duration = Duration::from_millis(5);

/// Ticks without any call after which the clock of the interruptions stops, so that an idle Star
/// sleeps.
pub(crate) const IDLE_TICKS: u32 = 200;

/// Calls that wait for their turn at one mechtron, as a multiple of those that may run; more get
/// `Busy` at once.
pub(crate) const WAITING_PER_RUNNING: usize = 8;

/// When a caller that got `Busy` should try again.
pub(crate) const BUSY_RETRY: Duration = Duration::from_millis(100);

/// Handles that a component may hold.
pub(crate) const HANDLES: usize = 4096;

/// Bytes that a guest may pass to the host in one call: the largest write, and room around it.
pub(crate) const HOST_CALL_BYTES: usize = WRITE_BYTES + 1024 * 1024;

/// Bytes of a File that `read` gives at once; more is read in pieces.
pub(crate) const READ_BYTES: u64 = 8 * 1024 * 1024;

/// Bytes of a File that `write` takes at once. The host holds them while they are stored.
pub(crate) const WRITE_BYTES: usize = 8 * 1024 * 1024;

/// Random bytes that a guest gets at once.
pub(crate) const RANDOM_BYTES: u64 = 64 * 1024;

/// Headers of one web request or answer, names and values and what the host adds around them.
pub(crate) const FIELDS_BYTES: usize = 32 * 1024;

/// Pieces of a web answer that are kept while the visitor is slow, of at most
/// [`WEB_PIECE_BYTES`]. Together they are what one slow visitor can hold of the host's memory.
pub(crate) const WEB_PIECES: usize = 2;

/// Longest piece of a web answer.
pub(crate) const WEB_PIECE_BYTES: usize = 256 * 1024;

/// Longest line in the log; the rest of it is cut off.
pub(crate) const LOG_LINE_BYTES: usize = 4 * 1024;

/// Lines in the log per second and mechtron; the others are counted.
pub(crate) const LOG_LINES_PER_SECOND: u32 = 100;

/// Longest message of an error that a guest made.
pub(crate) const GUEST_ERROR_BYTES: usize = 1024;

/// Frames of a stack trace in the log.
pub(crate) const BACKTRACE_FRAMES: usize = 20;
