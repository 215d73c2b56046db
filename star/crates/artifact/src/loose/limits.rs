//! The numbers of loose contents, each with its reason.

/// One read of a content: from 128 to 512 KiB a byte costs the same processor time.
pub(crate) const READ_BYTES: usize = 256 * 1024;

/// Directories over which contents are spread, one per three hexadecimal digits.
pub(crate) const SHARDS: usize = 4096;
