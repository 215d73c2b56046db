//! The packs that are kept open and mapped.
//!
//! Bounded by descriptors and by address space at once: a pack weighs its length, and a small one
//! as much as its descriptor is worth. A pack that leaves the cache lives on in the streams that
//! read it; one that was unlinked can be read to the end by those who have it.

use std::fs::File;
use std::io;
use std::path::PathBuf;
use std::sync::Arc;

use quick_cache::Weighter;
use quick_cache::sync::Cache;

use super::limits;
use super::pack_file::PackFile;
use crate::pack::PackName;

/// Open sealed packs by name.
#[derive(Debug)]
pub struct PackFiles(Cache<PackName, Arc<PackFile>, ByAddressSpace>);

/// Counts what a pack takes of the address space, and its descriptor.
#[derive(Debug, Clone)]
struct ByAddressSpace;

impl Weighter<PackName, Arc<PackFile>> for ByAddressSpace {
    fn weight(&self, _name: &PackName, pack: &Arc<PackFile>) -> u64 {
        pack.sealed_len().unwrap_or(0).max(limits::ADDRESS_BYTES / limits::PACKS_OPEN)
    }
}

impl Default for PackFiles {
    fn default() -> PackFiles {
        PackFiles::new()
    }
}

impl PackFiles {
    /// Nothing open yet.
    pub fn new() -> PackFiles {
        let entries = usize::try_from(limits::PACKS_OPEN).expect("a small number");
        PackFiles(Cache::with_weighter(entries, limits::ADDRESS_BYTES, ByAddressSpace))
    }

    /// A sealed pack, opened once however many ask for it. One that turned out damaged is opened
    /// again: its file may have been mended.
    ///
    /// # Errors
    /// The file cannot be opened. `NotFound`: the pack was collected, the layout has to be read
    /// again.
    pub async fn get(&self, name: PackName, path: PathBuf) -> io::Result<Arc<PackFile>> {
        self.0.remove_if(&name, |pack| pack.is_suspect());
        if let Some(pack) = self.0.get(&name) {
            return Ok(pack);
        }
        let open = async {
            let open = move || PackFile::sealed(File::open(path)?, name);
            tokio::task::spawn_blocking(open).await.map_err(io::Error::other)?
        };
        self.0.get_or_insert_async(&name, open).await
    }

    /// Keeps a pack open no longer: it is about to be unlinked.
    pub fn forget(&self, name: &PackName) {
        self.0.remove(name);
    }

    /// How many packs are kept open.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether none is.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pack::{Generation, PackId};

    fn name(number: u16) -> PackName {
        let mut id = [0; 16];
        id[..2].copy_from_slice(&number.to_be_bytes());
        PackName { id: PackId::from_bytes(id), generation: Generation(1) }
    }

    #[tokio::test]
    async fn a_pack_is_opened_once_and_again_when_it_was_found_damaged() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("pack");
        std::fs::write(&path, b"bytes").unwrap();
        let packs = PackFiles::new();
        let first = packs.get(name(1), path.clone()).await.unwrap();
        let second = packs.get(name(1), path.clone()).await.unwrap();
        assert!(Arc::ptr_eq(&first, &second));
        first.suspect();
        let third = packs.get(name(1), path.clone()).await.unwrap();
        assert!(!Arc::ptr_eq(&first, &third));
        std::fs::remove_file(&path).unwrap();
        assert!(packs.get(name(1), path.clone()).await.is_ok(), "it is still open");
        packs.forget(&name(1));
        assert_eq!(packs.get(name(1), path).await.unwrap_err().kind(), io::ErrorKind::NotFound);
    }

    #[tokio::test]
    async fn no_more_packs_are_kept_open_than_there_are_descriptors_for() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("pack");
        std::fs::write(&path, b"bytes").unwrap();
        let packs = PackFiles::new();
        for number in 0..1000 {
            packs.get(name(number), path.clone()).await.unwrap();
        }
        let most = usize::try_from(limits::PACKS_OPEN).unwrap();
        assert!(packs.len() <= most && packs.len() > most / 2, "{}", packs.len());
    }
}
