//! Packs looked at from outside of an open store: to copy them away and back, to check them, and to say
//! where contents lie as the rows of a moment have it.
//!
//! A sealed pack never changes, and one that is open only grows, so no lock is needed: a folder can be read
//! while a store works in it, and a copy of it goes on from one time to the next with the packs that came
//! since. What was copied is compared with its checksums. Start at [`PackCopies`] and [`ContentRows`]. All of it
//! blocks.

mod content_rows;
mod copies;

pub use content_rows::{ContentRows, Unreadable};
pub use copies::{CheckedPack, CopiedPack, PackCopies, PackCopyError};
