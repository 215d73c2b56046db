//! A disk that fails on demand.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use crate::disk::{Disk, DiskFile, LocalDisk};

/// The disk of the machine, with faults put into it.
#[derive(Default, Clone)]
pub(super) struct FaultyDisk {
    faults: Arc<Faults>,
}

/// What goes wrong.
#[derive(Default)]
struct Faults {
    /// The write with this number fails half way, with this kind; both from 0.
    write: Mutex<Option<(u64, io::ErrorKind)>>,
    writes: AtomicU64,
    sync_fails: AtomicBool,
    sync_is_skipped: AtomicBool,
}

impl FaultyDisk {
    /// A disk that is quick, for tests in which no power goes away.
    pub(super) fn that_syncs_nothing() -> FaultyDisk {
        let disk = FaultyDisk::default();
        disk.faults.sync_is_skipped.store(true, Ordering::SeqCst);
        disk
    }

    /// Fails every write from the `number`th on (counted from now) half way, until told otherwise.
    pub(super) fn fail_writes_from(&self, number: u64, kind: io::ErrorKind) {
        let from = self.faults.writes.load(Ordering::SeqCst) + number;
        *self.faults.write.lock().unwrap() = Some((from, kind));
    }

    /// Writes work again.
    pub(super) fn heal(&self) {
        *self.faults.write.lock().unwrap() = None;
    }

    /// Fails every sync of a file from now on.
    pub(super) fn fail_syncs(&self) {
        self.faults.sync_fails.store(true, Ordering::SeqCst);
    }

    fn file(&self, inner: Box<dyn DiskFile>) -> Box<dyn DiskFile> {
        Box::new(FaultyFile { inner, faults: Arc::clone(&self.faults) })
    }
}

struct FaultyFile {
    inner: Box<dyn DiskFile>,
    faults: Arc<Faults>,
}

impl Disk for FaultyDisk {
    fn make_dir(&self, dir: &Path) -> io::Result<()> {
        LocalDisk.make_dir(dir)
    }

    fn create(&self, path: &Path) -> io::Result<Box<dyn DiskFile>> {
        Ok(self.file(LocalDisk.create(path)?))
    }

    fn open(&self, path: &Path) -> io::Result<Box<dyn DiskFile>> {
        Ok(self.file(LocalDisk.open(path)?))
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
        if self.faults.sync_is_skipped.load(Ordering::SeqCst) {
            return Ok(());
        }
        LocalDisk.sync_dir(dir)
    }
}

impl DiskFile for FaultyFile {
    fn write_all_at(&self, bytes: &[u8], offset: u64) -> io::Result<()> {
        let number = self.faults.writes.fetch_add(1, Ordering::SeqCst);
        match *self.faults.write.lock().unwrap() {
            Some((from, kind)) if number >= from => {
                self.inner.write_all_at(&bytes[..bytes.len() / 2], offset)?;
                Err(kind.into())
            }
            _ => self.inner.write_all_at(bytes, offset),
        }
    }

    fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
        self.inner.read_at(buffer, offset)
    }

    fn reserve(&self, len: u64) -> io::Result<()> {
        self.inner.reserve(len)
    }

    fn sync(&self) -> io::Result<()> {
        if self.faults.sync_fails.load(Ordering::SeqCst) {
            return Err(io::Error::other("the disk does not answer"));
        }
        if self.faults.sync_is_skipped.load(Ordering::SeqCst) {
            return Ok(());
        }
        self.inner.sync()
    }

    fn set_len(&self, len: u64) -> io::Result<()> {
        self.inner.set_len(len)
    }

    fn size(&self) -> io::Result<u64> {
        self.inner.size()
    }
}
