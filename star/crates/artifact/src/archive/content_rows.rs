//! Where contents lie, as the rows of a moment have it.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use sha2::{Digest as _, Sha256 as Hasher};
use star_core::ports::meta::Key;
use star_path::Digest;

use super::PackCopies;
use crate::chunk::decode::Decoder;
use crate::pack::{Generation, PackId, PackName};
use crate::rows::{self, Content, ContentKey, Layout, Ordinal, PackKey, Place, RowOf, Sha256, Slots};

/// The rows of a content store as they were at a moment.
#[derive(Debug, Default)]
pub struct ContentRows {
    /// As they are stored, which takes a third of the memory.
    contents: HashMap<Sha256, Box<[u8]>>,
    pages: HashMap<Sha256, BTreeMap<u32, Vec<u8>>>,
    packs: BTreeMap<Ordinal, PackName>,
    damaged: Vec<Key>,
}

/// Why a content cannot be had at that moment.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Unreadable {
    /// No row speaks of it.
    #[error("it is missing")]
    Unknown,
    /// Its rows cannot be understood.
    #[error("its rows are damaged: {0}")]
    Row(String),
    /// A pack that it lies in is not there.
    #[error("pack {0}, in which it lies, is missing")]
    NoPack(String),
    /// What lies there is something else.
    #[error("pack {name}, in which it lies, is damaged: {what}")]
    Damaged {
        /// The name of the pack.
        name: String,
        /// What is wrong with it.
        what: String,
    },
}

impl ContentRows {
    /// Looks at a row; those of others are passed over.
    pub fn note(&mut self, key: &Key, value: &[u8]) {
        if let Some(ContentKey::Row(sha256)) = ContentKey::read(key) {
            match Content::decode(value) {
                Ok(_) => drop(self.contents.insert(sha256, value.into())),
                Err(_) => self.damaged.push(key.clone()),
            }
        } else if let Some((sha256, page)) = rows::layout_page_of(key) {
            self.pages.entry(sha256).or_default().insert(page, value.to_vec());
        } else if let Some(PackKey::Row(ordinal)) = PackKey::read(key) {
            match rows::Pack::decode(value) {
                Ok(pack) => {
                    let name = PackName { id: PackId::from_bytes(pack.id), generation: Generation(pack.generation) };
                    self.packs.insert(ordinal, name);
                }
                Err(_) => self.damaged.push(key.clone()),
            }
        }
    }

    /// Keys of rows that cannot be understood.
    pub fn damaged(&self) -> &[Key] {
        &self.damaged
    }

    /// Every content that there is, with its length in bytes.
    pub fn contents(&self) -> impl Iterator<Item = (Digest, u64)> + '_ {
        let size = |row: &[u8]| Content::decode(row).map_or(0, |content| content.size_bytes);
        self.contents.iter().map(move |(sha256, row)| (Digest::sha256(*sha256), size(row)))
    }

    /// The length of a content in bytes; none if no row speaks of it.
    pub fn size(&self, digest: &Digest) -> Option<u64> {
        Some(self.content(digest)?.1.size_bytes)
    }

    /// The packs that have a row.
    pub fn packs(&self) -> impl Iterator<Item = PackName> + '_ {
        self.packs.values().copied()
    }

    /// The packs in which a content lies, with the numbers of the frames that it is made of.
    ///
    /// # Errors
    /// If its rows say nothing of it, or nothing that can be understood.
    pub fn packs_of(&self, digest: &Digest) -> Result<BTreeMap<PackName, Slots>, Unreadable> {
        let mut packs: BTreeMap<PackName, Slots> = BTreeMap::new();
        for extent in self.layout(digest)?.iter().flat_map(Layout::extents) {
            packs.entry(self.pack(extent.pack)?).or_default().add(extent.first_slot, extent.slots);
        }
        Ok(packs)
    }

    /// Whether a row is needed for some of the contents, which lie in some packs.
    pub fn is_row_of(&self, key: &Key, contents: &BTreeSet<Digest>, packs: &BTreeSet<PackName>) -> bool {
        let wanted = |sha256: &Sha256| contents.contains(&Digest::sha256(*sha256));
        match RowOf::read(key) {
            Some(RowOf::Content(sha256)) => wanted(&sha256),
            Some(RowOf::Pack(ordinal)) => self.packs.get(&ordinal).is_some_and(|name| packs.contains(name)),
            Some(RowOf::Both(one, other)) => wanted(&one) && wanted(&other),
            None => false,
        }
    }

    /// Reads a content whole, for those that are known to be small, and compares it with its name.
    ///
    /// # Errors
    /// If it is not there, or not what its name says.
    pub fn read(&self, digest: &Digest, from: &PackCopies) -> Result<Vec<u8>, Unreadable> {
        let (sha256, content) = self.content(digest).ok_or(Unreadable::Unknown)?;
        if let Place::Inline(bytes) = &content.place {
            return Ok(bytes.to_vec());
        }
        let (mut bytes, mut decoder) = (Vec::new(), Decoder::default());
        for extent in self.layout(digest)?.iter().flat_map(Layout::extents) {
            let name = self.pack(extent.pack)?;
            let damaged = |what: String| Unreadable::Damaged { name: name.to_string(), what };
            let (reader, footer) = from.folder().read(name).map_err(|fault| damaged(fault.to_string()))?;
            let first = usize::from(extent.first_slot);
            let slots = footer.slots.get(first..first + usize::from(extent.slots));
            for slot in slots.ok_or_else(|| damaged("it has fewer frames".to_owned()))? {
                let stored = reader.frame(slot).map_err(|fault| damaged(fault.to_string()))?;
                let mut plain = vec![0; slot.plain_len as usize];
                decoder
                    .decode(slot.encoding, &stored, slot.plain_len as usize, &mut plain)
                    .map_err(|error| damaged(error.to_string()))?;
                bytes.extend_from_slice(&plain);
            }
        }
        match Sha256::from(Hasher::digest(&bytes)) == sha256 {
            true => Ok(bytes),
            false => Err(Unreadable::Row("other bytes lie where they say".to_owned())),
        }
    }

    fn content(&self, digest: &Digest) -> Option<(Sha256, Content)> {
        let sha256 = Sha256::try_from(digest.as_bytes()).ok()?;
        Some((sha256, Content::decode(self.contents.get(&sha256)?).ok()?))
    }

    /// Where a content lies; none if its bytes stand in its row.
    fn layout(&self, digest: &Digest) -> Result<Option<Layout>, Unreadable> {
        let (sha256, content) = self.content(digest).ok_or(Unreadable::Unknown)?;
        let damaged = |error: rows::RowError| Unreadable::Row(error.to_string());
        match &content.place {
            Place::Inline(_) => Ok(None),
            Place::Packed(layout) => Ok(Some(layout.clone())),
            Place::Paged(paged) => {
                let pages = self.pages.get(&sha256).into_iter().flat_map(BTreeMap::values).map(Vec::as_slice);
                Layout::from_pages(paged, content.size_bytes, pages).map(Some).map_err(damaged)
            }
        }
    }

    fn pack(&self, ordinal: Ordinal) -> Result<PackName, Unreadable> {
        self.packs.get(&ordinal).copied().ok_or_else(|| Unreadable::NoPack(format!("number {}", ordinal.0)))
    }
}
