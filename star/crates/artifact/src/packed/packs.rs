//! All packs of a store: which file an ordinal is, and what lies in it.
//!
//! Owns the look into packs. Who writes them is [`writer`](super::writer), and what they hold for whom
//! stands in the metadata store.

use std::collections::HashMap;
use std::fs::File;
use std::io;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

use quick_cache::Weighter;
use quick_cache::sync::Cache;

use super::limits;
use crate::map::{PackFile, PackFiles};
use crate::pack::{Class, Fault, Folder, OpenPack, PackName, Reader, Slot};
use crate::rows::{Extent, Ordinal};
use crate::table::Place;

/// The packs of a store.
pub(crate) struct Packs {
    folder: Folder,
    known: RwLock<HashMap<Ordinal, Arc<Pack>>>,
    files: PackFiles,
    /// What lies in sealed packs, as far as somebody looked lately.
    inside: Cache<Ordinal, Arc<Inside>, BySlots>,
}

/// A pack that the store knows.
pub(crate) struct Pack {
    pub(crate) ordinal: Ordinal,
    pub(crate) name: PackName,
    /// What lies in it, while it is written.
    growing: RwLock<Option<Growing>>,
    /// Slots from this number on may not be what was written: a sync failed.
    sure_slots: AtomicU32,
}

struct Growing {
    slots: Vec<Slot>,
    reader: Reader,
    file: Arc<PackFile>,
}

/// What lies in a sealed pack.
struct Inside {
    class: Class,
    slots: Vec<Slot>,
    reader: Reader,
}

#[derive(Clone)]
struct BySlots;

impl Weighter<Ordinal, Arc<Inside>> for BySlots {
    fn weight(&self, _: &Ordinal, inside: &Arc<Inside>) -> u64 {
        (inside.slots.len() * size_of::<Slot>()) as u64 + 512
    }
}

/// Why there is nothing to be had of a pack.
#[derive(Debug, thiserror::Error)]
pub(crate) enum PackError {
    /// It was collected: read the layout again.
    #[error("there is no pack {}", .0.0)]
    Gone(Ordinal),
    /// It has no such slots.
    #[error("pack {name} has no slot {slot}")]
    NoSlot { name: PackName, slot: u32 },
    /// It could not be made durable.
    #[error("pack {0} could not be made durable; send again what was to lie in it")]
    Unsure(PackName),
    /// The file is not what was written, or the disk fails.
    #[error(transparent)]
    Fault(#[from] Fault),
    /// The file cannot be opened.
    #[error("pack {name} cannot be opened")]
    Unopened {
        name: PackName,
        #[source]
        source: io::Error,
    },
}

impl Packs {
    pub(crate) fn new(folder: Folder) -> Packs {
        let inside = Cache::with_weighter(1024, limits::FOOTER_BYTES, BySlots);
        Packs { folder, known: RwLock::default(), files: PackFiles::new(), inside }
    }

    pub(crate) fn folder(&self) -> &Folder {
        &self.folder
    }

    /// Takes a sealed pack into the store.
    pub(crate) fn know(&self, ordinal: Ordinal, name: PackName) {
        let pack = Pack::new(ordinal, name, None);
        self.all_mut().insert(ordinal, Arc::new(pack));
    }

    /// Takes a pack into the store that is about to be written.
    pub(crate) fn know_growing(&self, ordinal: Ordinal, open: &OpenPack) -> io::Result<Arc<Pack>> {
        let file = PackFile::growing(File::open(open.path())?, open.name());
        let growing = Growing { slots: Vec::new(), reader: open.reader(), file };
        let pack = Arc::new(Pack::new(ordinal, open.name(), Some(growing)));
        self.all_mut().insert(ordinal, Arc::clone(&pack));
        Ok(pack)
    }

    /// Forgets a pack that is about to go.
    pub(crate) fn forget(&self, ordinal: Ordinal) {
        if let Some(pack) = self.all_mut().remove(&ordinal) {
            self.files.forget(&pack.name);
            self.inside.remove(&ordinal);
        }
    }

    /// A pack; none if it was collected.
    pub(crate) fn get(&self, ordinal: Ordinal) -> Option<Arc<Pack>> {
        self.all().get(&ordinal).cloned()
    }

    pub(crate) fn list(&self) -> Vec<Arc<Pack>> {
        self.all().values().cloned().collect()
    }

    /// Refuses slots of which nobody knows whether they are durable. For whoever has asked for a sync.
    pub(crate) fn require_sure(&self, pack: Ordinal, first_slot: u16, slots: usize) -> Result<(), PackError> {
        let pack = self.require(pack)?;
        match pack.is_sure(usize::from(first_slot) + slots) {
            true => Ok(()),
            false => Err(PackError::Unsure(pack.name)),
        }
    }

