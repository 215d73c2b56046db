//! The packs of a folder as files: listed, copied, checked.

use std::collections::BTreeSet;
use std::fs::{self, File};
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::pack::{self, Fault, Folder, LocalDisk, Log, PackName, Recovered};

/// The id of a store, which its packs name.
const STORE: &str = "store";

/// Why a pack was not copied, named for what the caller does next.
#[derive(Debug, thiserror::Error)]
pub enum PackCopyError {
    /// Nothing in it can be trusted.
    #[error("{} is damaged: {what}", file.display())]
    Damaged {
        /// The file.
        file: PathBuf,
        /// What was found.
        what: String,
    },
    /// There is no such pack, sealed or open: it was collected.
    #[error("there is no pack {name} in {}", dir.display())]
    Missing {
        /// Its name.
        name: PackName,
        /// Where.
        dir: PathBuf,
    },
    /// The disk refused.
    #[error("could not {action} {}", path.display())]
    Io {
        /// What was tried.
        action: &'static str,
        /// On what.
        path: PathBuf,
        /// Why it failed.
        #[source]
        source: io::Error,
    },
}

/// A pack whose frames were read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CheckedPack {
    /// Its file.
    pub file: PathBuf,
    /// The length of that in bytes.
    pub bytes: u64,
    /// How many frames it has.
    pub frames: usize,
    /// The numbers of those that are not what was written: what is made of them cannot be read, and the
    /// rest can.
    pub damaged: Vec<u16>,
}

/// What became of a pack that was to be copied.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CopiedPack {
    /// It was there.
    There,
    /// It was copied, and this is the copy.
    Copied(CheckedPack),
    /// There was nothing in it.
    Empty,
}

/// The packs in `content/` below a directory.
#[derive(Debug, Clone)]
pub struct PackCopies {
    root: PathBuf,
    folder: Folder,
}

impl PackCopies {
    /// Those below `dir`. The folders for packs are made if they are missing.
    ///
    /// # Errors
    /// When the disk refuses.
    pub fn below(dir: impl AsRef<Path>) -> Result<PackCopies, PackCopyError> {
        let root = dir.as_ref().join("content");
        let folder = Folder::open(Arc::new(LocalDisk), &root).map_err(unusable)?;
        Ok(PackCopies { root, folder })
    }

    /// All packs, sealed or open, by name.
    ///
    /// # Errors
    /// When the disk refuses.
    pub fn list(&self) -> Result<Vec<PackName>, PackCopyError> {
        // Open ones first: one that is sealed meanwhile is seen twice, and not missed.
        let mut names: BTreeSet<PackName> = self.folder.opened().map_err(unusable)?.packs.into_iter().collect();
        names.extend(self.folder.sealed().map_err(unusable)?);
        Ok(names.into_iter().collect())
    }

    /// The length of the file of a pack in bytes; none if there is no such pack.
    ///
    /// # Errors
    /// When the disk refuses.
    pub fn size(&self, name: PackName) -> Result<Option<u64>, PackCopyError> {
        for path in [self.folder.sealed_path(name), self.folder.open_path(name)] {
            match fs::metadata(&path) {
                Ok(data) => return Ok(Some(data.len())),
                Err(error) if error.kind() == ErrorKind::NotFound => {}
                Err(source) => return Err(failed("look at", &path)(source)),
            }
        }
        Ok(None)
    }

    /// How many frames a sealed pack has; none if there is no such pack.
    ///
    /// # Errors
    /// When it is damaged, or the disk refuses.
    pub fn frames(&self, name: PackName) -> Result<Option<usize>, PackCopyError> {
        match self.folder.read(name) {
            Ok((_, footer)) => Ok(Some(footer.slots.len())),
            Err(fault) if is_missing(&fault) => Ok(None),
            Err(fault) => Err(self.of_fault(name, fault)),
        }
    }

    /// Reads every frame of a sealed pack and compares it with its checksum.
    ///
    /// # Errors
    /// When it is missing, when nothing in it can be trusted, or when the disk refuses.
    pub fn check(&self, name: PackName) -> Result<CheckedPack, PackCopyError> {
        let (reader, footer) = self.folder.read(name).map_err(|fault| self.of_fault(name, fault))?;
        let damaged = reader.check(&footer.slots).map_err(unusable)?;
        Ok(CheckedPack {
            file: self.folder.sealed_path(name),
            bytes: self.size(name)?.ok_or_else(|| self.missing(name))?,
            frames: footer.slots.len(),
            damaged: damaged.into_iter().map(|number| number as u16).collect(),
        })
    }

