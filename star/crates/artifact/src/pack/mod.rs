//! Packs: files of many frames, in which the pieces of contents lie on the disk.
//!
//! Owns the bytes of a pack, the order in which they become durable, and what is made of a pack
//! that was open when the process or the power went. Knows neither contents nor which frames
//! somebody still needs. `docs/reference/pack-format.md` has the same from a stranger's side.
//!
//! The format: [`Header`], [`Slot`], [`Footer`] and [`Trailer`] of a sealed pack, [`Record`] of the
//! log beside an open one. The life of a pack: [`Folder`] says where it lies, [`OpenPack`] writes
//! it, [`recover()`] takes up what was left open, [`Reader`] reads it. Start at [`OpenPack`].

mod chain;
mod class;
mod disk;
mod durable;
#[cfg(test)]
mod faults;
mod fields;
mod flaw;
mod folder;
mod footer;
pub mod fuzzing;
mod header;
mod id;
pub mod limits;
mod reader;
mod recover;
mod sealing;
mod sidecar;
mod slot;
mod survivors;
mod trailer;
mod writer;

pub use class::Class;
pub use disk::{Access, Disk, DiskFile, LocalDisk};
pub use durable::Syncing;
pub use flaw::{Fault, Flaw, What};
pub use folder::{Folder, PackName};
pub use footer::{Footer, read_footer};
pub use header::{Chunker, Header};
pub use id::{BadId, Generation, PackId};
pub use reader::Reader;
pub(crate) use recover::take_up;
pub use recover::{Found, Left, Recovered, recover};
pub use sealing::{Sealed, Unsealed};
pub use sidecar::{Log, Record};
pub use slot::Slot;
pub use trailer::Trailer;
pub use writer::{OpenPack, Run, WriteError};
