//! A content store that keeps each piece once: contents lie in packs, as frames, and the metadata store
//! says which frames make a content.
//!
//! Start at [`PackedStore::open`]. On its way in a content passes [`ingest`], which feeds the pipeline of
//! [`chunk`](crate::chunk), [`collector`], which decides what is written, and [`writer`], which writes;
//! then it is [`pending`] until somebody refers to it, for which [`claim`] writes its rows. On its way out
//! it passes [`read`]. [`packs`] knows the files, [`catalogue`] their rows, [`known`] and [`leases`] what
//! may be shared, and [`collect`] takes away what nobody needs, with the rows by [`leave`]. [`takeover`]
//! makes a store of a folder of loose contents.

mod catalogue;
mod claim;
mod collect;
mod collector;
mod format;
mod held;
mod ingest;
mod known;
mod leases;
mod leave;
mod limits;
mod metadata;
mod meters;
mod open;
mod packs;
mod pending;
mod read;
mod store;
mod takeover;
#[cfg(test)]
mod tests;
mod writer;

pub use catalogue::CatalogueError;
pub use collect::{CollectError, CollectOptions, Collection, Why};
pub use open::OpenError;
pub use store::PackedStore;
