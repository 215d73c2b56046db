//! What the bytes of one request must amount to: `Upload-Checksum` of tus, `Content-Digest` of the draft.

use axum::http::HeaderMap;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use sha1::{Digest as _, Sha1};
use star_path::Digest;
use star_wire::{ErrorCode, StarError};

/// The algorithms of [`Checksum::of_tus`], as tus wants them listed.
pub(super) const ALGORITHMS: &str = "sha256,sha1";

/// The checksum of the bytes of a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Checksum {
    /// Checked by the content store, which knows it anyway.
    Sha256(Digest),
    /// What every server of tus has to know. It tells a mistake of a wire, and no more.
    Sha1([u8; 20]),
}

/// What has come so far, where the content store does not compute it.
pub(super) struct Tally(Option<(Sha1, [u8; 20])>);

impl Checksum {
    /// The one that came in `Upload-Checksum`.
    ///
    /// # Errors
    /// `InvalidArgument` for another algorithm, or what cannot be read.
    pub(super) fn of_tus(headers: &HeaderMap) -> Result<Option<Checksum>, StarError> {
        let Some(value) = headers.get("upload-checksum") else { return Ok(None) };
        let invalid = |message: String| {
            StarError::new(ErrorCode::InvalidArgument, message).hint("like `upload-checksum: sha256 BASE64`")
        };
        let text = value.to_str().unwrap_or_default().trim();
        let (algorithm, digits) = text.split_once(' ').unwrap_or((text, ""));
        let bytes = STANDARD.decode(digits.trim()).ok();
        let checksum = match algorithm {
            "sha256" => {
                bytes.and_then(|bytes| bytes.try_into().ok()).map(|sha256| Checksum::Sha256(Digest::sha256(sha256)))
            }
            "sha1" => bytes.and_then(|bytes| bytes.try_into().ok()).map(Checksum::Sha1),
            other => {
                let shown: String = other.chars().take(16).collect();
                return Err(invalid(format!("`{}` is none of the checksums {ALGORITHMS}", shown.escape_debug())));
            }
        };
        checksum.map(Some).ok_or_else(|| invalid(format!("the {algorithm} of `upload-checksum` cannot be read")))
    }

    /// What the content store is to check.
    pub(super) fn digest(&self) -> Option<Digest> {
        match self {
            Checksum::Sha256(digest) => Some(digest.clone()),
            Checksum::Sha1(_) => None,
        }
    }
}

impl Tally {
    /// Nothing has come yet.
    pub(super) fn of(checksum: Option<&Checksum>) -> Tally {
        match checksum {
            Some(Checksum::Sha1(expected)) => Tally(Some((Sha1::new(), *expected))),
            Some(Checksum::Sha256(_)) | None => Tally(None),
        }
    }

    /// These came.
    pub(super) fn count(&mut self, bytes: &[u8]) {
        if let Some((sha1, _)) = &mut self.0 {
            sha1.update(bytes);
        }
    }

    /// Whether it is what was announced.
    pub(super) fn fits(self) -> bool {
        self.0.is_none_or(|(sha1, expected)| sha1.finalize().as_slice() == expected)
    }
}

#[cfg(test)]
mod tests {
    use axum::http::{HeaderName, HeaderValue};

    use super::*;

    fn read(value: &'static str) -> Result<Option<Checksum>, ErrorCode> {
        let name = HeaderName::from_static("upload-checksum");
        let headers = HeaderMap::from_iter([(name, HeaderValue::from_static(value))]);
        Checksum::of_tus(&headers).map_err(|error| error.code())
    }

    #[test]
    fn a_checksum_is_read_and_one_that_cannot_be_is_not_taken_for_none() {
        // Both of the text `hello world`, the first out of the text of the protocol.
        let sha1 = read("sha1 Kq5sNclPz7QV2+lfQIuc6R7oRu0=").unwrap().unwrap();
        let mut tally = Tally::of(Some(&sha1));
        tally.count(b"hello ");
        tally.count(b"world");
        assert!(tally.fits());
        assert!(!Tally::of(Some(&sha1)).fits());
        let sha256 = read("sha256 uU0nuZNNPgilLlLX2n2r+sSE7+N6U4DukIj3rOLvzek=").unwrap().unwrap();
        assert!(sha256.digest().unwrap().to_string().starts_with("sha256:b94d27b9934d3e08"));
        assert_eq!(Checksum::of_tus(&HeaderMap::new()).unwrap(), None);
        for bad in ["", "sha1", "sha1 YQ==", "sha256 !", "md5 YQ==", "crc32 AAAA"] {
            assert_eq!(read(bad), Err(ErrorCode::InvalidArgument), "{bad}");
        }
    }
}
