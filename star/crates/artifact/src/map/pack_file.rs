//! One open pack, and the ways in which its bytes can be had.
//!
//! A sealed pack is mapped, if the system lets us. One that still grows is never mapped: its
//! length changes, and a crash may cut it. What the kernel turns out not to offer for a file is
//! remembered with it, so that it is asked once.

use std::fs::{File, Metadata};
use std::io::{self, IoSliceMut};
use std::os::unix::fs::MetadataExt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use rustix::io::{Errno, ReadWriteFlags};

use super::mapping::Mapping;
use super::residency::{self, Residency};
use crate::pack::PackName;

/// An open pack.
#[derive(Debug)]
pub struct PackFile {
    name: PackName,
    file: File,
    /// Its length, if it is sealed.
    sealed_len: Option<u64>,
    mapping: Option<Mapping>,
    /// Whether the kernel says which pages are in memory.
    pub(crate) tells_residency: AtomicBool,
    /// Whether the kernel can bring pages of the map into memory.
    pub(crate) populates: AtomicBool,
    /// Whether the kernel can say that a read would wait.
    pub(crate) tells_waiting: AtomicBool,
    suspect: AtomicBool,
}

impl PackFile {
    /// A pack that is never written again. Without a map where the system allows none: then it is
    /// read into buffers.
    ///
    /// # Errors
    /// The length of the file cannot be had.
    pub fn sealed(file: File, name: PackName) -> io::Result<Arc<PackFile>> {
        let metadata = file.metadata()?;
        let mapping = Mapping::of(&file, name, metadata.len())
            .inspect_err(|error| tracing::debug!(%name, %error, "a pack is read without a map"))
            .ok();
        let pack = PackFile::with(file, name, Some(metadata.len()), mapping);
        pack.tells_residency.store(tells_us_residency(&metadata), Ordering::Relaxed);
        Ok(Arc::new(pack))
    }

    /// A pack that grows. What is asked of it must have been written.
    pub fn growing(file: File, name: PackName) -> Arc<PackFile> {
        Arc::new(PackFile::with(file, name, None, None))
    }

    fn with(file: File, name: PackName, sealed_len: Option<u64>, mapping: Option<Mapping>) -> PackFile {
        let yes = || AtomicBool::new(true);
        let suspect = AtomicBool::new(false);
        let (tells_residency, populates, tells_waiting) = (yes(), yes(), yes());
        PackFile { name, file, sealed_len, mapping, tells_residency, populates, tells_waiting, suspect }
    }

    /// Which pack it is.
    pub fn name(&self) -> PackName {
        self.name
    }

    /// Its length in bytes, if it is sealed.
    pub fn sealed_len(&self) -> Option<u64> {
        self.sealed_len
    }

    /// Whether a reader found bytes missing that must be there. Whoever keeps the pack quarantines
    /// it and has it checked.
    pub fn is_suspect(&self) -> bool {
        self.suspect.load(Ordering::Relaxed)
    }

    pub(crate) fn suspect(&self) {
        self.suspect.store(true, Ordering::Relaxed);
    }

    /// Its map, as long as it is of use: pages can be asked for and brought in.
    pub(crate) fn mapping(&self) -> Option<&Mapping> {
        let usable = self.tells_residency.load(Ordering::Relaxed) && self.populates.load(Ordering::Relaxed);
        self.mapping.as_ref().filter(|_| usable)
    }

    /// Its length now, if it was cut short behind our back.
    pub(crate) fn cut_short(&self) -> io::Result<Option<u64>> {
        let Some(sealed_len) = self.sealed_len else { return Ok(None) };
        let len = self.file.metadata()?.len();
        Ok((len < sealed_len).then_some(len))
    }

    /// Whether a window is in memory.
    pub(crate) fn residency(&self, offset: u64, len: u64) -> Residency {
        let Some(mapping) = self.mapping() else { return Residency::Unknown };
        let found = residency::of(mapping, offset, len);
        if found == Residency::Unknown {
            self.tells_residency.store(false, Ordering::Relaxed);
        }
        found
    }

