//! The numbers of the table, each with its reason.

/// Parts of the table with a lock each, one per value of a byte.
pub(super) const SHARDS: usize = 256;

/// Filled places of a shard, in percent, above which it grows.
pub(super) const FULL_PERCENT: usize = 92;

/// By how much a shard grows, in percent: from 92 percent filled to 82. An
/// entry is 16 bytes, so a chunk takes 20 at most, and a search passes some six others.
pub(super) const GROWTH_PERCENT: usize = 12;

/// Fewest places of a shard that has any.
pub(super) const LEAST_PLACES: usize = 16;

/// Largest snapshot that is read, in bytes: 16 for each of a billion chunks, some 256 TiB of content.
pub(super) const SNAPSHOT_BYTES: u64 = 16 << 30;
