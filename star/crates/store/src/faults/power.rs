//! Power that goes away at any moment, on a simulated disk that keeps what it was told to sync
//! and any part of the rest.
//!
//! The store runs unchanged. What was acknowledged must be there afterwards, batches must be
//! whole, and the way back must itself survive a power cut.

use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use star_core::ports::meta::{Batch, Key, MetaStore};

use super::putting;
use crate::disk::{Disk, DiskFile};
use crate::{IndexKind, OpenError, OpenOptions, Store};

/// What is written or lost as one.
const SECTOR: usize = 512;

/// A reproducible source of choices.
#[derive(Clone)]
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0.wrapping_mul(0x2545_f491_4f6c_dd1d) % sides
    }
}

#[derive(Clone)]
enum Change {
    Write(u64, Vec<u8>),
    SetLen(u64),
}

impl Change {
    fn apply(&self, to: &mut Vec<u8>) {
        match self {
            Change::Write(offset, bytes) => {
                let (start, end) = (*offset as usize, *offset as usize + bytes.len());
                to.resize(to.len().max(end), 0);
                to[start..end].copy_from_slice(bytes);
            }
            Change::SetLen(len) => to.resize(*len as usize, 0),
        }
    }
}

#[derive(Default, Clone)]
struct SimFile {
    durable: Vec<u8>,
    seen: Vec<u8>,
    unsynced: Vec<Change>,
}

impl SimFile {
    /// What is left after the power went: of each unsynced change any sectors.
    fn after_cut(&self, dice: &mut Dice) -> SimFile {
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
                            Change::Write(offset + at as u64, bytes[at..end].to_vec()).apply(&mut left);
                        }
                        at = end;
                    }
                }
            }
        }
        SimFile { durable: left.clone(), seen: left, unsynced: Vec::new() }
    }
}

#[derive(Default)]
struct Sim {
    files: Vec<SimFile>,
    names: BTreeMap<PathBuf, usize>,
    durable_names: BTreeMap<PathBuf, usize>,
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
}

#[derive(Clone, Default)]
struct SimDisk(Arc<Mutex<Sim>>);

impl SimDisk {
    fn power_goes_after(&self, changes: u64) {
        self.0.lock().unwrap().left = Some(changes);
    }

    /// The disk as it is found when the power is back.
    fn after_cut(&self, dice: &mut Dice) -> SimDisk {
        let sim = self.0.lock().unwrap();
        let files = sim.files.iter().map(|file| file.after_cut(dice)).collect();
        let names = if dice.roll(2) == 0 { &sim.names } else { &sim.durable_names };
        SimDisk(Arc::new(Mutex::new(Sim { files, names: names.clone(), durable_names: names.clone(), left: None })))
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
        sim.names.insert(path.to_path_buf(), number);
        Ok(self.file(number))
    }

    fn open(&self, path: &Path) -> io::Result<Box<dyn DiskFile>> {
        let number = self.0.lock().unwrap().names.get(path).copied();
        number.map(|number| self.file(number)).ok_or_else(|| io::ErrorKind::NotFound.into())
    }

    fn list(&self, _: &Path) -> io::Result<Vec<PathBuf>> {
        Ok(self.0.lock().unwrap().names.keys().cloned().collect())
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        let mut sim = self.0.lock().unwrap();
        sim.change()?;
        let number = sim.names.remove(from).ok_or(io::ErrorKind::NotFound)?;
        sim.names.insert(to.to_path_buf(), number);
        Ok(())
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        let mut sim = self.0.lock().unwrap();
        sim.change()?;
        sim.names.remove(path).map(|_| ()).ok_or_else(|| io::ErrorKind::NotFound.into())
    }

    fn sync_dir(&self, _: &Path) -> io::Result<()> {
        let mut sim = self.0.lock().unwrap();
        sim.change()?;
        sim.durable_names = sim.names.clone();
        Ok(())
    }
}

struct Open {
    disk: SimDisk,
    number: usize,
}

impl Open {
    fn change(&self, change: Change) -> io::Result<()> {
        let mut sim = self.disk.0.lock().unwrap();
        sim.change()?;
        let file = &mut sim.files[self.number];
        change.apply(&mut file.seen);
        file.unsynced.push(change);
        Ok(())
    }
}

impl DiskFile for Open {
    fn write_all_at(&self, bytes: &[u8], offset: u64) -> io::Result<()> {
        self.change(Change::Write(offset, bytes.to_vec()))
    }

    fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
        let sim = self.disk.0.lock().unwrap();
        let seen = &sim.files[self.number].seen;
        let rest = seen.get(offset as usize..).unwrap_or_default();
        let len = rest.len().min(buffer.len());
        buffer[..len].copy_from_slice(&rest[..len]);
        Ok(len)
    }

    fn reserve(&self, len: u64) -> io::Result<()> {
        self.change(Change::SetLen(len))
    }

    fn sync(&self) -> io::Result<()> {
        let mut sim = self.disk.0.lock().unwrap();
        sim.change()?;
        let file = &mut sim.files[self.number];
        file.durable = file.seen.clone();
        file.unsynced.clear();
        Ok(())
    }

    fn set_len(&self, len: u64) -> io::Result<()> {
        self.change(Change::SetLen(len))
    }

    fn size(&self) -> io::Result<u64> {
        Ok(self.disk.0.lock().unwrap().files[self.number].seen.len() as u64)
    }
}

fn open(dir: &Path, disk: &SimDisk) -> Result<Arc<Store>, OpenError> {
    Store::open(OpenOptions {
        disk: Arc::new(disk.clone()),
        on_fatal: Arc::new(|_| {}),
        ..OpenOptions::new(dir).with_index(IndexKind::Memory)
    })
}

/// A batch of two keys, of which one alone would be half a batch.
fn pair(key: &str, size: usize) -> Batch {
    let mut batch = putting(key, &vec![b'v'; size]);
    batch.operations.extend(putting(&format!("{key}/second"), b"").operations);
    batch
}

/// Commits rounds of batches that are sent at once, until the power goes; the acknowledged ones.
async fn write_until_dark(store: &Arc<Store>, life: u64, dice: &mut Dice) -> Vec<String> {
    let mut acknowledged = Vec::new();
    for round in 0..12 {
        let size = [3, 400, 4_000, 30_000][dice.roll(4) as usize];
        let sent: Vec<_> = (0..=dice.roll(6))
            .map(|number| {
                let (store, key) = (Arc::clone(store), format!("{life}/{round}/{number}"));
                tokio::spawn(async move { store.commit(pair(&key, size)).await.is_ok().then_some(key) })
            })
            .collect();
        for one in sent {
            acknowledged.extend(one.await.unwrap());
        }
    }
    acknowledged
}

async fn check(store: &Arc<Store>, acknowledged: &[String], seed: u64) {
    for key in acknowledged {
        let both = [Key::new(key.clone()), Key::new(format!("{key}/second"))];
        let rows = store.read(&both).await.unwrap();
        assert!(rows.iter().all(Option::is_some), "seed {seed}: {key} was acknowledged and is lost");
    }
    let mut cursor = 0;
    let mut expected = 1;
    loop {
        let page = store.events(cursor, 1_000).await.unwrap();
        for event in &page.events {
            assert_eq!((event.position, event.revision), (expected, expected), "seed {seed}");
            let second = Key::new([&event.body[..], b"/second"].concat());
            assert!(store.read(&[second]).await.unwrap()[0].is_some(), "seed {seed}: half a batch");
            expected += 1;
        }
        if page.read_to == cursor {
            return;
        }
        cursor = page.read_to;
    }
}

async fn lives_of(seed: u64) {
    let dir = tempfile::tempdir().unwrap();
    let mut dice = Dice(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1);
    let mut disk = SimDisk::default();
    let mut acknowledged = Vec::new();
    for life in 0..4 {
        disk.power_goes_after(dice.roll(40));
        // A start may be cut as well; the next one begins from whatever it left.
        match open(dir.path(), &disk) {
            Ok(store) => acknowledged.extend(write_until_dark(&store, life, &mut dice).await),
            Err(OpenError::Io { .. }) => {}
            Err(other) => panic!("seed {seed}: {other}"),
        }
        disk = disk.after_cut(&mut dice);
    }
    let store = open(dir.path(), &disk).unwrap_or_else(|error| panic!("seed {seed}: {error}"));
    check(&store, &acknowledged, seed).await;
    store.commit(pair("after all", 9)).await.unwrap();
    store.close().await;
    drop(store);
    check(&open(dir.path(), &disk).unwrap(), &acknowledged, seed).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_acknowledged_is_lost_when_the_power_goes_at_any_moment() {
    for seed in 1..=100 {
        lives_of(seed).await;
    }
}
