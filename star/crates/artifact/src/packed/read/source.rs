//! Where a content lies: found when it is opened, and once more when a pack is gone by the time that it
//! is wanted.

use std::future::Future;
use std::sync::Arc;

use star_core::ports::content::{ContentError, ContentRef};
use star_path::Digest;

use super::small::{self, Small};
use crate::chunk::Encoding;
use crate::packed::limits;
use crate::packed::metadata::{inline, layout};
use crate::packed::packs::PackError;
use crate::packed::store::Inner;
use crate::rows::{Content, Layout, Ordinal, Place, Sha256};

/// A content that was found.
pub(super) enum Found {
    /// It is in memory.
    Small(Small),
    /// It comes out of packs.
    Large(Source),
}

/// A content in packs, and where.
pub(super) struct Source {
    pub(super) inner: Arc<Inner>,
    pub(super) digest: Digest,
    sha256: Sha256,
    layout: Arc<Layout>,
    /// How often it may still be found out again where it lies.
    attempts: usize,
}

/// Why something of a content could not be had.
pub(super) enum ReadError {
    /// A pack is gone: the content lies elsewhere by now.
    Gone(Ordinal),
    /// It cannot be had.
    Content(ContentError),
}

impl From<ContentError> for ReadError {
    fn from(error: ContentError) -> ReadError {
        ReadError::Content(error)
    }
}

/// Finds a content.
pub(super) async fn find(inner: &Arc<Inner>, content: &ContentRef) -> Result<Found, ContentError> {
    let Ok(sha256) = Sha256::try_from(content.digest.as_bytes()) else {
        return Err(ContentError::Unknown(content.digest.clone()));
    };
    let small = inner.small.get(&sha256);
    inner.meters.small.note(small.is_some());
    if let Some(small) = small {
        return Ok(Found::Small(small));
    }
    let row = row(inner, &sha256).await?;
    if let Some(bytes) = inline(&row) {
        let small = Small::inline(bytes.clone());
        inner.small.insert(sha256, small.clone());
        return Ok(Found::Small(small));
    }
    let (digest, layout) = (content.digest.clone(), layout_of(inner, &sha256, &row).await?);
    let (inner, attempts) = (Arc::clone(inner), limits::READ_ATTEMPTS);
    let mut source = Source { inner, digest, sha256, layout, attempts };
    if row.size_bytes > limits::SMALL_BYTES {
        return Ok(Found::Large(source));
    }
    let small = source.insist(small::load).await?;
    source.inner.small.insert(sha256, small.clone());
    Ok(Found::Small(small))
}

impl Source {
    pub(super) fn encoding(&self) -> Encoding {
        self.layout.encoding()
    }

    pub(super) fn plain_len(&self) -> u64 {
        self.layout.plain_len()
    }

    pub(super) fn stored_len(&self) -> u64 {
        self.layout.stored_len()
    }

    pub(super) fn layout(&self) -> &Layout {
        &self.layout
    }

    /// What becomes of an error of a pack.
    pub(super) fn failed(&self, pack: Ordinal, error: PackError) -> ReadError {
        match error {
            PackError::Gone(pack) => ReadError::Gone(pack),
            error => self.inner.unreadable(&self.digest, pack, error).into(),
        }
    }

    /// Does something with the content, and once more where it lies by then if a pack is gone. Both forms
    /// have the same bytes at the same places wherever the frames lie, so that whoever is in the midst of
    /// it goes on where he was.
    pub(super) async fn insist<T, F>(&mut self, work: impl Fn(Arc<Source>) -> F) -> Result<T, ContentError>
    where
        F: Future<Output = Result<T, ReadError>>,
    {
        loop {
            match work(Arc::new(self.same())).await {
                Ok(done) => return Ok(done),
                Err(ReadError::Content(error)) => return Err(error),
                Err(ReadError::Gone(pack)) if self.attempts == 0 => return Err(self.lost(pack)),
                Err(ReadError::Gone(pack)) => {
                    tracing::debug!(content = %self.digest, pack = pack.0, "the content lies elsewhere by now");
                    self.attempts -= 1;
                    self.find_again().await?;
                }
            }
        }
    }

    fn same(&self) -> Source {
        let Source { inner, digest, sha256, layout, attempts } = self;
        let (inner, layout) = (Arc::clone(inner), Arc::clone(layout));
        Source { inner, digest: digest.clone(), sha256: *sha256, layout, attempts: *attempts }
    }

    async fn find_again(&mut self) -> Result<(), ContentError> {
        let row = row(&self.inner, &self.sha256).await?;
        let layout = layout_of(&self.inner, &self.sha256, &row).await?;
        let form = |layout: &Layout| (layout.encoding(), layout.plain_len(), layout.stored_len());
        if form(&layout) != form(&self.layout) {
            // It was removed and taken in again meanwhile.
            return Err(ContentError::Unknown(self.digest.clone()));
        }
        self.layout = layout;
        Ok(())
    }

    fn lost(&self, pack: Ordinal) -> ContentError {
        let what = format!("pack {} is missing; restore its file from a backup", pack.0);
        ContentError::Corrupt { digest: self.digest.clone(), what }
    }
}

async fn row(inner: &Inner, sha256: &Sha256) -> Result<Content, ContentError> {
    inner.content(sha256).await?.ok_or_else(|| ContentError::Unknown(Digest::sha256(*sha256)))
}

async fn layout_of(inner: &Inner, sha256: &Sha256, content: &Content) -> Result<Arc<Layout>, ContentError> {
    match &content.place {
        Place::Packed(layout) => Ok(Arc::new(layout.clone())),
        Place::Paged(paged) => Ok(Arc::new(layout(inner, sha256, content, paged).await?)),
        Place::Inline(_) => Err(ContentError::Unknown(Digest::sha256(*sha256))),
    }
}
