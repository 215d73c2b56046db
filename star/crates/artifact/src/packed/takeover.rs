//! A folder of loose contents becomes one of packs.
//!
//! Owns the folder's side of it. Which contents name which others only the caller knows, so it goes
//! through them and [`keeps`](PackedStore::keep) each; a run that is cut off is gone on with at the next
//! start, which finds what is left.

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use star_core::ports::content::{ContentError, ContentRef, Reference};
use star_path::Digest;

use super::format;
use super::open::{OpenError, failed};
use super::store::PackedStore;
use crate::loose::Contents;

/// Where loose contents are put that are not what their name says.
const DAMAGED: &str = "damaged";

impl PackedStore {
    /// The loose contents that are in the folder of this store and still have to be taken in; none if
    /// there are none.
    pub fn loose(&self) -> Option<Contents> {
        self.inner.is_loose.then(|| Contents::at(&self.inner.dir))
    }

    /// Writes the rows of a content that was taken in and that resources refer to already.
    ///
    /// # Errors
    /// [`ContentError::Unknown`] if it is not there; otherwise if the rows could not be written.
    pub async fn keep(&self, content: &ContentRef) -> Result<(), ContentError> {
        let Reference { preconditions, operations } = self.inner.refer(content).await?;
        if operations.is_empty() {
            return Ok(());
        }
        self.inner.commit(preconditions, operations).await
    }

    /// Takes a loose content out of the folder that was taken in. Blocks.
    ///
    /// # Errors
    /// If the disk refuses.
    pub fn drop_loose(&self, digest: &Digest) -> io::Result<()> {
        match Contents::at(&self.inner.dir).path(digest) {
            Some(path) => fs::remove_file(path),
            None => Ok(()),
        }
    }

    /// Puts a loose content aside that is not what its name says, and says where it is. Blocks.
    ///
    /// # Errors
    /// If the disk refuses.
    pub fn put_aside(&self, digest: &Digest) -> io::Result<PathBuf> {
        let (dir, from) = (self.inner.dir.join(DAMAGED), Contents::at(&self.inner.dir).path(digest));
        let into = dir.join(&*digest.hex());
        fs::create_dir_all(&dir)?;
        if let Some(from) = from {
            fs::rename(from, &into)?;
            File::open(&dir)?.sync_all()?;
        }
        Ok(into)
    }

    /// Removes what loose contents lay in, and marks the folder as one of packs.
    ///
    /// # Errors
    /// If the disk refuses; the next start tries again.
    pub async fn taken_over(self: &Arc<Self>) -> Result<(), OpenError> {
        let dir = self.inner.dir.clone();
        let clear = tokio::task::spawn_blocking(move || {
            clear(&dir)?;
            format::write(&dir).map_err(failed("mark", &dir))
        });
        clear.await.unwrap_or_else(|error| Err(failed("clear", &self.inner.dir)(io::Error::other(error))))
    }
}

/// Removes the directories of loose contents, which are empty by now. One that is not has something in it
/// that was never a content, and stays.
fn clear(dir: &Path) -> Result<(), OpenError> {
    for entry in fs::read_dir(dir).map_err(failed("list", dir))? {
        let path = entry.map_err(failed("list", dir))?.path();
        let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
        let removed = match name {
            "tmp" => fs::remove_dir_all(&path),
            name if format::is_shard(name) => fs::remove_dir(&path),
            _ => continue,
        };
        match removed {
            Err(error) if error.kind() == io::ErrorKind::DirectoryNotEmpty => {
                tracing::warn!(folder = %path.display(), "files that are no contents were left where they are");
            }
            removed => removed.map_err(failed("remove", &path))?,
        }
    }
    Ok(())
}
