//! A content on its way out, in one of two forms: its plain bytes ([`plain()`]), or the form in which it
//! lies ([`stored()`]), which [`stored_form`] tells of.
//!
//! [`source`] finds where a content lies, and again when packs move meanwhile. [`small`] are those that
//! come whole out of memory. [`as_it_lies`] sends bytes as the packs hold them, [`decoded`] what the
//! frames hold.

mod as_it_lies;
mod decoded;
pub(crate) mod small;
mod source;

use std::sync::Arc;

use bytes::Bytes;
use star_core::ports::content::{ByteRange, Coding, ContentError, ContentRef, Reading, StoredForm};

use self::source::{Found, Source, find};
use super::store::Inner;
use crate::chunk::Encoding;

/// Reads plain bytes: what is stored as it is goes out as it lies, the rest is decoded.
pub(crate) async fn plain(
    inner: &Arc<Inner>,
    content: &ContentRef,
    range: Option<ByteRange>,
) -> Result<Reading, ContentError> {
    match find(inner, content).await? {
        Found::Small(small) => part(small.plain(), range, content).map(Reading::Whole),
        Found::Large(source) => {
            let range = inside(range, source.plain_len(), content)?;
            let stream = match source.encoding() {
                Encoding::Raw => as_it_lies::stream(source, range).await?,
                Encoding::Zstd => decoded::stream(source, range).await?,
            };
            Ok(Reading::Stream(stream))
        }
    }
}

/// The form in which a content lies, if it is shorter than the plain bytes.
pub(crate) async fn stored_form(inner: &Arc<Inner>, content: &ContentRef) -> Result<Option<StoredForm>, ContentError> {
    Ok(match find(inner, content).await? {
        Found::Small(small) => small.stored().map(|stored| zstd(stored.len() as u64)),
        Found::Large(source) => form_of(&source),
    })
}

/// Reads the form in which a content lies.
pub(crate) async fn stored(
    inner: &Arc<Inner>,
    content: &ContentRef,
    form: StoredForm,
    range: Option<ByteRange>,
) -> Result<Reading, ContentError> {
    let other = || ContentError::no_stored_form(content);
    match find(inner, content).await? {
        Found::Small(small) => {
            let stored = small.stored().filter(|stored| zstd(stored.len() as u64) == form).ok_or_else(other)?;
            part(stored, range, content).map(Reading::Whole)
        }
        Found::Large(source) => {
            let form = form_of(&source).filter(|found| *found == form).ok_or_else(other)?;
            let range = inside(range, form.size_bytes, content)?;
            as_it_lies::stream(source, range).await.map(Reading::Stream)
        }
    }
}

fn form_of(source: &Source) -> Option<StoredForm> {
    let is_of_use = source.encoding() == Encoding::Zstd && source.stored_len() < source.plain_len();
    is_of_use.then(|| zstd(source.stored_len()))
}

fn zstd(size_bytes: u64) -> StoredForm {
    StoredForm { coding: Coding::Zstd, size_bytes }
}

/// A range of bytes that are in memory.
fn part(bytes: &Bytes, range: Option<ByteRange>, content: &ContentRef) -> Result<Bytes, ContentError> {
    let ByteRange { start, len } = inside(range, bytes.len() as u64, content)?;
    Ok(bytes.slice(start as usize..(start + len) as usize))
}

/// A range of a form of this length, or all of it.
fn inside(range: Option<ByteRange>, size_bytes: u64, content: &ContentRef) -> Result<ByteRange, ContentError> {
    let range = range.unwrap_or(ByteRange { start: 0, len: size_bytes });
    if range.start.checked_add(range.len).is_some_and(|end| end <= size_bytes) {
        return Ok(range);
    }
    let (start, digest) = (range.start, &content.digest);
    let what = format!("{} bytes from {start} on were asked of {size_bytes} of content {digest}", range.len);
    Err(ContentError::Io { action: "read outside of a content", source: std::io::Error::other(what) })
}

/// The error of work on a thread that ended early.
fn aborted(error: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> ContentError {
    ContentError::Io { action: "read a content", source: std::io::Error::other(error) }
}
