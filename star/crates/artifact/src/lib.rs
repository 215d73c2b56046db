//! The content store: bytes named by digest, published atomically, on a local disk.
//!
//! Owns the bytes and the order in which they become durable; knows nothing of who refers to a
//! content. Callers see [`ContentStore`](star_core::ports::content::ContentStore) alone.
//! [`files`](DiskStore) keeps each content as a file; [`chunk`] is the vocabulary of a store that
<<<<<<< HEAD
//! keeps each piece once, and [`pack`] the files in which such pieces lie.

pub mod chunk;
mod files;
pub mod rows;
pub mod share;
pub mod table;
pub mod pack;
=======
//! keeps each piece once, and [`map`] reads its packs.

pub mod chunk;
mod files;
pub mod map;
>>>>>>> c-map

pub use files::{Before, Contents, Copied, CopyError, DiskStore, OpenError, Options, Step};
