//! A simulated disk that keeps what it was told to sync and any part of the rest.
//!
//! Of what was written and not synced, any sectors survive a cut of power; of the names that were
//! changed in a directory and not synced, any number of the first changes.

use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use crate::disk::{Disk, DiskFile};

/// What is written or lost as one.
const SECTOR: usize = 512;

/// A reproducible source of choices.
#[derive(Debug, Clone)]
pub(super) struct Dice(u64);

impl Dice {
    pub(super) fn of(seed: u64) -> Dice {
        Dice(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1)
    }

    pub(super) fn roll(&mut self, sides: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0.wrapping_mul(0x2545_f491_4f6c_dd1d) % sides
    }
}

#[derive(Debug, Clone)]
enum Change {
    Write(u64, Vec<u8>),
    SetLen(u64),
}

impl Change {
    fn apply(&self, to: &mut Vec<u8>) {
        match self {
            Change::Write(offset, bytes) => write(to, *offset, bytes),
            Change::SetLen(len) => to.resize(*len as usize, 0),
        }
    }
}

fn write(to: &mut Vec<u8>, offset: u64, bytes: &[u8]) {
    let (start, end) = (offset as usize, offset as usize + bytes.len());
    to.resize(to.len().max(end), 0);
    to[start..end].copy_from_slice(bytes);
}

/// A file: what is durable, what is seen, and what lies between.
#[derive(Debug, Default, Clone)]
pub(super) struct SimFile {
    durable: Vec<u8>,
    seen: Vec<u8>,
    unsynced: Vec<Change>,
}

impl SimFile {
    pub(super) fn write(&mut self, offset: u64, bytes: &[u8]) {
        self.change(Change::Write(offset, bytes.to_vec()));
    }

    pub(super) fn set_len(&mut self, len: u64) {
        self.change(Change::SetLen(len));
    }

    fn change(&mut self, change: Change) {
        change.apply(&mut self.seen);
        self.unsynced.push(change);
    }

    pub(super) fn sync(&mut self) {
        for change in self.unsynced.drain(..) {
            change.apply(&mut self.durable);
        }
    }

    pub(super) fn seen(&self) -> &[u8] {
        &self.seen
    }

    /// What is left after the power went: of each unsynced change any sectors.
    pub(super) fn after_cut(&self, dice: &mut Dice) -> SimFile {
        let mut left = self.durable.clone();
        for change in &self.unsynced {
            match change {
                Change::SetLen(_) if dice.roll(2) == 0 => {}
                Change::SetLen(_) => change.apply(&mut left),
                Change::Write(offset, bytes) => {
                    let kept_of_ten = dice.roll(11);
                    let mut at = 0;
                    while at < bytes.len() {
                        // Sectors lie where the disk has them, not where the write begins.
                        let whole = SECTOR - (*offset as usize + at) % SECTOR;
                        let end = bytes.len().min(at + whole);
                        if dice.roll(10) < kept_of_ten {
                            write(&mut left, offset + at as u64, &bytes[at..end]);
                        }
                        at = end;
                    }
                }
            }
        }
        SimFile { durable: left.clone(), seen: left, unsynced: Vec::new() }
    }
}

/// A change of a name.
#[derive(Debug, Clone)]
enum Naming {
    Create(PathBuf, usize),
    Rename(PathBuf, PathBuf),
    Remove(PathBuf),
}

type Names = BTreeMap<PathBuf, usize>;

impl Naming {
    fn dir(&self) -> Option<&Path> {
        match self {
            Naming::Create(path, _) | Naming::Rename(_, path) | Naming::Remove(path) => path.parent(),
        }
    }

    fn apply(&self, names: &mut Names) {
        match self {
            Naming::Create(path, number) => {
                names.insert(path.clone(), *number);
            }
            Naming::Rename(from, to) => {
                if let Some(number) = names.remove(from) {
                    names.insert(to.clone(), number);
                }
            }
            Naming::Remove(path) => {
                names.remove(path);
            }
        }
    }
}

#[derive(Debug, Default, Clone)]
struct Sim {
    files: Vec<SimFile>,
    names: Names,
    durable_names: Names,
    unsynced_names: Vec<Naming>,
    /// Changes until the power goes; none while it stays.
    left: Option<u64>,
}

impl Sim {
    /// Counts a change; fails once the power is gone.
    fn change(&mut self) -> io::Result<()> {
        match &mut self.left {
            Some(0) => Err(io::Error::other("the power is gone")),
            Some(left) => {
                *left -= 1;
                Ok(())
            }
            None => Ok(()),
        }
    }

    fn rename(&mut self, naming: Naming) {
        naming.apply(&mut self.names);
        self.unsynced_names.push(naming);
    }
}

