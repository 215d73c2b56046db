//! Copying a store away: its segments, its checkpoints, its consumers.
//!
//! A copy is a directory that looks like a store without an index. Files that are complete do
//! not change any more and are copied once, and the last segment goes on where its copy ends, so
//! the second backup into a directory copies what was written since the first; what the store
//! trims, the copy keeps. The copy of the last segment ends behind the last position that was
//! durable when the backup began, and every other file appears under its name only when it is
//! whole. [`super::follow`] decides whether a directory holds a copy that can go on.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use star_core::ports::meta::Position;

use super::follow::{self, Follows};
use super::looking::Looking;
use crate::checkpoint::Checkpoints;
use crate::consumers;
use crate::disk::{Disk, DiskFile, LocalDisk};
use crate::journal::{Fault, Journal, replay};
use crate::limits::READ_CHUNK_BYTES;
use crate::open::{self, OpenError, OpenOptions};

/// What came of a backup.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct BackedUp {
    /// The last position that the copy holds.
    pub position: Position,
    /// Files that were copied, or went on, this time.
    pub files: u64,
    /// Bytes that were copied this time.
    pub bytes: u64,
}

/// Why nothing, or not all, was copied.
#[derive(Debug, thiserror::Error)]
pub enum BackupError {
    /// The directory holds the copy of another store, or of another course of this one, or the
    /// store has trimmed what would connect the two: choose another directory.
    #[error("what {} holds cannot go on with this store", dir.display())]
    NotContinued {
        /// Where the copy was to go.
        dir: PathBuf,
    },
    /// A file that was chosen went away while the store at work trimmed its log: begin again.
    #[error("{} was trimmed while it was copied", file.display())]
    Trimmed {
        /// The file.
        file: PathBuf,
    },
    /// The store is in use or damaged, or a file could not be used.
    #[error(transparent)]
    Store(#[from] OpenError),
}

/// Copies a closed store into a directory, which may hold an earlier copy of it.
///
/// # Errors
/// When the store is in use or damaged, a file cannot be read or written, or the directory holds
/// something that the store does not continue.
pub fn backup(options: &OpenOptions, into: &Path) -> Result<BackedUp, BackupError> {
    let _lock = open::take_lock(options)?;
    let fault = |fault| OpenError::of_fault(fault, &options.dir);
    let Some(journal) = replay::look(Arc::clone(&options.disk), &options.dir.join("journal")).map_err(fault)? else {
        return Ok(BackedUp::default());
    };
    let upto = super::end_of(&journal).map_err(fault)?;
    copy(&options.disk, &options.dir, &journal, upto, into)
}

/// Copies a store that another process has open, up to a position which that process has shown
/// to be durable. Writes nothing into the directory of the store; writers and readers do not
/// notice.
///
/// # Errors
/// As [`backup`], and [`BackupError::Trimmed`] when the store removed a file that was about to be
/// copied: what was copied stays of use, and the next attempt, up to a later position, goes on.
pub fn backup_running(dir: &Path, upto: Position, into: &Path) -> Result<BackedUp, BackupError> {
    let disk: Arc<dyn Disk> = Arc::new(Looking);
    let look = || -> Result<BackedUp, BackupError> {
        let looked = replay::look(Arc::clone(&disk), &dir.join("journal"));
        match looked.map_err(|fault| OpenError::of_fault(fault, dir))? {
            Some(journal) => copy(&disk, dir, &journal, upto, into),
            None => Ok(BackedUp::default()),
        }
    };
    look().map_err(|error| match error {
        BackupError::Store(OpenError::Io { path, source })
            if source.kind() == io::ErrorKind::NotFound && path.starts_with(dir) =>
        {
            BackupError::Trimmed { file: path }
        }
        other => other,
    })
}

/// Copies what is durable up to a position into a directory that holds nothing, or what the store
/// continues.
pub(crate) fn copy(
    disk: &Arc<dyn Disk>,
    store: &Path,
    journal: &Journal,
    upto: Position,
    into: &Path,
) -> Result<BackedUp, BackupError> {
    let fault = |fault| OpenError::of_fault(fault, store);
    if follow::compare(journal, disk.as_ref(), store, into).map_err(fault)? == Follows::Not {
        return Err(BackupError::NotContinued { dir: into.to_path_buf() });
    }
    let checkpoints = Checkpoints::of(Arc::clone(disk), store).map_err(fault)?;
    Ok(copy_store(disk, store, journal, &checkpoints, upto, into).map_err(fault)?)
}

/// Copies what is durable up to a position. The caller sees to it that no file is removed
/// meanwhile, and that what the directory holds is a beginning of this store.
pub(crate) fn copy_store(
    disk: &Arc<dyn Disk>,
    store: &Path,
    journal: &Journal,
    checkpoints: &Checkpoints,
    upto: Position,
    into: &Path,
) -> Result<BackedUp, Fault> {
    let mut copying = Copying { from: disk, done: BackedUp { position: upto, ..BackedUp::default() } };
    let segments = into.join("journal");
    for (file, end) in journal.files_upto(upto)? {
        copying.segment(&file, &segments, end)?;
    }
    let snapshots = crate::checkpoint::files::dir_of(into);
    for position in checkpoints.newest_first()?.into_iter().filter(|position| *position <= upto) {
        copying.file(&checkpoints.path(position), &snapshots)?;
    }
    let cursors = consumers::path_of(store);
    match copying.file(&cursors, into) {
        Err(Fault::Io { source, .. }) if source.kind() == io::ErrorKind::NotFound => {}
        copied => copied?,
    }
    Ok(copying.done)
}

struct Copying<'a> {
    from: &'a Arc<dyn Disk>,
    done: BackedUp,
}

