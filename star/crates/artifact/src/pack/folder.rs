//! The folder of packs: where a pack lies while it is open, and where once it is sealed.
//!
//! ```text
//! open/<id>.<generation>.pack            being written
//! open/<id>.<generation>.slots           the log of its slots
//! packs/<2 digits>/<id>.<generation>.pack   sealed, under the first two digits of its id
//! ```

use std::fmt;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::sync::Arc;

use super::disk::{Access, Disk};
use super::{BadId, Fault, Flaw, Footer, Generation, Header, PackId, Reader, What, read_footer};

const OPEN: &str = "open";
const PACKS: &str = "packs";
const PACK: &str = ".pack";
const SLOTS: &str = ".slots";

/// The name of a pack, from which the names of its files are made: `<id>.<generation>`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PackName {
    /// Which pack.
    pub id: PackId,
    /// Which writing of it.
    pub generation: Generation,
}

impl fmt::Display for PackName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.id, self.generation)
    }
}

impl FromStr for PackName {
    type Err = BadId;

    fn from_str(text: &str) -> Result<PackName, BadId> {
        let (id, generation) = text.split_once('.').ok_or(BadId)?;
        let number = generation.parse().map_err(|_| BadId)?;
        let name = PackName { id: id.parse()?, generation: Generation(number) };
        // One way to write each name, so that a name has one file: no `+1`, no `01`.
        if name.to_string() == text { Ok(name) } else { Err(BadId) }
    }
}

impl From<&Header> for PackName {
    fn from(header: &Header) -> PackName {
        PackName { id: header.id, generation: header.generation }
    }
}

/// What the files in `open/` are.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Opened {
    /// Packs that lie there, with or without a log.
    pub(crate) packs: Vec<PackName>,
    /// Logs without a pack.
    pub(crate) logs: Vec<PackName>,
    /// What no writer of packs puts there.
    pub(crate) strangers: Vec<PathBuf>,
}

/// Where packs lie. Clones are the same folder.
#[derive(Clone)]
pub struct Folder {
    disk: Arc<dyn Disk>,
    root: PathBuf,
}

impl fmt::Debug for Folder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Folder").field(&self.root).finish()
    }
}

impl Folder {
    /// Takes a folder, making what is missing of it, durably.
    ///
    /// # Errors
    /// If a directory cannot be made.
    pub fn open(disk: Arc<dyn Disk>, root: impl Into<PathBuf>) -> Result<Folder, Fault> {
        let folder = Folder { disk, root: root.into() };
        for dir in [folder.open_dir(), folder.root.join(PACKS)] {
            folder.disk.make_dir(&dir).map_err(Fault::io(&dir, "make the directory"))?;
        }
        Ok(folder)
    }

    /// Where a sealed pack lies.
    pub fn sealed_path(&self, name: PackName) -> PathBuf {
        self.sealed_dir(name).join(format!("{name}{PACK}"))
    }

    /// Opens a sealed pack to be read, and says what is in it.
    ///
    /// # Errors
    /// If it cannot be read, or is not the sealed pack of this name.
    pub fn read(&self, name: PackName) -> Result<(Reader, Footer), Fault> {
        let path = self.sealed_path(name);
        let file = self.disk.open(&path, Access::Read).map_err(Fault::io(&path, "open"))?;
        let footer = read_footer(&*file, &path)?;
        named(&footer.header, name, &path)?;
        Ok((Reader::new(file, path), footer))
    }

    /// The sealed packs, by name. What else lies there is passed over.
    ///
    /// # Errors
    /// If a directory cannot be listed.
    pub fn sealed(&self) -> Result<Vec<PackName>, Fault> {
        let mut names = Vec::new();
        for digits in 0..=u8::MAX {
            let found = self.list(&self.dir_of(digits))?;
            let here = |name: &PackName| name.id.as_bytes()[0] == digits;
            names.extend(found.iter().filter_map(|path| name_of(path, PACK)).filter(here));
        }
        names.sort_unstable();
        Ok(names)
    }

    /// Removes a sealed pack, durably; nothing happens if it is not there.
    ///
    /// # Errors
    /// If the disk fails; the pack may then be there or not.
    pub fn remove(&self, name: PackName) -> Result<(), Fault> {
        let path = self.sealed_path(name);
        self.disk.remove(&path).map_err(Fault::io(&path, "remove"))?;
        let dir = self.sealed_dir(name);
        match self.disk.sync_dir(&dir) {
            // Where nothing was ever sealed there is nothing to make durable.
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(()),
            synced => synced.map_err(Fault::io(&dir, "sync the directory")),
        }
    }

    pub(crate) fn disk(&self) -> &dyn Disk {
        &*self.disk
    }

    pub(crate) fn open_dir(&self) -> PathBuf {
        self.root.join(OPEN)
    }

    pub(crate) fn open_path(&self, name: PackName) -> PathBuf {
        self.open_dir().join(format!("{name}{PACK}"))
    }

    pub(crate) fn log_path(&self, name: PackName) -> PathBuf {
        self.open_dir().join(format!("{name}{SLOTS}"))
    }

    /// Whether a sealed pack of this name has its place.
    pub(crate) fn is_placed(&self, name: PackName) -> Result<bool, Fault> {
        let path = self.sealed_path(name);
        Ok(self.list(&self.sealed_dir(name))?.contains(&path))
    }

