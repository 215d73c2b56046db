//! The content store: bytes named by digest, published atomically, on a local disk.
//!
//! Owns the bytes and the order in which they become durable; knows nothing of who refers to a
//! content. Callers see [`ContentStore`](star_core::ports::content::ContentStore) alone.
//! Each piece of a content is kept once: [`chunk`] cuts contents and makes frames of them, [`pack`] writes
//! these to files, [`map`] sends what lies there, [`table`] knows which chunk lies where, [`share`] decides
//! what is stored twice, and [`rows`] is what the metadata store holds of all that.
//! [`packed`](PackedStore) puts them together. [`loose`](Contents) are contents in files of their own, and
//! [`archive`](PackCopies) is for copies of packs.

mod archive;
pub mod chunk;
mod loose;
pub mod map;
pub mod pack;
mod packed;
pub mod rows;
pub mod share;
pub mod table;

pub use archive::{CheckedPack, ContentRows, CopiedPack, PackCopies, PackCopyError, Unreadable};
pub use loose::{Contents, Copied, CopyError};
pub use pack::PackName;
pub use packed::{CatalogueError, CollectError, CollectOptions, Collection, OpenError, PackedStore, Why};