    /// Copies a pack, unless the same is there, durably, and reads the copy. Of one that is open the copy has
    /// what is whole by now, and is sealed; a later copy replaces it.
    ///
    /// # Errors
    /// When it is missing, when nothing in it can be trusted, or when the disk refuses.
    pub fn copy(&self, name: PackName, into: &PackCopies) -> Result<CopiedPack, PackCopyError> {
        match self.folder.read(name) {
            Ok((_, footer)) => {
                if into.folder.read(name).is_ok_and(|(_, there)| there == footer) {
                    return Ok(CopiedPack::There);
                }
                into.clear(name)?;
                copy_file(&self.folder.sealed_path(name), &into.folder.open_path(name))?;
                into.folder.place(name).map_err(unusable)?;
                into.folder.sync_place(name).map_err(unusable)?;
                into.check(name).map(CopiedPack::Copied)
            }
            Err(fault) if is_missing(&fault) => self.copy_open(name, into),
            Err(fault) => Err(self.of_fault(name, fault)),
        }
    }

    fn copy_open(&self, name: PackName, into: &PackCopies) -> Result<CopiedPack, PackCopyError> {
        if let (Ok(log), Ok((_, there))) = (fs::read(self.folder.log_path(name)), into.folder.read(name))
            && Log::read(&log, name).is_ok_and(|log| log.slots == there.slots)
        {
            return Ok(CopiedPack::There);
        }
        into.clear(name)?;
        // The log first: what it tells of was written before.
        for path_of in [Folder::log_path, Folder::open_path] {
            match copy_file(&path_of(&self.folder, name), &path_of(&into.folder, name)) {
                Err(PackCopyError::Io { source, .. }) if source.kind() == ErrorKind::NotFound => {
                    into.folder.remove_open(name).map_err(unusable)?;
                    // It was sealed meanwhile, or has been collected.
                    return match self.folder.read(name) {
                        Ok(_) => self.copy(name, into),
                        Err(_) => Err(self.missing(name)),
                    };
                }
                copied => copied?,
            }
        }
        match pack::take_up(&into.folder, name).map_err(|fault| self.of_fault(name, fault))? {
            Recovered::Sealed(_) => into.check(name).map(CopiedPack::Copied),
            Recovered::Removed => Ok(CopiedPack::Empty),
        }
    }

    /// Copies the id of the store, which its packs name.
    ///
    /// # Errors
    /// When the disk refuses.
    pub fn copy_store_id(&self, into: &PackCopies) -> Result<(), PackCopyError> {
        match copy_file(&self.root.join(STORE), &into.root.join(STORE)) {
            Err(PackCopyError::Io { source, .. }) if source.kind() == ErrorKind::NotFound => Ok(()),
            copied => copied,
        }
    }

    /// Opens a sealed pack to be read.
    pub(super) fn folder(&self) -> &Folder {
        &self.folder
    }

    /// Takes away what is there of a pack.
    fn clear(&self, name: PackName) -> Result<(), PackCopyError> {
        self.folder.remove(name).map_err(unusable)?;
        self.folder.remove_open(name).map_err(unusable)
    }

    fn missing(&self, name: PackName) -> PackCopyError {
        PackCopyError::Missing { name, dir: self.root.clone() }
    }

    fn of_fault(&self, name: PackName, fault: Fault) -> PackCopyError {
        match fault {
            fault if is_missing(&fault) => self.missing(name),
            fault @ Fault::Io { .. } => unusable(fault),
            fault => PackCopyError::Damaged { file: self.folder.sealed_path(name), what: fault.to_string() },
        }
    }
}

fn is_missing(fault: &Fault) -> bool {
    matches!(fault, Fault::Io { source, .. } if source.kind() == ErrorKind::NotFound)
}

/// Copies a file, durably.
fn copy_file(from: &Path, into: &Path) -> Result<(), PackCopyError> {
    let copy = || {
        let (mut from, mut into) = (File::open(from)?, File::create(into)?);
        io::copy(&mut from, &mut into)?;
        into.sync_all()
    };
    copy().map_err(failed("copy", from))
}

fn unusable(fault: Fault) -> PackCopyError {
    match fault {
        Fault::Io { action, file, source } => PackCopyError::Io { action, path: file, source },
        fault => PackCopyError::Io { action: "use", path: PathBuf::new(), source: io::Error::other(fault) },
    }
}

fn failed(action: &'static str, path: &Path) -> impl FnOnce(io::Error) -> PackCopyError {
    let path = path.to_path_buf();
    move |source| PackCopyError::Io { action, path, source }
}