    /// Gives a pack whose bytes are durable its place, which is durable after
    /// [`Folder::sync_place`]. When it fails, the pack is where it was.
    pub(crate) fn place(&self, name: PackName) -> Result<(), Fault> {
        let (from, to, dir) = (self.open_path(name), self.sealed_path(name), self.sealed_dir(name));
        self.disk.make_dir(&dir).map_err(Fault::io(&dir, "make the directory"))?;
        self.disk.rename(&from, &to).map_err(Fault::io(&from, "move to its place"))
    }

    /// Makes the place of a pack durable.
    pub(crate) fn sync_place(&self, name: PackName) -> Result<(), Fault> {
        let dir = self.sealed_dir(name);
        self.disk.sync_dir(&dir).map_err(Fault::io(&dir, "sync the directory"))
    }

    /// Removes the log of a pack that needs none, durably. It also makes durable that a pack left
    /// `open/`.
    pub(crate) fn remove_log(&self, name: PackName) -> Result<(), Fault> {
        let (log, open) = (self.log_path(name), self.open_dir());
        self.disk.remove(&log).map_err(Fault::io(&log, "remove"))?;
        self.disk.sync_dir(&open).map_err(Fault::io(&open, "sync the directory"))
    }

    /// Removes a pack that holds nothing, and its log, durably. The pack goes first: a log without
    /// a pack is known for what it is.
    pub(crate) fn remove_open(&self, name: PackName) -> Result<(), Fault> {
        let path = self.open_path(name);
        self.disk.remove(&path).map_err(Fault::io(&path, "remove"))?;
        let open = self.open_dir();
        self.disk.sync_dir(&open).map_err(Fault::io(&open, "sync the directory"))?;
        self.remove_log(name)
    }

    /// What lies in `open/`, by name.
    pub(crate) fn opened(&self) -> Result<Opened, Fault> {
        let mut opened = Opened::default();
        for path in self.list(&self.open_dir())? {
            if let Some(name) = name_of(&path, PACK) {
                opened.packs.push(name);
            } else if let Some(name) = name_of(&path, SLOTS) {
                opened.logs.push(name);
            } else {
                opened.strangers.push(path);
            }
        }
        opened.packs.sort_unstable();
        opened.logs.sort_unstable();
        opened.strangers.sort_unstable();
        opened.logs.retain(|name| opened.packs.binary_search(name).is_err());
        Ok(opened)
    }

    fn list(&self, dir: &Path) -> Result<Vec<PathBuf>, Fault> {
        self.disk.list(dir).map_err(Fault::io(dir, "list"))
    }

    fn sealed_dir(&self, name: PackName) -> PathBuf {
        self.dir_of(name.id.as_bytes()[0])
    }

    fn dir_of(&self, digits: u8) -> PathBuf {
        self.root.join(PACKS).join(format!("{digits:02x}"))
    }
}

/// Refuses a pack that is not the one that its file is named for.
pub(crate) fn named(header: &Header, name: PackName, path: &Path) -> Result<(), Fault> {
    if PackName::from(header) == name {
        return Ok(());
    }
    let what = What::Named { found: header.id, generation: header.generation.0 };
    Err(Flaw::at(12, what).of(path))
}

fn name_of(path: &Path, ending: &str) -> Option<PackName> {
    path.file_name()?.to_str()?.strip_suffix(ending)?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pack::LocalDisk;

    #[test]
    fn a_name_is_written_in_one_way() {
        let id = "000102030405060708090a0b0c0d0eff";
        let name: PackName = format!("{id}.12").parse().unwrap();
        assert_eq!((name.to_string(), name.generation), (format!("{id}.12"), Generation(12)));
        for wrong in ["", "012", "+12", "-1", "4294967296", "1.2", " 1"] {
            assert!(format!("{id}.{wrong}").parse::<PackName>().is_err(), "{wrong}");
        }
        assert!(id.parse::<PackName>().is_err());
    }

    #[test]
    fn what_lies_in_open_is_told_apart() {
        let dir = tempfile::tempdir().unwrap();
        let folder = Folder::open(Arc::new(LocalDisk), dir.path()).unwrap();
        let name = |byte| PackName { id: PackId::from_bytes([byte; 16]), generation: Generation(1) };
        for path in [folder.open_path(name(1)), folder.log_path(name(1)), folder.log_path(name(2))] {
            std::fs::write(path, b"").unwrap();
        }
        let stranger = dir.path().join("open/notes.txt");
        std::fs::write(&stranger, b"").unwrap();
        let expected = Opened { packs: vec![name(1)], logs: vec![name(2)], strangers: vec![stranger] };
        assert_eq!(folder.opened().unwrap(), expected);
    }

    #[test]
    fn a_pack_under_the_name_of_another_is_refused() {
        let dir = tempfile::tempdir().unwrap();
        let folder = Folder::open(Arc::new(LocalDisk), dir.path()).unwrap();
        let (header, bytes) = super::super::footer::tests::sealed(crate::pack::Class::Zstd, &["one"]);
        let name = PackName { id: header.id, generation: Generation(9) };
        let path = folder.sealed_path(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, bytes).unwrap();
        let fault = folder.read(name).err().unwrap().to_string();
        assert!(fault.contains("generation 3") && fault.contains(".9.pack"), "{fault}");
        std::fs::write(dir.path().join("packs/notes.txt"), b"").unwrap();
        std::fs::write(path.with_file_name("notes.txt"), b"").unwrap();
        assert_eq!(folder.sealed().unwrap(), [name]);
        folder.remove(name).unwrap();
        assert!(folder.sealed().unwrap().is_empty());
        folder.remove(name).unwrap();
    }
}
