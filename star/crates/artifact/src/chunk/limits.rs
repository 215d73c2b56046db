//! Every number of cutting, encoding and checking, with its reason.

/// The longest chunk. It bounds what a reader has to hold to decode any frame, and what somebody
/// else's frame may make of itself.
pub const CHUNK_BYTES: usize = 1024 * 1024;

/// The room that a frame of the longest chunk can need: zstd adds at most 1/256 and its headers.
pub(crate) const FRAME_BYTES: usize = CHUNK_BYTES + CHUNK_BYTES / 256 + 64;

/// The level at which chunks are compressed: the one that zstd's own tools take when none is asked
/// for.
pub(crate) const LEVEL: zstd::zstd_safe::CompressionLevel = 3;

/// The longest window that a frame may ask of who decodes it: what every decoder of zstd must
/// offer (RFC 8878, section 3.1.1.1.2). Streaming decoders of clients take that much memory.
pub(crate) const WINDOW_BYTES: u64 = 8 * 1024 * 1024;

/// Contents up to this size live in the row that names them: reading one costs no second look.
pub(crate) const INLINE_BYTES: u64 = 4 * 1024;

/// Contents below this size are one frame: two chunks of them would save little and cost a
/// look-up more for each reader.
pub(crate) const ONE_FRAME_BYTES: u64 = 512 * 1024;

/// What a frame has to save of its chunk, in percent, to show that a content is not compressed yet.
pub(crate) const WORTH_PERCENT: usize = 3;

/// The first frames of a content: when none of them saves that much, the content is compressed
/// already, and stored raw.
pub(crate) const PROBE_FRAMES: usize = 4;

/// Bytes in which cut points are looked for at once. Of each such window the end is left for the
/// next, at most one chunk, so that windows of four cost at most a third more copying than none.
pub(crate) const WINDOW_OF_CUTS_BYTES: usize = 4 * CHUNK_BYTES;
