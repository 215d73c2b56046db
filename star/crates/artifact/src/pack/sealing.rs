//! How an open pack becomes one that is never written again.
//!
//! Footer and trailer behind the last frame, the room taken ahead cut off, all of it synced, the
//! file frozen, moved to its place, both directories synced. Up to the move the pack is open, and
//! its log is what counts; from there on its footer is.

use std::io::IoSlice;
use std::path::Path;

use super::disk::DiskFile;
use super::{Fault, Footer, Header, OpenPack, PackName, Slot, WriteError};

/// A pack that was sealed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sealed {
    /// Its name.
    pub name: PackName,
    /// What is in it.
    pub footer: Footer,
    /// Length of its file in bytes.
    pub file_bytes: u64,
}

/// A pack that could not be sealed, and why. It is still open: what is durable in it is so, and
/// unless the error says otherwise it can be sealed later.
#[derive(Debug, thiserror::Error)]
#[error("could not seal pack {}", pack.name())]
pub struct Unsealed {
    /// The pack.
    pub pack: OpenPack,
    /// Why it was not sealed.
    #[source]
    pub error: WriteError,
}

impl OpenPack {
    /// Seals the pack, durably: all its frames are durable then, synced before or not. Blocks.
    ///
    /// # Errors
    /// With the pack, if there is nothing in it, if the disk is full or fails, or after a failed sync.
    pub fn seal(self) -> Result<Sealed, Box<Unsealed>> {
        match self.try_seal() {
            Ok(file_bytes) => {
                let name = self.name();
                Ok(Sealed { name, footer: Footer { header: self.header, slots: self.slots }, file_bytes })
            }
            Err(error) => Err(Box::new(Unsealed { pack: self, error })),
        }
    }

    fn try_seal(&self) -> Result<u64, WriteError> {
        let (files, folder, name) = (&self.files, &self.folder, self.name());
        files.usable()?;
        if self.slots.is_empty() {
            return Err(WriteError::Empty);
        }
        let (file, path) = (&*files.pack, &files.pack_path);
        let file_bytes = finish(file, path, &self.header, &self.slots).map_err(WriteError::undone)?;
        files.alone(|| file.sync().map_err(Fault::io(path, "sync")))?;
        file.freeze().map_err(Fault::io(path, "freeze")).map_err(WriteError::undone)?;
        folder.place(name).map_err(WriteError::undone)?;
        files.alone(|| folder.sync_place(name))?;
        files.note_durable(self.slots.len() as u32);
        if let Err(left) = folder.remove_log(name) {
            tracing::warn!(%left, "the log of a sealed pack stays until the next start");
        }
        Ok(file_bytes)
    }
}

/// Writes footer and trailer behind the frames and cuts what follows. Gives the length of the file.
pub(crate) fn finish(file: &dyn DiskFile, path: &Path, header: &Header, slots: &[Slot]) -> Result<u64, Fault> {
    let end = Footer::encode(header, slots).map_err(|flaw| flaw.of(path))?;
    let footer_at = slots.last().map_or(0, Slot::end);
    file.write_all_at(&mut [IoSlice::new(&end)], footer_at).map_err(Fault::io(path, "write"))?;
    let len = footer_at + end.len() as u64;
    file.set_len(len).map_err(Fault::io(path, "cut"))?;
    Ok(len)
}
