//! The content store: bytes named by digest, published atomically, on a local disk.
//!
//! Owns the bytes and the order in which they become durable; knows nothing of who refers to a
//! content. Callers see [`ContentStore`](star_core::ports::content::ContentStore) alone.
//! [`files`](DiskStore) keeps each content as a file. The others are of a store that keeps each piece
//! once: [`chunk`] cuts contents and makes frames of them, [`pack`] writes these to files, [`map`] sends
//! what lies there, [`table`] knows which chunk lies where, [`share`] decides what is stored twice, and
//! [`rows`] is what the metadata store holds of all that. [`packed`](PackedStore) puts them together.

pub mod chunk;
mod files;
pub mod map;
pub mod pack;
mod packed;
pub mod rows;
pub mod share;
pub mod table;

pub use files::{Before, Contents, Copied, CopyError, DiskStore, OpenError, Options, Step};
pub use packed::{
    CatalogueError, CollectError, CollectOptions, Collection, OpenError as PackedOpenError, PackedStore, Why,
};
