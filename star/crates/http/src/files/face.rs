//! The form in which a content goes out: plain, or as it lies in the store, for those who decode it.
//!
//! Both are representations of the same content, each with its own length, ranges and tag. Which one is
//! taken is told in `Vary`, whichever it is.

use axum::body::Body;
use axum::http::header::{ACCEPT_ENCODING, CONTENT_ENCODING, ETAG, VARY};
use axum::http::{HeaderMap, HeaderValue};
use star_core::ports::content::{ByteRange, Coding, ContentError, ContentRef, ContentStore, Reading, StoredForm};

use super::{conditions, encodings};

/// A content in the form in which it goes out.
pub(crate) struct Face<'c> {
    content: &'c ContentRef,
    stored: Option<StoredForm>,
    tag: String,
}

impl<'c> Face<'c> {
    /// The form that a request takes best.
    ///
    /// # Errors
    /// The store does not know how the content lies.
    pub(crate) async fn choose(
        store: &dyn ContentStore,
        headers: &HeaderMap,
        content: &'c ContentRef,
    ) -> Result<Face<'c>, ContentError> {
        let stored = if encodings::takes_zstd(headers) { store.stored_form(content).await? } else { None };
        let tag = match &stored {
            Some(form) => conditions::tag_of_stored(&content.digest, form),
            None => conditions::tag_of(&content.digest),
        };
        Ok(Face { content, stored, tag })
    }

    /// Its strong entity tag.
    pub(crate) fn tag(&self) -> &str {
        &self.tag
    }

    /// Its length in bytes.
    pub(crate) fn size_bytes(&self) -> u64 {
        self.stored.map_or(self.content.size_bytes, |form| form.size_bytes)
    }

    /// Its bytes, or a range of them.
    ///
    /// # Errors
    /// What the store says; behind the beginning it is an error of the body.
    pub(crate) async fn body(&self, store: &dyn ContentStore, part: Option<ByteRange>) -> Result<Body, ContentError> {
        let reading = match self.stored {
            Some(form) => store.read_stored(self.content, form, part).await?,
            None => store.read(self.content, part).await?,
        };
        Ok(match reading {
            Reading::Whole(bytes) => Body::from(bytes),
            Reading::Stream(stream) => Body::from_stream(stream),
        })
    }

    /// Says in an answer which form it is.
    pub(crate) fn mark(self, headers: &mut HeaderMap) {
        let tag = HeaderValue::try_from(self.tag).expect("digests and numbers are printable ASCII");
        headers.insert(ETAG, tag);
        headers.insert(VARY, HeaderValue::from_name(ACCEPT_ENCODING));
        if let Some(StoredForm { coding: Coding::Zstd, .. }) = self.stored {
            headers.insert(CONTENT_ENCODING, HeaderValue::from_static("zstd"));
        }
    }
}
