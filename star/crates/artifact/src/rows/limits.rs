//! The numbers of the rows, each with its reason.

/// Chunks in one page of a manifest: 36 KiB of a value of 64, some 256 MiB of content.
pub const MANIFEST_PAGE_CHUNKS: usize = 1024;

/// Extents in the row of a content, and in one page of a layout: 24 KiB. Nearly every content has
/// fewer, so that reading it takes one row.
pub const LAYOUT_PAGE_EXTENTS: usize = 1024;

/// Longest content in bytes that stands in its row. With it a batch still takes dozens.
pub const INLINE_BYTES: usize = 4096;
