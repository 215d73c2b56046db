//! The disk as packs see it: files that are written at a place, synced, cut, frozen, and listed.
//!
//! The only module here that touches files. It is a trait so that tests put a disk in its stead
//! that is full, fails, or forgets what was not synced. All of it blocks.

use std::fs::{self, DirBuilder, File, Permissions};
use std::io::{self, ErrorKind, IoSlice};
use std::os::unix::fs::{DirBuilderExt, FileExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustix::fs::{Advice, FallocateFlags};

/// What only its owner may read and write.
const PRIVATE_FILE: u32 = 0o600;
const PRIVATE_DIR: u32 = 0o700;

/// What nobody may write.
const FROZEN: u32 = 0o444;

/// Most pieces that the kernel takes in one write.
const PIECES: usize = 1024;

/// What a file is opened for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Access {
    /// To be read.
    Read,
    /// To be read and written, also if it was frozen.
    Write,
}

/// Makes and finds files.
pub trait Disk: Send + Sync + 'static {
    /// Makes a directory and its parents, durably, where they are missing.
    fn make_dir(&self, dir: &Path) -> io::Result<()>;
    /// Makes a file; fails if there is one.
    fn create(&self, path: &Path) -> io::Result<Arc<dyn DiskFile>>;
    /// Opens a file.
    fn open(&self, path: &Path, access: Access) -> io::Result<Arc<dyn DiskFile>>;
    /// What a directory holds, in no order; nothing if it is not there.
    fn list(&self, dir: &Path) -> io::Result<Vec<PathBuf>>;
    /// Gives a file another name; durable after [`Disk::sync_dir`] of the directory of `to`.
    fn rename(&self, from: &Path, to: &Path) -> io::Result<()>;
    /// Removes a file, if it is there.
    fn remove(&self, path: &Path) -> io::Result<()>;
    /// Makes the names in a directory durable.
    fn sync_dir(&self, dir: &Path) -> io::Result<()>;
}

