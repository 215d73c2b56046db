//! Every number of the pipeline, with its reason.

use crate::chunk::limits::{CHUNK_BYTES, PROBE_FRAMES};

/// One piece of what is stored raw. It is there for checksums, not for finding equal pieces.
pub(crate) const SLOT_BYTES: usize = CHUNK_BYTES;

/// What one stream may have under way: enough for some chunks on every core of a large machine
/// while others of its chunks wait to be taken.
pub(crate) const STREAM_BYTES: usize = 16 * CHUNK_BYTES;

/// What a stream may have under way though the budget is used up: the chunks of its probe, and
/// the one that is being cut. Less could stop it for ever, holding what others wait for.
pub(crate) const OVERDRAFT_BYTES: usize = (PROBE_FRAMES + 2) * CHUNK_BYTES;

/// The largest piece that is accounted at once; larger ones are cut.
pub(crate) const PIECE_BYTES: usize = CHUNK_BYTES;

/// Bytes that are hashed in one turn: a thread is held for about half a millisecond, which is
/// what somebody small waits for behind somebody large.
pub(crate) const HASH_TURN_BYTES: usize = CHUNK_BYTES;

/// Chunks of one stream that wait for a thread, for each thread, before no more are cut: enough
/// that no thread waits for the cutting.
pub(crate) const JOBS_AHEAD: usize = 4;
