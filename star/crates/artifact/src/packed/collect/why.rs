//! Why a content is still there.

use star_core::find::referring;
use star_path::{Digest, ResourcePath};

use super::{CollectError, contents};
use crate::packed::limits;
use crate::packed::metadata::Stored;
use crate::packed::store::PackedStore;
use crate::rows::Sha256;

/// What keeps a content.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Why {
    /// Resources that have it as their bytes; the first ones, where there are many.
    pub resources: Vec<ResourcePath>,
    /// Contents that name it; the first ones, where there are many.
    pub named_by: Vec<Digest>,
    /// Whether somebody sent it and has not referred to it yet.
    pub awaited: bool,
    /// Whether it is condemned, and goes unless somebody refers to it.
    pub condemned: bool,
}

impl PackedStore {
    /// Why a content is there; none if it is not.
    ///
    /// # Errors
    /// If the rows of it cannot be read.
    pub async fn why(&self, digest: &Digest) -> Result<Option<Why>, CollectError> {
        let Ok(sha256) = Sha256::try_from(digest.as_bytes()) else { return Ok(None) };
        let awaited = self.inner.pending.get(&sha256).is_some();
        let stored = self.inner.stored(&sha256).await?;
        let condemned = matches!(stored, Stored::Condemned(_));
        if !awaited && stored.content().is_none() {
            return Ok(None);
        }
        let resources = referring::to_content(&self.inner.meta, digest, limits::WHY).await;
        let named_by = contents::naming(&self.inner, &sha256, limits::WHY).await?;
        Ok(Some(Why {
            resources: resources.map_err(CollectError::Referring)?,
            named_by: named_by.into_iter().map(Digest::sha256).collect(),
            awaited,
            condemned,
        }))
    }
}