    /// Reads at an offset without waiting for the disk; none if it would have to, or if nobody
    /// knows.
    pub(crate) fn read_resident(&self, room: &mut [u8], offset: u64) -> io::Result<Option<usize>> {
        if !self.tells_waiting.load(Ordering::Relaxed) {
            return Ok(None);
        }
        match rustix::io::preadv2(&self.file, &mut [IoSliceMut::new(room)], offset, ReadWriteFlags::NOWAIT) {
            Ok(filled) => Ok(Some(filled)),
            Err(Errno::AGAIN | Errno::INTR) => Ok(None),
            Err(Errno::OPNOTSUPP | Errno::NOSYS | Errno::INVAL) => {
                self.tells_waiting.store(false, Ordering::Relaxed);
                Ok(None)
            }
            Err(error) => Err(error.into()),
        }
    }

    /// Fills the room from an offset on, or up to the end of the file. Waits for the disk.
    pub(crate) fn read(&self, room: &mut [u8], offset: u64) -> io::Result<usize> {
        use std::os::unix::fs::FileExt;
        let mut filled = 0;
        while filled < room.len() {
            match self.file.read_at(&mut room[filled..], offset + filled as u64) {
                Ok(0) => break,
                Ok(more) => filled += more,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        Ok(filled)
    }
}

/// Whether the kernel tells us which pages of a file are in memory. To those who neither own nor may
/// write it, it says that all are.
fn tells_us_residency(metadata: &Metadata) -> bool {
    let us = rustix::process::geteuid();
    us.is_root() || metadata.uid() == us.as_raw()
}

/// Files for the tests of this folder.
#[cfg(test)]
pub(crate) mod samples {
    use crate::pack::{Generation, PackId};
    use std::io::{Read, Seek, Write};
    use std::time::{Duration, Instant};

    use super::*;

    const PATIENCE: Duration = Duration::from_secs(20);

    pub(crate) const NAME: PackName = PackName { id: PackId::from_bytes([5; 16]), generation: Generation(1) };

    /// Bytes that repeat nowhere near.
    pub(crate) fn noise(len: usize, seed: u64) -> Vec<u8> {
        let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
        let mut bytes = Vec::with_capacity(len + 8);
        while bytes.len() < len {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            bytes.extend_from_slice(&state.to_le_bytes());
        }
        bytes.truncate(len);
        bytes
    }

    /// A file of these bytes on the disk that the tests are built on: what lies in memory only
    /// cannot be put out of it.
    pub(crate) fn file(bytes: &[u8]) -> (tempfile::TempDir, File) {
        let beside = std::env::current_exe().unwrap();
        let dir = tempfile::tempdir_in(beside.parent().unwrap()).unwrap();
        let path = dir.path().join("pack");
        let mut options = File::options();
        let mut file = options.read(true).write(true).create(true).truncate(true).open(path).unwrap();
        file.write_all(bytes).unwrap();
        file.sync_all().unwrap();
        (dir, file)
    }

    /// A sealed pack of these bytes.
    pub(crate) fn pack(bytes: &[u8]) -> (tempfile::TempDir, Arc<PackFile>) {
        let (dir, file) = file(bytes);
        (dir, PackFile::sealed(file, NAME).unwrap())
    }

    /// Takes the pages of a file out of memory, as soon as nobody has it mapped.
    pub(crate) fn put_out(file: &File) {
        let began = Instant::now();
        let len = file.metadata().unwrap().len();
        let mapping = Mapping::of(file, NAME, len).unwrap();
        loop {
            rustix::fs::fadvise(file, 0, None, rustix::fs::Advice::DontNeed).unwrap();
            if residency::of(&mapping, 0, len) != Residency::Resident {
                return;
            }
            assert!(began.elapsed() < PATIENCE, "somebody maps it, or the build folder lies on no disk");
            std::thread::yield_now();
        }
    }

    pub(crate) fn read_all(mut file: &File) {
        file.rewind().unwrap();
        file.read_to_end(&mut Vec::new()).unwrap();
    }

    pub(crate) fn cut(file: &File, len: u64) {
        file.set_len(len).unwrap();
    }
}
