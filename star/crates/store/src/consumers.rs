//! Durable consumers: who reads the log, and how far each has come.
//!
//! Owns the file `consumers` and the cursors in it. A cursor says what its consumer need not read
//! again, so one that is older than the truth costs a repetition and one that is younger would
//! cost events: a cursor is made durable before it counts. All integers are big-endian:
//!
//! ```text
//! file = "STARCONS", u16 version (1), installation (16), u16 count, consumer*, CRC32C
//! consumer = u16 length, name, u64 position
//! ```

use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use star_core::ports::meta::{Consumer, ConsumerError, Position};

use crate::disk::Disk;
use crate::journal::Fault;
use crate::journal::record::{Installation, array};
use crate::limits::{CONSUMER_NAME_BYTES, CONSUMERS};

const MAGIC: [u8; 8] = *b"STARCONS";
const VERSION: u16 = 1;
const HEADER_BYTES: usize = 8 + 2 + 16 + 2;

/// The cursors by name.
pub(crate) type Cursors = BTreeMap<String, Position>;

/// The consumers of a store.
pub(crate) struct Consumers {
    disk: Arc<dyn Disk>,
    dir: PathBuf,
    installation: Installation,
    cursors: Mutex<Cursors>,
}

/// Where the cursors lie.
pub(crate) fn path_of(store: &Path) -> PathBuf {
    store.join("consumers")
}

impl Consumers {
    /// Those of a store. A file that is damaged is passed over for what the newest checkpoint
    /// knew, which is older and therefore safe. No cursor is beyond the `end` of the log.
    pub(crate) fn open(
        disk: Arc<dyn Disk>,
        store: &Path,
        installation: Installation,
        end: Position,
        of_checkpoint: impl FnOnce() -> Cursors,
    ) -> Result<Consumers, Fault> {
        let path = path_of(store);
        let mut cursors = match read_file(disk.as_ref(), &path) {
            Ok(None) => Cursors::new(),
            Ok(Some(bytes)) => decode(&bytes, &installation).unwrap_or_else(|| {
                let file = path.display();
                tracing::warn!(%file, "the cursors of consumers are damaged; those of the last checkpoint are used");
                of_checkpoint()
            }),
            Err(source) => return Err(Fault::Io { file: path, source }),
        };
        // A store that was restored to a moment has consumers that had read more.
        cursors.values_mut().for_each(|position| *position = end.min(*position));
        Ok(Consumers { disk, dir: store.to_path_buf(), installation, cursors: Mutex::new(cursors) })
    }

    /// All of them.
    pub(crate) fn list(&self) -> Vec<Consumer> {
        let each = self.lock().clone().into_iter();
        each.map(|(name, position)| Consumer { name, position }).collect()
    }

    /// The cursors by name.
    pub(crate) fn cursors(&self) -> Cursors {
        self.lock().clone()
    }

    /// The cursor of the slowest.
    pub(crate) fn slowest(&self) -> Option<Position> {
        self.lock().values().min().copied()
    }

    /// Adds one that has read up to a position, or finds the one that is there. Gives its cursor.
    pub(crate) fn register(&self, name: &str, from: Position) -> Result<Position, ConsumerError> {
        if name.is_empty() || name.len() > CONSUMER_NAME_BYTES {
            return Err(ConsumerError::BadName { max: CONSUMER_NAME_BYTES });
        }
        let mut cursors = self.lock();
        if let Some(position) = cursors.get(name) {
            return Ok(*position);
        }
        if cursors.len() >= CONSUMERS {
            return Err(ConsumerError::TooMany { max: CONSUMERS });
        }
        self.change(&mut cursors, |cursors| {
            cursors.insert(name.to_owned(), from);
        })?;
        Ok(from)
    }

    /// Moves a cursor forward; one that is further already stays.
    pub(crate) fn advance(&self, name: &str, to: Position) -> Result<(), ConsumerError> {
        let mut cursors = self.lock();
        match cursors.get(name) {
            None => Err(ConsumerError::Unknown),
            Some(position) if *position >= to => Ok(()),
            Some(_) => self.change(&mut cursors, |cursors| {
                cursors.insert(name.to_owned(), to);
            }),
        }
    }

    /// Forgets one.
    pub(crate) fn forget(&self, name: &str) -> Result<(), ConsumerError> {
        let mut cursors = self.lock();
        if !cursors.contains_key(name) {
            return Err(ConsumerError::Unknown);
        }
        self.change(&mut cursors, |cursors| {
            cursors.remove(name);
        })
    }

    /// Writes the changed cursors down, and only then lets them count.
    fn change(&self, cursors: &mut Cursors, change: impl FnOnce(&mut Cursors)) -> Result<(), ConsumerError> {
        let mut changed = cursors.clone();
        change(&mut changed);
        self.write(&encode(&changed, &self.installation)).map_err(|error| ConsumerError::Failed(error.into()))?;
        *cursors = changed;
        Ok(())
    }

    fn write(&self, bytes: &[u8]) -> io::Result<()> {
        let (path, unfinished) = (path_of(&self.dir), self.dir.join("consumers.tmp"));
        let file = self.disk.create(&unfinished)?;
        file.write_all_at(bytes, 0)?;
        file.sync()?;
        self.disk.rename(&unfinished, &path)?;
        self.disk.sync_dir(&self.dir)
    }