/// A file whose user keeps the offsets.
pub trait DiskFile: Send + Sync + 'static {
    /// Writes pieces one behind the other at an offset, growing the file where needed. When it
    /// fails, any part of them may be written.
    fn write_all_at(&self, pieces: &mut [IoSlice<'_>], offset: u64) -> io::Result<()>;
    /// Reads up to `buffer.len()` bytes at an offset; 0 at the end of the file.
    fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<usize>;
    /// Grows the file to a length with zeros, taking the room now. A hint: a disk that cannot do it
    /// says so, and what the file holds has not changed.
    fn reserve(&self, len: u64) -> io::Result<()>;
    /// Makes all that was written, and the length, durable.
    fn sync(&self) -> io::Result<()>;
    /// Makes the system forget what it keeps in memory of synced bytes, so that they are read from
    /// the disk: after a failed sync memory holds what the disk does not.
    fn forget(&self) -> io::Result<()>;
    /// Cuts the file.
    fn set_len(&self, len: u64) -> io::Result<()>;
    /// The length in bytes.
    fn size(&self) -> io::Result<u64>;
    /// Takes from everybody the right to open the file for writing.
    fn freeze(&self) -> io::Result<()>;
}

/// The disk of the machine.
#[derive(Debug, Clone, Copy, Default)]
pub struct LocalDisk;

impl Disk for LocalDisk {
    fn make_dir(&self, dir: &Path) -> io::Result<()> {
        if dir.is_dir() {
            return Ok(());
        }
        let parent = dir.parent().filter(|parent| !parent.as_os_str().is_empty());
        if let Some(parent) = parent {
            self.make_dir(parent)?;
        }
        match DirBuilder::new().mode(PRIVATE_DIR).create(dir) {
            Err(error) if error.kind() != ErrorKind::AlreadyExists => return Err(error),
            _ => {}
        }
        self.sync_dir(parent.unwrap_or(Path::new(".")))
    }

    fn create(&self, path: &Path) -> io::Result<Arc<dyn DiskFile>> {
        let mut options = File::options();
        let file = options.read(true).write(true).create_new(true).mode(PRIVATE_FILE).open(path)?;
        Ok(Arc::new(LocalFile(file)))
    }

    fn open(&self, path: &Path, access: Access) -> io::Result<Arc<dyn DiskFile>> {
        let file = match access {
            Access::Read => File::open(path)?,
            Access::Write => {
                fs::set_permissions(path, Permissions::from_mode(PRIVATE_FILE))?;
                File::options().read(true).write(true).open(path)?
            }
        };
        Ok(Arc::new(LocalFile(file)))
    }

    fn list(&self, dir: &Path) -> io::Result<Vec<PathBuf>> {
        match fs::read_dir(dir) {
            Ok(entries) => entries.map(|entry| entry.map(|entry| entry.path())).collect(),
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(Vec::new()),
            Err(error) => Err(error),
        }
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        fs::rename(from, to)
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        match fs::remove_file(path) {
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(()),
            removed => removed,
        }
    }

    fn sync_dir(&self, dir: &Path) -> io::Result<()> {
        File::open(dir)?.sync_all()
    }
}

struct LocalFile(File);

impl DiskFile for LocalFile {
    fn write_all_at(&self, pieces: &mut [IoSlice<'_>], mut offset: u64) -> io::Result<()> {
        let mut left = pieces;
        IoSlice::advance_slices(&mut left, 0);
        while !left.is_empty() {
            let some = &left[..left.len().min(PIECES)];
            match rustix::io::pwritev(&self.0, some, offset) {
                Ok(0) => return Err(ErrorKind::WriteZero.into()),
                Ok(written) => {
                    offset += written as u64;
                    IoSlice::advance_slices(&mut left, written);
                }
                Err(rustix::io::Errno::INTR) => {}
                Err(error) => return Err(error.into()),
            }
        }
        Ok(())
    }

    fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
        self.0.read_at(buffer, offset)
    }

    fn reserve(&self, len: u64) -> io::Result<()> {
        Ok(rustix::fs::fallocate(&self.0, FallocateFlags::empty(), 0, len)?)
    }

    fn sync(&self) -> io::Result<()> {
        // fdatasync: the length is data that reading needs, so it is made durable too; times are
        // not, and nobody reads them.
        self.0.sync_data()
    }

    fn forget(&self) -> io::Result<()> {
        Ok(rustix::fs::fadvise(&self.0, 0, None, Advice::DontNeed)?)
    }

    fn set_len(&self, len: u64) -> io::Result<()> {
        self.0.set_len(len)
    }

    fn size(&self) -> io::Result<u64> {
        Ok(self.0.metadata()?.len())
    }

    fn freeze(&self) -> io::Result<()> {
        self.0.set_permissions(Permissions::from_mode(FROZEN))
    }
}

/// Whether an error means that there is no room, as opposed to a disk that fails.
pub(crate) fn is_full(error: &io::Error) -> bool {
    matches!(error.kind(), ErrorKind::StorageFull | ErrorKind::QuotaExceeded | ErrorKind::FileTooLarge)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn more_pieces_than_the_kernel_takes_at_once_are_written_all() {
        let dir = tempfile::tempdir().unwrap();
        let file = LocalDisk.create(&dir.path().join("file")).unwrap();
        let bytes: Vec<u8> = (0..3000_u32).map(|number| number as u8).collect();
        let mut pieces: Vec<IoSlice<'_>> = bytes.chunks(1).map(IoSlice::new).collect();
        pieces.insert(1500, IoSlice::new(&[]));
        pieces.insert(0, IoSlice::new(&[]));
        file.write_all_at(&mut pieces, 7).unwrap();
        let mut read = vec![0; 4000];
        assert_eq!(file.read_at(&mut read, 7).unwrap(), 3000);
        assert_eq!(read[..3000], bytes);
    }

    #[test]
    fn a_file_is_never_made_over_another_and_a_frozen_one_is_opened_again() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("file");
        let file = LocalDisk.create(&path).unwrap();
        assert_eq!(LocalDisk.create(&path).err().unwrap().kind(), ErrorKind::AlreadyExists);
        file.freeze().unwrap();
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, FROZEN);
        LocalDisk.open(&path, Access::Write).unwrap().write_all_at(&mut [IoSlice::new(b"x")], 0).unwrap();
        LocalDisk.remove(&path).unwrap();
        LocalDisk.remove(&path).unwrap();
        assert!(LocalDisk.list(&path).unwrap().is_empty());
    }
}
