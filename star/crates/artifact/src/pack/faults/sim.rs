//! A simulated disk that keeps what it was told to sync and any part of the rest.
//!
//! Of what was written and not synced, any sectors survive a cut of power; of the names that were
//! changed in a directory and not synced, any number of the first changes.

use std::collections::BTreeMap;
use std::io::{self, ErrorKind, IoSlice};
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard};

use crate::pack::{Access, Disk, DiskFile};

/// What is written or lost as one.
const SECTOR: usize = 512;

/// Where chance comes from: a number below the one that is given.
pub(super) type Roll<'a> = &'a mut dyn FnMut(u64) -> u64;

/// Dice of a seed.
pub(super) fn dice(seed: u64) -> impl FnMut(u64) -> u64 {
    let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    move |sides| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        (state.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 32) % sides
    }
}

/// What is lost or kept as one when the power goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Grain {
    Sectors,
    Writes,
}

/// What a file holds. Room that was taken and never written has no bytes here.
#[derive(Debug, Default, Clone)]
struct Image {
    bytes: Vec<u8>,
    len: u64,
}

impl Image {
    fn write(&mut self, offset: u64, bytes: &[u8]) {
        let (start, end) = (offset as usize, offset as usize + bytes.len());
        self.bytes.resize(self.bytes.len().max(end), 0);
        self.bytes[start..end].copy_from_slice(bytes);
        self.len = self.len.max(end as u64);
    }
}

#[derive(Debug, Clone)]
enum Change {
    Write(u64, Vec<u8>),
    Grow(u64),
    Cut(u64),
}

impl Change {
    fn apply(&self, to: &mut Image) {
        match self {
            Change::Write(offset, bytes) => to.write(*offset, bytes),
            Change::Grow(len) => to.len = to.len.max(*len),
            Change::Cut(len) => {
                to.bytes.truncate(*len as usize);
                to.len = *len;
            }
        }
    }

    /// Applies what the power leaves of it.
    fn survive(&self, to: &mut Image, grain: Grain, roll: Roll<'_>) {
        let Change::Write(offset, bytes) = self else {
            if roll(2) == 1 {
                self.apply(to);
            }
            return;
        };
        if grain == Grain::Writes {
            if roll(2) == 1 {
                self.apply(to);
            }
            return;
        }
        let kept_of_ten = roll(11);
        let mut at = 0;
        while at < bytes.len() {
            // Sectors lie where the disk has them, not where the write begins.
            let whole = SECTOR - (*offset as usize + at) % SECTOR;
            let end = bytes.len().min(at + whole);
            if roll(10) < kept_of_ten {
                to.write(offset + at as u64, &bytes[at..end]);
            }
            at = end;
        }
    }
}

/// A file: what is durable, what is seen, and what lies between.
#[derive(Debug, Default, Clone)]
struct SimFile {
    durable: Image,
    seen: Image,
    unsynced: Vec<Change>,
    frozen: bool,
}

impl SimFile {
    fn change(&mut self, change: Change) {
        change.apply(&mut self.seen);
        self.unsynced.push(change);
    }

    fn sync(&mut self) {
        for change in self.unsynced.drain(..) {
            change.apply(&mut self.durable);
        }
    }

    /// A sync that fails leaves some of the bytes nowhere but in memory.
    fn fail_to_sync(&mut self, roll: Roll<'_>) {
        for change in self.unsynced.drain(..) {
            change.survive(&mut self.durable, Grain::Sectors, roll);
        }
    }

    fn forget(&mut self) {
        self.seen = self.durable.clone();
        for change in &self.unsynced {
            change.apply(&mut self.seen);
        }
    }

    fn after_cut(&self, grain: Grain, roll: Roll<'_>) -> SimFile {
        let mut left = self.durable.clone();
        for change in &self.unsynced {
            change.survive(&mut left, grain, roll);
        }
        SimFile { durable: left.clone(), seen: left, unsynced: Vec::new(), frozen: self.frozen }
    }
}

#[derive(Debug, Clone)]
enum Naming {
    Create(PathBuf, usize),
    Rename(PathBuf, PathBuf),
    Remove(PathBuf),
}

type Names = BTreeMap<PathBuf, usize>;

