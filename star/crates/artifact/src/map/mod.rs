//! Reading sealed packs at the speed of static files.
//!
//! A sealed pack is never written again, only unlinked. So it is mapped once, and what is in
//! memory goes to the socket as slices of the map: no copy of ours, no thread. Owns maps, the
//! question whether pages are in memory, threads that bring them there, and the stream. Knows
//! nothing of what is inside a pack: callers name extents.
//!
//! Start at [`PackReader::stream`], which takes [`Extents`]; [`PackFiles`] keeps packs open.
//!
//! | module | owns |
//! |---|---|
//! | `serve`, `fetch` | the stream over extents, and the work that threads do for it |
//! | `extents` | what is to be sent, and ranges of it |
//! | `pack_file`, `files` | one open pack; the packs that are kept open |
//! | `mapping`, `residency` | windows into a map; whether their pages are in memory |
//! | `buffers`, `pressure` | reads into memory of our own, and when they are better |
//! | `guard` | what is said when a page is touched that cannot be had |
//! | `sys` | every line that the compiler cannot check |
//!
//! What was measured, and what the ways not taken cost, is in `docs/adr/0016`.

mod buffers;
mod extents;
mod fetch;
mod files;
pub mod guard;
mod limits;
mod mapping;
mod pack_file;
mod pressure;
mod residency;
mod serve;
mod sys;

pub use extents::{Extents, Piece};
pub use files::PackFiles;
pub use pack_file::PackFile;
pub use serve::{Counts, PackReader};
