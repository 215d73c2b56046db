//! What can be wrong with the bytes of a pack, and with the files that hold them.
//!
//! A [`Flaw`] is what the pure readers of the format find: a place and what is wrong there. A
//! [`Fault`] is what callers get: the file as well, and what can be done.

use std::io;
use std::path::{Path, PathBuf};

use super::{Class, PackId};
use crate::chunk::Encoding;

/// Bytes that are not what a writer of packs writes.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("offset {offset}: {what}")]
pub struct Flaw {
    /// Where, in bytes from the start of the file.
    pub offset: u64,
    /// What is wrong there.
    pub what: What,
}

/// What is wrong with bytes.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum What {
    /// There are too few or too many of them.
    #[error("there are {found} bytes where {expected} should be")]
    Length {
        /// How many there are.
        found: u64,
        /// How many there should be, or at least, or at most.
        expected: u64,
    },
    /// They do not begin or end as packs do.
    #[error("this is not a pack: the magic is missing")]
    Magic,
    /// They were written by a later version of this program.
    #[error("the format has version {version}, and only version 1 is understood")]
    Version {
        /// Which version.
        version: u16,
    },
    /// They are not those whose checksum was written down.
    #[error("the checksum does not hold")]
    Checksum,
    /// A field has a value that no writer puts there.
    #[error("{field} is {value}, which cannot be")]
    Field {
        /// Which field.
        field: &'static str,
        /// What it says.
        value: u64,
    },
    /// A byte that is kept for later versions is not zero.
    #[error("a byte that must be zero is not")]
    NotZero,
    /// A frame does not begin where the one before ends.
    #[error("a frame begins at {found}, and the one before ends at {expected}")]
    Gap {
        /// Where it begins.
        found: u32,
        /// Where it should begin.
        expected: u32,
    },
    /// Frames of this encoding do not lie in packs of this class.
    #[error("a pack of class {class} does not hold {encoding:?} frames")]
    Mixed {
        /// The class of the pack.
        class: Class,
        /// The encoding of the frame.
        encoding: Encoding,
    },
    /// The pack is not the one that the name of its file says.
    #[error("this is pack {found}, generation {generation}, and not the one that the file is named for")]
    Named {
        /// Which pack it is.
        found: PackId,
        /// Of which generation.
        generation: u32,
    },
    /// The log of slots of an open pack is not there.
    #[error("the log of its slots is missing")]
    NoLog,
}

impl Flaw {
    pub(crate) fn at(offset: u64, what: What) -> Flaw {
        Flaw { offset, what }
    }

    pub(crate) fn field(offset: u64, field: &'static str, value: impl Into<u64>) -> Flaw {
        Flaw { offset, what: What::Field { field, value: value.into() } }
    }

    /// The flaw of a part that begins at `base`, as one of the file.
    pub(crate) fn moved(self, base: u64) -> Flaw {
        Flaw { offset: self.offset + base, what: self.what }
    }

    /// Adds the file.
    pub(crate) fn of(self, file: &Path) -> Fault {
        Fault::Damaged { remedy: self.remedy(), file: file.to_owned(), flaw: self }
    }

    fn remedy(&self) -> &'static str {
        match self.what {
            What::Version { .. } => "start the version of star that wrote it, or a later one",
            What::NoLog => "put the .slots file back beside it; without one, remove the pack and upload again",
            What::Named { .. } => "give the file its own name back",
            _ => "restore this file from a backup, or remove it and upload what it held again",
        }
    }
}

/// Why a pack cannot be read or written.
#[derive(Debug, thiserror::Error)]
pub enum Fault {
    /// Bytes are not what was written. Nothing was changed.
    #[error("{} is damaged at {flaw}; {remedy}", file.display())]
    Damaged {
        /// The file.
        file: PathBuf,
        /// Where, and what is wrong there.
        flaw: Flaw,
        /// What can be done.
        remedy: &'static str,
    },
    /// The disk said no.
    #[error("could not {action} {}; look after the disk", file.display())]
    Io {
        /// The file.
        file: PathBuf,
        /// What was tried.
        action: &'static str,
        /// What the disk said.
        #[source]
        source: io::Error,
    },
}

impl Fault {
    /// Adds what was tried, and with which file, to an error of the disk.
    pub(crate) fn io<'a>(file: &'a Path, action: &'static str) -> impl FnOnce(io::Error) -> Fault + 'a {
        move |source| Fault::Io { file: file.to_owned(), action, source }
    }
}
