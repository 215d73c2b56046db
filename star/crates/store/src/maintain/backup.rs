//! Copying a store away: its segments, its checkpoints, its consumers.
//!
//! A copy is a directory that looks like a store without an index. Files that are complete do
//! not change any more and are copied once, so the second backup into a directory copies what was
//! written since the first; what the store trims, the copy keeps. The copy of the last segment
//! ends behind the last position that was durable when the backup began, and each file appears
//! under its name only when it is whole.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use star_core::ports::meta::Position;

use crate::checkpoint::Checkpoints;
use crate::consumers;
use crate::disk::{Disk, LocalDisk};
use crate::journal::{Fault, Journal};
use crate::limits::READ_CHUNK_BYTES;
use crate::open::{self, OpenError, OpenOptions};

/// What came of a backup.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct BackedUp {
    /// The last position that the copy holds.
    pub position: Position,
    /// Files that were copied this time.
    pub files: u64,
    /// Bytes that were copied this time.
    pub bytes: u64,
}

/// Copies a closed store into a directory, which may hold an earlier copy of it.
///
/// # Errors
/// When the store is in use or damaged, or a file cannot be read or written.
pub fn backup(options: &OpenOptions, into: &Path) -> Result<BackedUp, OpenError> {
    let opened = open::open(options)?;
    let position = opened.appender.position();
    copy_store(&options.disk, &options.dir, opened.appender.journal(), &opened.checkpoints, position, into)
        .map_err(|fault| OpenError::of_fault(fault, &options.dir))
}

/// Copies what is durable up to a position. The caller sees to it that no file is removed
/// meanwhile.
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
        copying.file(&file, &segments, end)?;
    }
    let snapshots = crate::checkpoint::files::dir_of(into);
    for position in checkpoints.newest_first()?.into_iter().filter(|position| *position <= upto) {
        copying.file(&checkpoints.path(position), &snapshots, None)?;
    }
    let cursors = consumers::path_of(store);
    match copying.file(&cursors, into, None) {
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
    /// Copies a file, or its beginning, into a directory, unless one of that length is there.
    fn file(&mut self, file: &Path, dir: &Path, end: Option<u64>) -> Result<(), Fault> {
        let io = |path: &Path| {
            let file = path.to_path_buf();
            move |source| Fault::Io { file, source }
        };
        let from = self.from.open(file).map_err(io(file))?;
        let len = match end {
            Some(end) => end,
            None => from.size().map_err(io(file))?,
        };
        LocalDisk.make_dir(dir).map_err(io(dir))?;
        let name = file.file_name().map(PathBuf::from).unwrap_or_default();
        let (target, unfinished) = (dir.join(&name), dir.join("next.tmp"));
        let is_complete = name.extension().is_some();
        if is_complete && std::fs::metadata(&target).is_ok_and(|there| there.len() == len) {
            return Ok(());
        }
        let copied = || -> io::Result<()> {
            let to = LocalDisk.create(&unfinished)?;
            let mut chunk = vec![0; READ_CHUNK_BYTES];
            let mut offset = 0;
            while offset < len {
                let want = chunk.len().min((len - offset) as usize);
                let read = from.read_at(&mut chunk[..want], offset)?;
                if read == 0 {
                    return Err(io::ErrorKind::UnexpectedEof.into());
                }
                to.write_all_at(&chunk[..read], offset)?;
                offset += read as u64;
            }
            to.sync()?;
            LocalDisk.rename(&unfinished, &target)?;
            LocalDisk.sync_dir(dir)
        };
        copied().map_err(io(&target))?;
        self.done.files += 1;
        self.done.bytes += len;
        Ok(())
    }
}
