//! What becomes of a pack whose bytes are not those that were written.
//!
//! It is quarantined until the next start: nothing of it is shared any more, and what of it is whole is
//! still read. Whoever was just reading it gets an error. A content of it that is sent again is stored anew,
//! and lies there from then on.

use star_core::ports::content::{ContentError, UpkeepError};
use star_path::Digest;

use super::collect::replace_layout;
use super::limits;
use super::metadata::extents;
use super::packs::{Pack, PackError};
use super::store::Inner;
use crate::pack::Fault;
use crate::rows::{Extent, Layout, Ordinal, Sha256};

impl Inner {
    /// The error for whoever reads a content, of a pack that could not be read; a pack that is damaged is
    /// quarantined.
    pub(crate) fn unreadable(&self, digest: &Digest, pack: Ordinal, error: PackError) -> ContentError {
        match error {
            PackError::Unopened { source, .. } => ContentError::Io { action: "open a pack", source },
            PackError::Fault(Fault::Io { action, source, .. }) => ContentError::Io { action, source },
            error => {
                let what = error.to_string();
                if matches!(error, PackError::Fault(_)) {
                    self.quarantine(digest, pack, &what);
                }
                ContentError::Corrupt { digest: digest.clone(), what }
            }
        }
    }

    /// Quarantines a pack in which a content lies. `what` says what is wrong, and at which offset.
    pub(crate) fn quarantine(&self, digest: &Digest, pack: Ordinal, what: &str) {
        let Some(known) = self.packs.get(pack) else { return };
        tracing::error!(pack = %known.name, content = %digest, damage = what, "a pack is damaged; nothing more is shared of it");
        self.set_aside(&known);
    }

    /// Quarantines a pack that was looked at for its own sake.
    pub(crate) fn quarantine_pack(&self, pack: &Pack, what: &str) {
        tracing::error!(pack = %pack.name, damage = what, "a pack is damaged; nothing more is shared of it");
        self.set_aside(pack);
    }

    fn set_aside(&self, pack: &Pack) {
        if pack.quarantine() {
            self.table.forget_packs(|ordinal| ordinal == pack.ordinal);
        }
    }

    /// Lays a content where it was just stored once more, if it lay in a pack that is quarantined.
    pub(crate) async fn mend(&self, sha256: &Sha256, stored: Layout) -> Result<(), ContentError> {
        let is_lost = |extent: &Extent| self.packs.get(extent.pack).is_none_or(|pack| pack.is_quarantined());
        let digest = Digest::sha256(*sha256);
        let _turn = self.collecting.acquire().await.map_err(std::io::Error::other).map_err(unmended)?;
        let Some(content) = self.stored(sha256).await?.content() else { return Ok(()) };
        let before = extents(self, sha256, &content).await?;
        if !before.iter().any(is_lost) {
            return Ok(());
        }
        if stored.extents().len() > limits::REWRITE_EXTENTS {
            tracing::warn!(content = %digest, "a damaged content is in too many pieces; remove it and send it again");
            return Ok(());
        }
        match replace_layout(self, sha256, content, &before, stored).await {
            Ok(true) => tracing::info!(content = %digest, "a content that was damaged was sent again and is whole"),
            Ok(false) => tracing::warn!(content = %digest, "a damaged content changed meanwhile; send it once more"),
            Err(UpkeepError::Content(error)) => return Err(error),
            Err(error) => return Err(unmended(std::io::Error::other(error))),
        }
        Ok(())
    }
}

fn unmended(source: std::io::Error) -> ContentError {
    ContentError::Io { action: "mend a content", source }
}