    fn lock(&self) -> MutexGuard<'_, Cursors> {
        self.cursors.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn read_file(disk: &dyn Disk, path: &Path) -> io::Result<Option<Vec<u8>>> {
    let file = match disk.open(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        opened => opened?,
    };
    let mut bytes = vec![0; usize::try_from(file.size()?).map_err(io::Error::other)?];
    let mut filled = 0;
    while filled < bytes.len() {
        match file.read_at(&mut bytes[filled..], filled as u64)? {
            0 => break,
            read => filled += read,
        }
    }
    Ok(Some(bytes))
}

pub(crate) fn encode(cursors: &Cursors, installation: &Installation) -> Vec<u8> {
    let count = u16::try_from(cursors.len()).expect("the number of consumers is limited");
    let mut out = [&MAGIC[..], &VERSION.to_be_bytes(), installation, &count.to_be_bytes()].concat();
    for (name, position) in cursors {
        let len = u16::try_from(name.len()).expect("the length of names is limited");
        out.extend_from_slice(&len.to_be_bytes());
        out.extend_from_slice(name.as_bytes());
        out.extend_from_slice(&position.to_be_bytes());
    }
    let crc = crc32c::crc32c(&out);
    out.extend_from_slice(&crc.to_be_bytes());
    out
}

pub(crate) fn decode(bytes: &[u8], installation: &Installation) -> Option<Cursors> {
    let end = bytes.len().checked_sub(4).filter(|end| *end >= HEADER_BYTES)?;
    let known = bytes[..8] == MAGIC && bytes[8..10] == VERSION.to_be_bytes() && bytes[10..26] == *installation;
    if !known || crc32c::crc32c(&bytes[..end]) != u32::from_be_bytes(array(bytes, end)) {
        return None;
    }
    let mut rest = &bytes[HEADER_BYTES..end];
    let mut cursors = Cursors::new();
    for _ in 0..u16::from_be_bytes(array(bytes, 26)) {
        let len = usize::from(u16::from_be_bytes(rest.get(..2)?.try_into().ok()?));
        let name = std::str::from_utf8(rest.get(2..2 + len)?).ok()?;
        let position = u64::from_be_bytes(rest.get(2 + len..10 + len)?.try_into().ok()?);
        cursors.insert(name.to_owned(), position);
        rest = &rest[10 + len..];
    }
    rest.is_empty().then_some(cursors)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::disk::LocalDisk;

    const INSTALLATION: Installation = [9; 16];

    fn opened(dir: &Path) -> Consumers {
        let of_checkpoint = || Cursors::from([("queue".to_owned(), 3)]);
        Consumers::open(Arc::new(LocalDisk), dir, INSTALLATION, 50, of_checkpoint).unwrap()
    }

    #[test]
    fn cursors_are_there_after_a_restart_and_only_go_forward() {
        let dir = tempfile::tempdir().unwrap();
        let consumers = opened(dir.path());
        assert_eq!(consumers.register("queue", 5).unwrap(), 5);
        assert_eq!(consumers.register("queue", 99).unwrap(), 5, "it is there already");
        consumers.advance("queue", 8).unwrap();
        consumers.advance("queue", 7).unwrap();
        consumers.register("hook", 6).unwrap();
        assert!(matches!(consumers.advance("nobody", 7), Err(ConsumerError::Unknown)));
        let consumers = opened(dir.path());
        assert_eq!(consumers.cursors(), Cursors::from([("hook".to_owned(), 6), ("queue".to_owned(), 8)]));
        assert_eq!(consumers.slowest(), Some(6));
        consumers.forget("hook").unwrap();
        assert!(matches!(consumers.forget("hook"), Err(ConsumerError::Unknown)));
        assert_eq!(opened(dir.path()).slowest(), Some(8));
    }

    #[test]
    fn a_flipped_bit_anywhere_is_seen_and_the_checkpoint_asked() {
        let dir = tempfile::tempdir().unwrap();
        opened(dir.path()).register("queue", 5).unwrap();
        let whole = std::fs::read(path_of(dir.path())).unwrap();
        for bit in 0..whole.len() * 8 {
            let mut bytes = whole.clone();
            bytes[bit / 8] ^= 1 << (bit % 8);
            std::fs::write(path_of(dir.path()), bytes).unwrap();
            assert_eq!(opened(dir.path()).slowest(), Some(3), "bit {bit}");
        }
    }

    #[test]
    fn names_and_numbers_are_limited() {
        let dir = tempfile::tempdir().unwrap();
        let consumers = opened(dir.path());
        for name in ["", &"n".repeat(CONSUMER_NAME_BYTES + 1)] {
            assert!(matches!(consumers.register(name, 0), Err(ConsumerError::BadName { .. })));
        }
        consumers.lock().extend((0..CONSUMERS).map(|number| (number.to_string(), 0)));
        assert!(matches!(consumers.register("one more", 0), Err(ConsumerError::TooMany { .. })));
    }
}