/// The disk; clones are the same one.
#[derive(Debug, Clone, Default)]
pub(super) struct SimDisk(Arc<Mutex<Sim>>);

impl SimDisk {
    pub(super) fn power_goes_after(&self, changes: u64) {
        self.0.lock().unwrap().left = Some(changes);
    }

    pub(super) fn is_dark(&self) -> bool {
        self.0.lock().unwrap().left == Some(0)
    }

    /// The disk as it is found when the power is back.
    pub(super) fn after_cut(&self, dice: &mut Dice) -> SimDisk {
        let sim = self.0.lock().unwrap();
        let files = sim.files.iter().map(|file| file.after_cut(dice)).collect();
        let mut names = sim.durable_names.clone();
        let mut kept: BTreeMap<PathBuf, u64> = BTreeMap::new();
        for naming in &sim.unsynced_names {
            let dir = naming.dir().unwrap_or(Path::new("")).to_path_buf();
            let left = kept.entry(dir).or_insert_with(|| dice.roll(6));
            if *left > 0 {
                *left -= 1;
                naming.apply(&mut names);
            }
        }
        let durable_names = names.clone();
        SimDisk(Arc::new(Mutex::new(Sim { files, names, durable_names, ..Sim::default() })))
    }

    /// Another disk in the same state.
    pub(super) fn copy(&self) -> SimDisk {
        SimDisk(Arc::new(Mutex::new(self.0.lock().unwrap().clone())))
    }

    fn file(&self, number: usize) -> Box<dyn DiskFile> {
        Box::new(Open { disk: self.clone(), number })
    }
}

impl Disk for SimDisk {
    fn make_dir(&self, _: &Path) -> io::Result<()> {
        Ok(())
    }

    fn create(&self, path: &Path) -> io::Result<Box<dyn DiskFile>> {
        let mut sim = self.0.lock().unwrap();
        sim.change()?;
        sim.files.push(SimFile::default());
        let number = sim.files.len() - 1;
        sim.rename(Naming::Create(path.to_path_buf(), number));
        drop(sim);
        Ok(self.file(number))
    }

    fn open(&self, path: &Path) -> io::Result<Box<dyn DiskFile>> {
        let number = self.0.lock().unwrap().names.get(path).copied();
        number.map(|number| self.file(number)).ok_or_else(|| io::ErrorKind::NotFound.into())
    }

    fn list(&self, dir: &Path) -> io::Result<Vec<PathBuf>> {
        let sim = self.0.lock().unwrap();
        Ok(sim.names.keys().filter(|path| path.parent() == Some(dir)).cloned().collect())
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        let mut sim = self.0.lock().unwrap();
        sim.change()?;
        if !sim.names.contains_key(from) {
            return Err(io::ErrorKind::NotFound.into());
        }
        sim.rename(Naming::Rename(from.to_path_buf(), to.to_path_buf()));
        Ok(())
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        let mut sim = self.0.lock().unwrap();
        sim.change()?;
        if !sim.names.contains_key(path) {
            return Err(io::ErrorKind::NotFound.into());
        }
        sim.rename(Naming::Remove(path.to_path_buf()));
        Ok(())
    }

    fn sync_dir(&self, dir: &Path) -> io::Result<()> {
        let mut sim = self.0.lock().unwrap();
        sim.change()?;
        let Sim { durable_names, unsynced_names, .. } = &mut *sim;
        unsynced_names.retain(|naming| {
            let of_dir = naming.dir() == Some(dir);
            if of_dir {
                naming.apply(durable_names);
            }
            !of_dir
        });
        Ok(())
    }
}

struct Open {
    disk: SimDisk,
    number: usize,
}

impl Open {
    fn change(&self, change: impl FnOnce(&mut SimFile)) -> io::Result<()> {
        let mut sim = self.disk.0.lock().unwrap();
        sim.change()?;
        change(&mut sim.files[self.number]);
        Ok(())
    }
}

impl DiskFile for Open {
    fn write_all_at(&self, bytes: &[u8], offset: u64) -> io::Result<()> {
        self.change(|file| file.write(offset, bytes))
    }

    fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
        let sim = self.disk.0.lock().unwrap();
        let rest = sim.files[self.number].seen().get(offset as usize..).unwrap_or_default();
        let len = rest.len().min(buffer.len());
        buffer[..len].copy_from_slice(&rest[..len]);
        Ok(len)
    }

    fn reserve(&self, len: u64) -> io::Result<()> {
        self.change(|file| file.set_len(len))
    }

    fn sync(&self) -> io::Result<()> {
        self.change(SimFile::sync)
    }

    fn set_len(&self, len: u64) -> io::Result<()> {
        self.change(|file| file.set_len(len))
    }

    fn size(&self) -> io::Result<u64> {
        Ok(self.disk.0.lock().unwrap().files[self.number].seen().len() as u64)
    }
}
