//! What the metadata store holds of contents.
//!
//! | key | value |
//! |---|---|
//! | `x/` digest | [`Content`]: how many bytes, and where they lie |
//! | `x/` digest `live` | nothing: the content may be referred to |
//! | `m/` digest, page | a page of the [`Manifest`](manifest): which chunks, for ever |
//! | `l/` digest, page | a page of the [`Layout`]: which extents, at present |
//! | `x/` digest `begun` | the row as it will be: rows that belong to it are written ahead |
//! | `x/` digest `gone` | the row as it was: the content is gone, and rows that belonged to it are not yet |
//! | `p/` ordinal | [`Pack`]: which file |
//! | `p/` ordinal `live` | nothing: a layout may name the pack |
//! | `f/` ordinal, digest | the slots of a pack that a content is made of |
//! | `u/` digest, digest | nothing: the second content names the first |
//! | `n/` digest, digest | nothing: the first content names the second |
//!
//! These rows belong to the store and to no shard: any batch may write them. That is why nothing here
//! is guarded by a revision, which only means something within a shard. A row is made once
//! ([`Absent`](star_core::ports::meta::Precondition::Absent)); whoever relies on a content or a pack
//! asks for its mark `live` ([`Present`](star_core::ports::meta::Precondition::Present)), which is taken
//! away first when something is condemned; and rows that are there are changed by the collector alone.
//!
//! A digest is its 32 bytes, an ordinal and a page are four bytes, big-endian.

mod content;
mod keys;
mod layout;
pub mod limits;
pub mod manifest;
mod pack;

pub use content::{Content, Paged, Place};
pub use keys::content as content_key;
pub use keys::{
    ContentKey, PackKey, RowOf, all_named_by, all_names, begun_content, contents, digest_of_edge, edge, edges,
    gone_content, layout_page, layout_page_of, layout_pages, live_content, live_pack, manifest_page, manifest_pages,
    named_by, names, other_of_naming, pack, packs,
};
pub use layout::{Extent, Layout, LayoutError};
pub use pack::{Pack, Slots};

use star_wire::codec::CodecError;

/// The SHA-256 of a content, by which it is named.
pub type Sha256 = [u8; 32];

/// The number of a pack in this store. Never used for another pack.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize)]
pub struct Ordinal(pub u32);

/// Why a row cannot be understood.
#[derive(Debug, thiserror::Error)]
pub enum RowError {
    /// The bytes are not those of such a row.
    #[error("the row cannot be read")]
    Codec(#[from] CodecError),
    /// The extents contradict each other.
    #[error("the layout makes no sense")]
    Layout(#[from] LayoutError),
}
