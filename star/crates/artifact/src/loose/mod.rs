//! Loose contents: each one a file, named by its digest.
//!
//! A Star keeps contents in packs. It kept them like this before format 2 of its folder, and backups of
//! that time hold them like this. Start at [`Contents`].

mod contents;
mod limits;
mod place;

pub use contents::{Contents, Copied, CopyError};
