//! Bytes on their way in: from the body of a request into the content store.

use std::io;

use axum::body::{Body, BodyDataStream};
use axum::http::HeaderMap;
use axum::http::header::CONTENT_LENGTH;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use futures::{Stream, StreamExt};
use star_core::ports::content::{ContentError, ContentRef, ContentStore, Expected};
use star_path::{Digest, ResourcePath};
use star_wire::{ErrorCode, StarError};

use crate::limits;

/// The body of a request, piece by piece.
///
/// When it is dropped before its end, what still comes is read and thrown away for a moment:
/// closing the connection under a client that writes would often take the answer from it as well.
pub(crate) struct Upload {
    body: Option<BodyDataStream>,
}

impl Upload {
    pub(crate) fn new(body: Body) -> Upload {
        Upload { body: Some(body.into_data_stream()) }
    }

    /// The next piece; none at the end. Safe to cancel.
    pub(crate) async fn next(&mut self) -> Option<io::Result<Bytes>> {
        let body = self.body.as_mut()?;
        match tokio::time::timeout(limits::UPLOAD_STALL, body.next()).await {
            Ok(Some(Ok(piece))) => Some(Ok(piece)),
            Ok(None) => {
                self.body = None;
                None
            }
            Ok(Some(Err(error))) => {
                self.body = None;
                Some(Err(io::Error::other(error)))
            }
            Err(_) => {
                self.body = None;
                let message = format!("nothing came for {} s", limits::UPLOAD_STALL.as_secs());
                Some(Err(io::Error::new(io::ErrorKind::TimedOut, message)))
            }
        }
    }

    /// The same as a stream.
    pub(crate) fn into_stream(self) -> impl Stream<Item = io::Result<Bytes>> + Send {
        futures::stream::unfold(self, async |mut upload| upload.next().await.map(|piece| (piece, upload)))
    }

    /// Takes all of it into a content, which is durable then.
    pub(crate) async fn keep(
        &mut self,
        store: &dyn ContentStore,
        expected: Expected,
        path: &ResourcePath,
    ) -> Result<ContentRef, StarError> {
        let refused = |error| refused(path, &error);
        let mut ingest = store.ingest(expected).await.map_err(refused)?;
        while let Some(piece) = self.next().await {
            ingest.write(piece.map_err(|error| cut(path, &error))?).await.map_err(refused)?;
        }
        ingest.finish().await.map_err(refused)
    }

    /// Whether nothing comes.
    pub(crate) async fn is_empty(&mut self) -> io::Result<bool> {
        while let Some(piece) = self.next().await {
            if !piece?.is_empty() {
                return Ok(false);
            }
        }
        Ok(true)
    }
}

impl Drop for Upload {
    fn drop(&mut self) {
        let (Some(mut body), Ok(runtime)) = (self.body.take(), tokio::runtime::Handle::try_current()) else { return };
        // Ends by itself, in bounded time.
        runtime.spawn(tokio::time::timeout(limits::UPLOAD_LINGER, async move {
            let mut seen = 0;
            while let Some(Ok(piece)) = body.next().await {
                seen += piece.len();
                if seen > limits::UPLOAD_LINGER_BYTES {
                    break;
                }
            }
        }));
    }
}

/// The length that was announced for a body.
pub(crate) fn announced_bytes(headers: &HeaderMap) -> Option<u64> {
    headers.get(CONTENT_LENGTH)?.to_str().ok()?.parse().ok()
}

/// The digest that was announced for a body: `Repr-Digest` or `Content-Digest` of RFC 9530, or
/// the `Digest` that came before them. Other algorithms are not looked at.
///
/// # Errors
/// `InvalidArgument` for a SHA-256 that cannot be read: nobody should believe it was checked.
pub(crate) fn announced_digest(headers: &HeaderMap) -> Result<Option<Digest>, StarError> {
    digest_in(headers, &["repr-digest", "content-digest", "digest"])
}