    /// One slot, to be shared. Blocks if nobody looked into the pack lately.
    pub(crate) fn slot(&self, place: Place) -> Result<Slot, PackError> {
        let pack = self.require(place.pack)?;
        let number = usize::from(place.slot);
        if !pack.is_sure(number + 1) {
            return Err(PackError::Unsure(pack.name));
        }
        let slot = match pack.look(|growing| Some(growing.slots.get(number).copied())) {
            Some(slot) => slot,
            None => self.inside(&pack)?.slots.get(number).copied(),
        };
        slot.ok_or(PackError::NoSlot { name: pack.name, slot: u32::from(place.slot) })
    }

    /// The slots of an extent, with what reads their frames. Blocks if nobody looked into the pack lately.
    pub(crate) fn slots(&self, extent: &Extent) -> Result<(Reader, Vec<Slot>), PackError> {
        let pack = self.require(extent.pack)?;
        let first = usize::from(extent.first_slot);
        let end = first + usize::from(extent.slots);
        let slots_of = |slots: &[Slot]| slots.get(first..end).map(<[Slot]>::to_vec);
        let no_slot = PackError::NoSlot { name: pack.name, slot: end as u32 - 1 };
        if let Some(found) = pack.look(|growing| Some((growing.reader.clone(), slots_of(&growing.slots)))) {
            return found.1.map(|slots| (found.0, slots)).ok_or(no_slot);
        }
        let inside = self.inside(&pack)?;
        slots_of(&inside.slots).map(|slots| (inside.reader.clone(), slots)).ok_or(no_slot)
    }

    /// All slots of a sealed pack. Blocks if nobody looked into it lately.
    pub(crate) fn all_slots(&self, pack: &Pack) -> Result<Vec<Slot>, PackError> {
        Ok(self.inside(pack)?.slots.clone())
    }

    /// The class of a sealed pack. Blocks if nobody looked into it lately.
    pub(crate) fn class(&self, ordinal: Ordinal) -> Result<Class, PackError> {
        let pack = self.require(ordinal)?;
        Ok(self.inside(&pack)?.class)
    }

    /// The file of a pack, to be sent as it lies.
    pub(crate) async fn file(&self, ordinal: Ordinal) -> Result<Arc<PackFile>, PackError> {
        let pack = self.require(ordinal)?;
        if let Some(file) = pack.look(|growing| Some(Arc::clone(&growing.file))) {
            return Ok(file);
        }
        let path = self.folder.sealed_path(pack.name);
        self.files.get(pack.name, path).await.map_err(|source| match source.kind() {
            io::ErrorKind::NotFound => PackError::Gone(ordinal),
            _ => PackError::Unopened { name: pack.name, source },
        })
    }

    fn require(&self, ordinal: Ordinal) -> Result<Arc<Pack>, PackError> {
        self.get(ordinal).ok_or(PackError::Gone(ordinal))
    }

    fn inside(&self, pack: &Pack) -> Result<Arc<Inside>, PackError> {
        self.inside.get_or_insert_with(&pack.ordinal, || {
            let (reader, footer) = self.folder.read(pack.name)?;
            Ok(Arc::new(Inside { class: footer.header.class, slots: footer.slots, reader }))
        })
    }

    fn all(&self) -> RwLockReadGuard<'_, HashMap<Ordinal, Arc<Pack>>> {
        self.known.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn all_mut(&self) -> RwLockWriteGuard<'_, HashMap<Ordinal, Arc<Pack>>> {
        self.known.write().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Pack {
    fn new(ordinal: Ordinal, name: PackName, growing: Option<Growing>) -> Pack {
        Pack { ordinal, name, growing: RwLock::new(growing), sure_slots: AtomicU32::new(u32::MAX) }
    }

    /// Notes that a sync failed when so many slots were durable.
    pub(crate) fn failed(&self, durable_slots: u32) {
        self.sure_slots.fetch_min(durable_slots, Ordering::AcqRel);
    }

    /// Whether so many slots, from the first on, are what was written.
    fn is_sure(&self, slots: usize) -> bool {
        slots <= self.sure_slots.load(Ordering::Acquire) as usize
    }

    /// Notes frames that were appended: from then on they can be read.
    pub(crate) fn grew(&self, slots: &[Slot]) {
        let mut growing = self.growing.write().unwrap_or_else(PoisonError::into_inner);
        if let Some(growing) = growing.as_mut() {
            growing.slots.extend_from_slice(slots);
        }
    }

    /// Notes that the pack is sealed.
    pub(crate) fn stopped_growing(&self) {
        *self.growing.write().unwrap_or_else(PoisonError::into_inner) = None;
    }

    /// Whether it is still written.
    pub(crate) fn is_growing(&self) -> bool {
        self.look(|_| Some(())).is_some()
    }

    fn look<T>(&self, look: impl FnOnce(&Growing) -> Option<T>) -> Option<T> {
        self.growing.read().unwrap_or_else(PoisonError::into_inner).as_ref().and_then(look)
    }
}