impl Copying<'_> {
    /// Copies a segment, or its beginning, into a directory; one that is there goes on.
    fn segment(&mut self, file: &Path, dir: &Path, end: Option<u64>) -> Result<(), Fault> {
        let from = self.from.open(file).map_err(io_at(file))?;
        let len = end.map_or_else(|| from.size(), Ok).map_err(io_at(file))?;
        let target = dir.join(file.file_name().unwrap_or_default());
        match std::fs::metadata(&target).map(|there| there.len()) {
            Ok(there) if there == len => Ok(()),
            // The next segment follows, and what was reserved behind the last frame is gone.
            Ok(there) if there > len => self.whole(from.as_ref(), len, &target),
            Ok(there) => self.rest(from.as_ref(), there..len, &target),
            Err(error) if error.kind() == io::ErrorKind::NotFound => self.whole(from.as_ref(), len, &target),
            Err(source) => Err(Fault::Io { file: target, source }),
        }
    }

    /// Copies a file into a directory, unless a complete one of that length is there.
    fn file(&mut self, file: &Path, dir: &Path) -> Result<(), Fault> {
        let from = self.from.open(file).map_err(io_at(file))?;
        let len = from.size().map_err(io_at(file))?;
        let target = dir.join(file.file_name().unwrap_or_default());
        let never_changes = target.extension().is_some();
        if never_changes && std::fs::metadata(&target).is_ok_and(|there| there.len() == len) {
            return Ok(());
        }
        self.whole(from.as_ref(), len, &target)
    }

    fn whole(&mut self, from: &dyn DiskFile, len: u64, target: &Path) -> Result<(), Fault> {
        let dir = target.parent().unwrap_or(Path::new("."));
        let unfinished = dir.join("next.tmp");
        let copied = || -> io::Result<()> {
            LocalDisk.make_dir(dir)?;
            let to = LocalDisk.create(&unfinished)?;
            pour(from, to.as_ref(), 0..len)?;
            to.sync()?;
            LocalDisk.rename(&unfinished, target)?;
            LocalDisk.sync_dir(dir)
        };
        copied().map_err(io_at(target))?;
        self.count(len);
        Ok(())
    }

    fn rest(&mut self, from: &dyn DiskFile, part: std::ops::Range<u64>, target: &Path) -> Result<(), Fault> {
        let len = part.end - part.start;
        let copied = || -> io::Result<()> {
            let to = LocalDisk.open(target)?;
            pour(from, to.as_ref(), part)?;
            to.sync()
        };
        copied().map_err(io_at(target))?;
        self.count(len);
        Ok(())
    }

    fn count(&mut self, bytes: u64) {
        self.done.files += 1;
        self.done.bytes += bytes;
    }
}

/// Copies a part of a file to the same place in another.
fn pour(from: &dyn DiskFile, to: &dyn DiskFile, part: std::ops::Range<u64>) -> io::Result<()> {
    let mut chunk = vec![0; READ_CHUNK_BYTES];
    let mut offset = part.start;
    while offset < part.end {
        let want = chunk.len().min((part.end - offset) as usize);
        let read = from.read_at(&mut chunk[..want], offset)?;
        if read == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        to.write_all_at(&chunk[..read], offset)?;
        offset += read as u64;
    }
    Ok(())
}

fn io_at(file: &Path) -> impl FnOnce(io::Error) -> Fault {
    let file = file.to_path_buf();
    move |source| Fault::Io { file, source }
}
