//! Contents that are given out whole and kept in memory once read, in both forms: a page is asked for
//! more often plain than its bytes are worth decoding again, and browsers take the shorter form.

use std::sync::Arc;

use bytes::{Bytes, BytesMut};
use quick_cache::Weighter;
use quick_cache::sync::Cache;
use star_core::ports::content::ContentError;

use super::aborted;
use super::decoded::decode;
use super::source::{ReadError, Source};
use crate::chunk::Encoding;
use crate::packed::limits;
use crate::rows::Sha256;

/// Small contents that were read lately.
pub(crate) type SmallContents = Cache<Sha256, Small, BySize>;

/// A content in memory.
#[derive(Debug, Clone)]
pub(crate) struct Small {
    plain: Bytes,
    /// As it lies, where that is shorter.
    stored: Option<Bytes>,
}

/// Counts what a small content takes of the memory.
#[derive(Clone)]
pub(crate) struct BySize;

impl Weighter<Sha256, Small> for BySize {
    fn weight(&self, _: &Sha256, small: &Small) -> u64 {
        let stored = small.stored.as_ref().map_or(0, Bytes::len);
        (small.plain.len() + stored) as u64 + limits::SMALL_ENTRY_BYTES
    }
}

impl Small {
    /// A content that stands in its row, plain.
    pub(super) fn inline(plain: Bytes) -> Small {
        Small { plain, stored: None }
    }

    pub(super) fn plain(&self) -> &Bytes {
        &self.plain
    }

    pub(super) fn stored(&self) -> Option<&Bytes> {
        self.stored.as_ref()
    }
}

/// Reads all of a content, and compares it with its checksums.
pub(super) async fn load(source: Arc<Source>) -> Result<Small, ReadError> {
    let share = Arc::clone(&source.inner.decodes).acquire_owned().await.map_err(aborted)?;
    let loading = tokio::task::spawn_blocking(move || {
        let _share = share;
        read(&source)
    });
    loading.await.map_err(aborted)?
}

fn read(source: &Source) -> Result<Small, ReadError> {
    let (mut plain, mut stored) = (BytesMut::new(), BytesMut::new());
    for extent in source.layout().extents() {
        let failed = |error| source.failed(extent.pack, error);
        let (reader, slots) = source.inner.packs.slots(extent).map_err(failed)?;
        for slot in slots {
            let frame = reader.frame(&slot).map_err(|fault| failed(fault.into()))?;
            plain.extend_from_slice(&decode(&source.inner, &source.digest, extent.pack, &slot, &frame)?);
            stored.extend_from_slice(&frame);
        }
    }
    if plain.len() as u64 != source.plain_len() {
        let what = format!("its frames hold {} bytes instead of {}", plain.len(), source.plain_len());
        return Err(ContentError::Corrupt { digest: source.digest.clone(), what }.into());
    }
    let is_of_use = source.encoding() == Encoding::Zstd && stored.len() < plain.len();
    Ok(Small { plain: plain.freeze(), stored: is_of_use.then(|| stored.freeze()) })
}
