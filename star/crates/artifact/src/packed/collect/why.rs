//! Why a content is still there.

use std::sync::Arc;

use star_core::find::referring;
use star_core::ports::content::{UpkeepError, Why};
use star_path::Digest;

use super::contents;
use crate::packed::limits;
use crate::packed::metadata::Stored;
use crate::packed::store::Inner;
use crate::rows::Sha256;

/// What keeps a content; none if it is not there.
pub(super) async fn why(inner: &Arc<Inner>, digest: &Digest) -> Result<Option<Why>, UpkeepError> {
    let Ok(sha256) = Sha256::try_from(digest.as_bytes()) else { return Ok(None) };
    let awaited = inner.pending.get(&sha256).is_some();
    let stored = inner.stored(&sha256).await?;
    let condemned = matches!(stored, Stored::Condemned(_));
    if !awaited && stored.content().is_none() {
        return Ok(None);
    }
    let resources = referring::to_content(&inner.meta, digest, limits::WHY).await;
    let named_by = contents::naming(inner, &sha256, limits::WHY).await?;
    Ok(Some(Why {
        resources: resources.map_err(UpkeepError::Referring)?,
        named_by: named_by.into_iter().map(Digest::sha256).collect(),
        awaited,
        condemned,
    }))
}