/// The same out of these headers alone.
pub(crate) fn digest_in(headers: &HeaderMap, names: &[&str]) -> Result<Option<Digest>, StarError> {
    let values = names.iter().flat_map(|name| headers.get_all(*name)).filter_map(|value| value.to_str().ok());
    for entry in values.flat_map(|line| line.split(',')) {
        let Some((algorithm, value)) = entry.trim().split_once('=') else { continue };
        if algorithm.eq_ignore_ascii_case("sha-256") {
            return match sha256(value) {
                Some(digest) => Ok(Some(digest)),
                None => Err(StarError::new(ErrorCode::InvalidArgument, "the digest of the body cannot be read")
                    .hint("like `repr-digest: sha-256=:BASE64:`")),
            };
        }
    }
    Ok(None)
}

fn sha256(value: &str) -> Option<Digest> {
    let value = value.trim();
    let base64 = value.strip_prefix(':').and_then(|value| value.strip_suffix(':')).unwrap_or(value);
    let bytes = STANDARD.decode(base64).ok()?;
    Some(Digest::sha256(bytes.try_into().ok()?))
}

/// The error for a body that broke off.
pub(crate) fn cut(path: &ResourcePath, error: &(dyn std::error::Error + 'static)) -> StarError {
    StarError::new(ErrorCode::IncompleteUpload, "the upload was cut; nothing was changed").at(path).because(error)
}

/// The error for bytes that the content store does not take.
pub(crate) fn refused(path: &ResourcePath, error: &ContentError) -> StarError {
    let (code, message) = match error {
        ContentError::Mismatch { .. } => (ErrorCode::IncompleteUpload, "what came is not what was announced"),
        ContentError::TooLarge { .. } => (ErrorCode::TooLarge, "the upload is too large"),
        ContentError::DiskFull => (ErrorCode::DiskFull, "the disk of the content store is full"),
        ContentError::Corrupt { .. } => (ErrorCode::Corrupt, "the content store is damaged"),
        ContentError::Unknown(_) | ContentError::Io { .. } => {
            (ErrorCode::StorageFailed, "the upload could not be kept")
        }
    };
    StarError::new(code, format!("{message}; nothing was changed")).at(path).because(error)
}

#[cfg(test)]
mod tests {
    use axum::http::{HeaderName, HeaderValue};

    use super::*;

    fn announced(name: &'static str, value: &'static str) -> Result<Option<Digest>, StarError> {
        announced_digest(&HeaderMap::from_iter([(HeaderName::from_static(name), HeaderValue::from_static(value))]))
    }

    #[test]
    fn a_digest_is_read_in_its_old_and_its_new_form() {
        let empty = Digest::parse("sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855").unwrap();
        for (name, value) in [
            ("repr-digest", "sha-256=:47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=:"),
            ("content-digest", "sha-512=:AAAA:, sha-256=:47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=:"),
            ("digest", "SHA-256=47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU="),
        ] {
            assert_eq!(announced(name, value).unwrap(), Some(empty.clone()), "{name}");
        }
        assert_eq!(announced("digest", "md5=AAAA").unwrap(), None);
        assert_eq!(announced("digest", "sha-256=short").unwrap_err().code(), ErrorCode::InvalidArgument);
    }

    #[tokio::test]
    async fn a_body_that_breaks_off_is_told_from_one_that_ends() {
        let broken = futures::stream::iter([Ok(Bytes::from_static(b"a")), Err(io::Error::other("cut"))]);
        let mut upload = Upload::new(Body::from_stream(broken));
        assert_eq!(upload.next().await.unwrap().unwrap(), "a");
        assert!(upload.next().await.unwrap().is_err());
        assert!(upload.next().await.is_none());
        assert!(Upload::new(Body::empty()).is_empty().await.unwrap());
        assert!(!Upload::new(Body::from("a")).is_empty().await.unwrap());
    }
}
