//! Every number of a pack, with its reason.

use std::time::Duration;

/// The page that a pack begins with. One page of memory, so that frames begin on the next.
pub const HEADER_BYTES: usize = 4096;

/// A slot of the footer.
pub const SLOT_BYTES: usize = 52;

/// The end of a sealed pack.
pub const TRAILER_BYTES: usize = 64;

/// A record of the log of slots. A divisor of a sector, so that no record is half on one sector
/// and half on the next.
pub const RECORD_BYTES: usize = 64;

/// Most bytes of frames in a pack: what is copied to free the dead ones among them, and what a
/// loss of one file costs at most. Offsets stay far below what four bytes hold.
pub const STORED_BYTES: u32 = 64 * 1024 * 1024;

/// Most frames in a pack, which bounds its footer to 416 KiB and what has to be read at a start.
pub const SLOTS: usize = 8192;

/// Longest frame and longest chunk that three bytes can tell.
pub const FRAME_BYTES: u32 = (1 << 24) - 1;

/// The longest frame that is usual: a chunk of 1 MiB that could not be made shorter. A pack with
/// less room than that counts as full.
pub const USUAL_FRAME_BYTES: u32 = 1024 * 1024 + 4096;

/// The longest time that a pack stays open: it bounds what a start after a crash has to read.
pub const OPEN_FOR: Duration = Duration::from_secs(5 * 60);

/// Room that is taken ahead of the frames: a run lies in one piece of the disk, and a sync that
/// need not record another length is a third quicker. Small, because every class has open packs.
pub const RESERVE_BYTES: u64 = 4 * 1024 * 1024;

/// Room that is taken ahead of the records: those of a pack with chunks of usual size.
pub const RESERVE_RECORDS: u64 = 1024;

/// One read of a check through a whole pack.
pub const CHECK_BYTES: usize = 1024 * 1024;

/// The longest file that can be a sealed pack.
pub const PACK_BYTES: u64 = HEADER_BYTES as u64 + STORED_BYTES as u64 + (SLOTS * SLOT_BYTES + TRAILER_BYTES) as u64;
