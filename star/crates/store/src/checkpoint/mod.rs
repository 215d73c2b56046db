//! Checkpoints: everything the log amounts to at one position, in one file, from which an index
//! can be made without the log before it.
//!
//! A checkpoint is made of the one before it and the log in between ([`merge`]), never of an
//! index: so it costs writers nothing, needs no snapshot of an engine, and a fault of an engine
//! cannot get into it. [`mod@format`] says how its parts look, [`blocks`] how they lie in a file and
//! are checked, [`files`] how a file is published and which are kept, [`keeper`] when one is
//! made. Start at [`Checkpoints`].

pub(crate) mod blocks;
pub(crate) mod changes;
pub(crate) mod files;
pub(crate) mod format;
pub(crate) mod keeper;
pub(crate) mod merge;
pub(crate) mod read;
pub(crate) mod state;

pub(crate) use self::files::Checkpoints;
