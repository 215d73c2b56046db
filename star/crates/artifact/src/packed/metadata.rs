//! What the metadata store says of contents, read and written.

use bytes::Bytes;
use star_core::ports::content::ContentError;
use star_core::ports::meta::{CommitError, Operation, Precondition, ReadError};
use star_path::Digest;

use super::catalogue::batch;
use super::store::Inner;
use crate::rows::{self, Content, Extent, Layout, Paged, Place, Sha256};

/// What stands in the rows of a content.
#[derive(Debug)]
pub(crate) enum Stored {
    /// Nothing.
    Nothing,
    /// It may be referred to.
    Live(Content),
    /// Nobody referred to it, and it goes unless somebody does.
    Condemned(Content),
    /// It is gone, and rows that belonged to it are not yet.
    Gone(Content),
}

impl Stored {
    /// The content, if it can be read.
    pub(crate) fn content(self) -> Option<Content> {
        match self {
            Stored::Live(content) | Stored::Condemned(content) => Some(content),
            Stored::Nothing | Stored::Gone(_) => None,
        }
    }
}

impl Inner {
    /// A content, whether somebody refers to it or not.
    pub(crate) async fn content(&self, sha256: &Sha256) -> Result<Option<Content>, ContentError> {
        match self.pending.get(sha256) {
            Some(pending) => Ok(Some(pending.content.clone())),
            None => Ok(self.stored(sha256).await?.content()),
        }
    }

    /// What the rows of a content say, all read at one moment.
    pub(crate) async fn stored(&self, sha256: &Sha256) -> Result<Stored, ContentError> {
        let keys = [rows::content_key(sha256), rows::live_content(sha256), rows::gone_content(sha256)];
        let mut found = self.meta.read(&keys).await.map_err(unreadable)?.into_iter();
        let mut next = || found.next().flatten().map(|row| row.value);
        let (row, live, gone) = (next(), next(), next());
        let understood = |row: Bytes| understood(sha256, &row);
        Ok(match (row, live, gone) {
            (Some(row), Some(_), _) => Stored::Live(understood(row)?),
            (Some(row), None, _) => Stored::Condemned(understood(row)?),
            (None, _, Some(gone)) => Stored::Gone(understood(gone)?),
            (None, _, None) => Stored::Nothing,
        })
    }

    /// Writes rows of this store if they are as they should be; false if not.
    pub(crate) async fn commit_if(
        &self,
        preconditions: Vec<Precondition>,
        operations: Vec<Operation>,
    ) -> Result<bool, ContentError> {
        match self.meta.commit(batch(preconditions, operations)).await {
            Ok(_) => Ok(true),
            Err(CommitError::Conflict { .. }) => Ok(false),
            Err(CommitError::DiskFull) => Err(ContentError::DiskFull),
            Err(error) => Err(unwritable(error)),
        }
    }

    /// Writes rows of this store that are as they should be unless somebody was quicker.
    pub(crate) async fn commit(
        &self,
        preconditions: Vec<Precondition>,
        operations: Vec<Operation>,
    ) -> Result<(), ContentError> {
        match self.commit_if(preconditions, operations).await? {
            true => Ok(()),
            false => Err(unwritable("somebody else was there at the same time; try again")),
        }
    }
}

/// The layout of a content whose row names its pages.
pub(crate) async fn layout(
    inner: &Inner,
    sha256: &Sha256,
    content: &Content,
    paged: &Paged,
) -> Result<Layout, ContentError> {
    let keys: Vec<_> = (0..paged.pages).map(|page| rows::layout_page(sha256, page)).collect();
    let rows = inner.meta.read(&keys).await.map_err(unreadable)?;
    let pages: Option<Vec<Bytes>> = rows.into_iter().map(|row| row.map(|row| row.value)).collect();
    let pages = pages.ok_or_else(|| damaged(sha256, "a page of its layout is missing"))?;
    let layout = Layout::from_pages(paged, content.size_bytes, pages.iter().map(|page| &page[..]));
    layout.map_err(|error| damaged(sha256, error))
}

/// Where the bytes of a content lie.
pub(crate) async fn extents(inner: &Inner, sha256: &Sha256, content: &Content) -> Result<Vec<Extent>, ContentError> {
    match &content.place {
        Place::Inline(_) => Ok(Vec::new()),
        Place::Packed(layout) => Ok(layout.extents().to_vec()),
        Place::Paged(paged) => Ok(layout(inner, sha256, content, paged).await?.extents().to_vec()),
    }
}

/// Whether the bytes of a content stand in its row.
pub(crate) fn inline(content: &Content) -> Option<&Bytes> {
    match &content.place {
        Place::Inline(bytes) => Some(bytes),
        Place::Packed(_) | Place::Paged(_) => None,
    }
}

/// Reads the row of a content.
pub(crate) fn understood(sha256: &Sha256, row: &[u8]) -> Result<Content, ContentError> {
    Content::decode(row).map_err(|error| damaged(sha256, error))
}

pub(crate) fn unreadable(error: ReadError) -> ContentError {
    ContentError::Io { action: "read the row of a content", source: std::io::Error::other(error) }
}

pub(crate) fn unwritable(error: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> ContentError {
    ContentError::Io { action: "write the row of a content", source: std::io::Error::other(error) }
}

fn damaged(sha256: &Sha256, what: impl ToString) -> ContentError {
    ContentError::Corrupt { digest: Digest::sha256(*sha256), what: what.to_string() }
}
