//! The contents of a folder, a data folder or one of backups: in packs, and loose ones of before.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::path::Path;

use star_artifact::{CheckedPack, ContentRows, Contents, PackCopies, PackCopyError, PackName, Unreadable};
use star_path::Digest;

use super::error::Trouble;

/// The contents below a folder.
#[derive(Debug)]
pub(crate) struct Held {
    pub(crate) packs: PackCopies,
    pub(crate) loose: Contents,
}

impl Held {
    /// Those below a folder, which must be there.
    pub(crate) fn below(dir: &Path) -> Result<Held, Trouble> {
        Ok(Held { packs: PackCopies::below(dir)?, loose: Contents::below(dir) })
    }

    /// The bytes of a content that is known to be small; none if they cannot be had.
    pub(crate) fn read(&self, rows: &ContentRows, digest: &Digest) -> Option<Vec<u8>> {
        rows.read(digest, &self.packs).ok().or_else(|| self.loose.read(digest).ok())
    }
}

/// What is known of a pack.
#[derive(Debug, Clone, Default)]
struct Known {
    frames: usize,
    damaged: Vec<u16>,
}

/// The packs of a folder, as far as somebody looked at them.
#[derive(Debug, Default)]
pub(crate) struct KnownPacks(HashMap<PackName, Option<Known>>);

impl KnownPacks {
    /// Takes in what reading a pack came to.
    pub(crate) fn note(&mut self, name: PackName, checked: &CheckedPack) {
        let known = Known { frames: checked.frames, damaged: checked.damaged.clone() };
        self.0.insert(name, Some(known));
    }

    /// What is known of a pack, of which at least its footer is read; none if there is none.
    fn get(&mut self, held: &Held, name: PackName) -> Result<Option<&Known>, Trouble> {
        if let Entry::Vacant(vacant) = self.0.entry(name) {
            let frames = match held.packs.frames(name) {
                // Told where packs are read.
                Err(PackCopyError::Damaged { .. }) => None,
                frames => frames?,
            };
            vacant.insert(frames.map(|frames| Known { frames, ..Known::default() }));
        }
        Ok(self.0.get(&name).and_then(Option::as_ref))
    }
}

/// A look for contents in a folder.
pub(crate) struct Looked<'a> {
    held: &'a Held,
    rows: &'a ContentRows,
    packs: &'a mut KnownPacks,
}

impl<'a> Looked<'a> {
    /// Begins to look.
    pub(crate) fn begin(held: &'a Held, rows: &'a ContentRows, packs: &'a mut KnownPacks) -> Looked<'a> {
        Looked { held, rows, packs }
    }

    /// The length of a content in bytes, if somebody speaks of it.
    pub(crate) fn size(&self, digest: &Digest) -> Result<Option<u64>, Trouble> {
        match self.rows.size(digest) {
            Some(size) => Ok(Some(size)),
            None => Ok(self.held.loose.size(digest)?),
        }
    }

    /// What keeps a content from being had; none if all of it is there.
    pub(crate) fn trouble(&mut self, digest: &Digest) -> Result<Option<Unreadable>, Trouble> {
        let packs = match self.rows.packs_of(digest) {
            Ok(packs) => packs,
            Err(_) if self.held.loose.size(digest)?.is_some() => return Ok(None),
            Err(error) => return Ok(Some(error)),
        };
        for (name, slots) in packs {
            let Some(known) = self.packs.get(self.held, name)? else {
                return Ok(Some(Unreadable::NoPack(name.to_string())));
            };
            let is_lost = |slot: u16| usize::from(slot) >= known.frames || known.damaged.contains(&slot);
            if let Some(lost) = slots.iter().find(|slot| is_lost(*slot)) {
                let what = format!("frame {lost} of {} is not what was written", known.frames);
                return Ok(Some(Unreadable::Damaged { name: name.to_string(), what }));
            }
        }
        Ok(None)
    }
}