impl Naming {
    fn dir(&self) -> &Path {
        match self {
            Naming::Create(path, _) | Naming::Rename(_, path) | Naming::Remove(path) => path.parent().unwrap(),
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

/// What goes wrong.
#[derive(Debug, Default, Clone)]
struct Faults {
    /// Steps until the power goes; none while it stays.
    left: Option<u64>,
    steps: u64,
    /// Steps that take room and fail, and how.
    room: Option<(Range<u64>, ErrorKind)>,
    room_steps: u64,
    /// The sync that fails.
    sync: Option<u64>,
    syncs: u64,
}

#[derive(Debug, Default, Clone)]
struct Sim {
    files: Vec<SimFile>,
    names: Names,
    durable_names: Names,
    unsynced_names: Vec<Naming>,
    faults: Faults,
}

impl Sim {
    /// Counts a step; fails once the power is gone.
    fn step(&mut self) -> io::Result<()> {
        match &mut self.faults.left {
            Some(0) => return Err(io::Error::other("the power is gone")),
            Some(left) => *left -= 1,
            None => {}
        }
        self.faults.steps += 1;
        Ok(())
    }

    /// Counts a step that takes room.
    fn room(&mut self) -> io::Result<()> {
        let number = self.faults.room_steps;
        self.faults.room_steps += 1;
        match &self.faults.room {
            Some((failing, kind)) if failing.contains(&number) => Err((*kind).into()),
            _ => Ok(()),
        }
    }

    /// Whether this sync works.
    fn syncs(&mut self) -> bool {
        self.faults.syncs += 1;
        self.faults.sync != Some(self.faults.syncs - 1)
    }

    fn name(&mut self, naming: Naming) {
        naming.apply(&mut self.names);
        self.unsynced_names.push(naming);
    }
}

/// The disk; clones are the same one.
#[derive(Debug, Clone, Default)]
pub(super) struct SimDisk(Arc<Mutex<Sim>>);

impl SimDisk {
    fn sim(&self) -> MutexGuard<'_, Sim> {
        self.0.lock().unwrap()
    }

    pub(super) fn power_goes_after(&self, steps: u64) {
        self.sim().faults.left = Some(steps);
    }

    /// Fails these steps that take room, counted from the beginning; a write fails half way.
    pub(super) fn fail_room(&self, steps: Range<u64>, kind: ErrorKind) {
        self.sim().faults.room = Some((steps, kind));
    }

    /// Fails the sync of this number, of files and directories, counted from the beginning.
    pub(super) fn fail_sync(&self, number: u64) {
        self.sim().faults.sync = Some(number);
    }

    /// Steps, steps that take room, and syncs up to now.
    pub(super) fn counts(&self) -> (u64, u64, u64) {
        let faults = &self.sim().faults;
        (faults.steps, faults.room_steps, faults.syncs)
    }

    /// The disk as it is found when the power is back.
    pub(super) fn after_cut(&self, grain: Grain, roll: Roll<'_>) -> SimDisk {
        let sim = self.sim();
        let files = sim.files.iter().map(|file| file.after_cut(grain, roll)).collect();
        let mut names = sim.durable_names.clone();
        let mut kept: BTreeMap<&Path, u64> = BTreeMap::new();
        for naming in &sim.unsynced_names {
            let in_dir = sim.unsynced_names.iter().filter(|other| other.dir() == naming.dir()).count() as u64;
            let left = kept.entry(naming.dir()).or_insert_with(|| roll(in_dir + 1));
            if *left > 0 {
                *left -= 1;
                naming.apply(&mut names);
            }
        }
        let durable_names = names.clone();
        SimDisk(Arc::new(Mutex::new(Sim { files, names, durable_names, ..Sim::default() })))
    }

    /// Another disk in the same state, on which nothing goes wrong.
    pub(super) fn copy(&self) -> SimDisk {
        let sim = Sim { faults: Faults::default(), ..self.sim().clone() };
        SimDisk(Arc::new(Mutex::new(sim)))
    }

    /// Puts a file there, durably.
    pub(super) fn put(&self, path: &Path, bytes: &[u8]) {
        let mut sim = self.sim();
        let image = Image { bytes: bytes.to_vec(), len: bytes.len() as u64 };
        sim.files.push(SimFile { durable: image.clone(), seen: image, ..SimFile::default() });
        let number = sim.files.len() - 1;
        sim.names.insert(path.to_path_buf(), number);
        sim.durable_names.insert(path.to_path_buf(), number);
    }

    /// Gives a file one more name, durably.
    pub(super) fn link(&self, from: &Path, to: &Path) {
        let mut sim = self.sim();
        let number = sim.names[from];
        sim.names.insert(to.to_path_buf(), number);
        sim.durable_names.insert(to.to_path_buf(), number);
    }

    /// What a file holds up to the last byte that was written.
    pub(super) fn bytes(&self, path: &Path) -> Vec<u8> {
        let sim = self.sim();
        sim.files[sim.names[path]].seen.bytes.clone()
    }

    /// Whether nobody may open a file for writing.
    pub(super) fn is_frozen(&self, path: &Path) -> bool {
        let sim = self.sim();
        sim.files[sim.names[path]].frozen
    }

    fn file(&self, number: usize) -> Arc<dyn DiskFile> {
        Arc::new(Open { disk: self.clone(), number })
    }
}

impl Disk for SimDisk {
    fn make_dir(&self, _: &Path) -> io::Result<()> {
        self.sim().room()
    }

    fn create(&self, path: &Path) -> io::Result<Arc<dyn DiskFile>> {
        let mut sim = self.sim();
        sim.step()?;
        sim.room()?;
        if sim.names.contains_key(path) {
            return Err(ErrorKind::AlreadyExists.into());
        }
        sim.files.push(SimFile::default());
        let number = sim.files.len() - 1;
        sim.name(Naming::Create(path.to_path_buf(), number));
        drop(sim);
        Ok(self.file(number))
    }

    fn open(&self, path: &Path, access: Access) -> io::Result<Arc<dyn DiskFile>> {
        let mut sim = self.sim();
        let number = sim.names.get(path).copied().ok_or(ErrorKind::NotFound)?;
        if access == Access::Write {
            sim.files[number].frozen = false;
        }
        drop(sim);
        Ok(self.file(number))
    }

    fn list(&self, dir: &Path) -> io::Result<Vec<PathBuf>> {
        let sim = self.sim();
        // A directory is there when something is in it.
        let below = sim.names.keys().filter_map(|path| path.strip_prefix(dir).ok()?.components().next());
        let mut found: Vec<PathBuf> = below.map(|part| dir.join(part)).collect();
        found.dedup();
        Ok(found)
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        let mut sim = self.sim();
        sim.step()?;
        sim.room()?;
        if !sim.names.contains_key(from) {
            return Err(ErrorKind::NotFound.into());
        }
        sim.name(Naming::Rename(from.to_path_buf(), to.to_path_buf()));
        Ok(())
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        let mut sim = self.sim();
        sim.step()?;
        if sim.names.contains_key(path) {
            sim.name(Naming::Remove(path.to_path_buf()));
        }
        Ok(())
    }

    fn sync_dir(&self, dir: &Path) -> io::Result<()> {
        let mut sim = self.sim();
        sim.step()?;
        if !sim.syncs() {
            return Err(io::Error::other("the disk does not answer"));
        }
        let Sim { durable_names, unsynced_names, .. } = &mut *sim;
        unsynced_names.retain(|naming| {
            let of_dir = naming.dir() == dir;
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
    /// Whether the file lies where nothing is written any more.
    fn has_its_place(&self) -> bool {
        let sim = self.disk.sim();
        sim.names.iter().any(|(path, number)| *number == self.number && !path.to_string_lossy().contains("open"))
    }

    fn change<T>(&self, change: impl FnOnce(&mut SimFile) -> T) -> io::Result<T> {
        let mut sim = self.disk.sim();
        sim.step()?;
        Ok(change(&mut sim.files[self.number]))
    }
}

impl DiskFile for Open {
    fn write_all_at(&self, pieces: &mut [IoSlice<'_>], offset: u64) -> io::Result<()> {
        let mut bytes = pieces.iter().map(|piece| &**piece).collect::<Vec<&[u8]>>().concat();
        let room = self.disk.sim().room();
        if room.is_err() {
            bytes.truncate(bytes.len() / 2);
        }
        assert!(!self.has_its_place(), "a sealed pack is written");
        self.change(|file| file.change(Change::Write(offset, bytes)))?;
        room
    }

    fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
        let sim = self.disk.sim();
        let image = &sim.files[self.number].seen;
        let len = (image.len.saturating_sub(offset) as usize).min(buffer.len());
        let there = image.bytes.get(offset as usize..).unwrap_or_default();
        let some = there.len().min(len);
        buffer[..some].copy_from_slice(&there[..some]);
        buffer[some..len].fill(0);
        Ok(len)
    }

    fn reserve(&self, len: u64) -> io::Result<()> {
        self.disk.sim().room()?;
        self.change(|file| file.change(Change::Grow(len)))
    }

    fn sync(&self) -> io::Result<()> {
        let works = self.disk.sim().syncs();
        let seed = self.disk.sim().faults.syncs;
        self.change(|file| if works { file.sync() } else { file.fail_to_sync(&mut dice(seed)) })?;
        if works { Ok(()) } else { Err(io::Error::other("the disk does not answer")) }
    }

    fn forget(&self) -> io::Result<()> {
        self.disk.sim().files[self.number].forget();
        Ok(())
    }

    fn set_len(&self, len: u64) -> io::Result<()> {
        assert!(!self.has_its_place(), "a sealed pack is cut");
        self.change(|file| file.change(Change::Cut(len)))
    }

    fn size(&self) -> io::Result<u64> {
        Ok(self.disk.sim().files[self.number].seen.len)
    }

    fn freeze(&self) -> io::Result<()> {
        self.change(|file| file.frozen = true)
    }
}
