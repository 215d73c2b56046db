//! The disk of the machine, with syncs that fail when a test wants them to.

use std::io::{self, IoSlice};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use crate::pack::{Access, Disk, DiskFile, LocalDisk};

#[derive(Default)]
pub(super) struct Faulty(Arc<Switches>);

#[derive(Default)]
pub(super) struct Switches {
    /// Whether the next sync of a file fails.
    pub(super) fail_sync: AtomicBool,
    /// Bytes that were written.
    pub(super) written: AtomicU64,
}

struct FaultyFile {
    file: Arc<dyn DiskFile>,
    switches: Arc<Switches>,
}

impl Faulty {
    pub(super) fn switches(&self) -> Arc<Switches> {
        Arc::clone(&self.0)
    }

    fn wrapped(&self, file: Arc<dyn DiskFile>) -> Arc<dyn DiskFile> {
        Arc::new(FaultyFile { file, switches: Arc::clone(&self.0) })
    }
}

impl Disk for Faulty {
    fn make_dir(&self, dir: &Path) -> io::Result<()> {
        LocalDisk.make_dir(dir)
    }

    fn create(&self, path: &Path) -> io::Result<Arc<dyn DiskFile>> {
        LocalDisk.create(path).map(|file| self.wrapped(file))
    }

    fn open(&self, path: &Path, access: Access) -> io::Result<Arc<dyn DiskFile>> {
        LocalDisk.open(path, access).map(|file| self.wrapped(file))
    }

    fn list(&self, dir: &Path) -> io::Result<Vec<PathBuf>> {
        LocalDisk.list(dir)
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        LocalDisk.rename(from, to)
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        LocalDisk.remove(path)
    }

    fn sync_dir(&self, dir: &Path) -> io::Result<()> {
        LocalDisk.sync_dir(dir)
    }
}

impl DiskFile for FaultyFile {
    fn write_all_at(&self, pieces: &mut [IoSlice<'_>], offset: u64) -> io::Result<()> {
        let bytes: usize = pieces.iter().map(|piece| piece.len()).sum();
        self.file.write_all_at(pieces, offset)?;
        self.switches.written.fetch_add(bytes as u64, Ordering::Relaxed);
        Ok(())
    }

    fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
        self.file.read_at(buffer, offset)
    }

    fn reserve(&self, len: u64) -> io::Result<()> {
        self.file.reserve(len)
    }

    fn sync(&self) -> io::Result<()> {
        match self.switches.fail_sync.swap(false, Ordering::Relaxed) {
            true => Err(io::Error::other("the disk does not answer")),
            false => self.file.sync(),
        }
    }

    fn forget(&self) -> io::Result<()> {
        self.file.forget()
    }

    fn set_len(&self, len: u64) -> io::Result<()> {
        self.file.set_len(len)
    }

    fn size(&self) -> io::Result<u64> {
        self.file.size()
    }

    fn freeze(&self) -> io::Result<()> {
        self.file.freeze()
    }
}
