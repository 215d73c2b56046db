//! Digests in the clothes of HTTP: `ETag: "sha256:HEX"`, or `"sha256:HEX;zstd-LENGTH"` where the bytes are
//! sent as they are kept.

use reqwest::header::HeaderValue;
use star_path::Digest;

/// The digest of the plain bytes that a strong validator of a Star holds. Weak ones, and those of others,
/// say nothing about the bytes.
pub(super) fn read(value: &HeaderValue) -> Option<Digest> {
    let text = value.to_str().ok()?;
    let opaque = text.strip_prefix('"')?.strip_suffix('"')?;
    let digest = opaque.split_once(";zstd-").map_or(opaque, |(digest, _)| digest);
    Digest::parse(digest).ok()
}

/// The validator of a digest, for conditions.
pub(super) fn write(digest: &Digest) -> String {
    format!("\"{digest}\"")
}

#[cfg(test)]
mod tests {
    use super::*;

    const HEX: &str = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";

    #[test]
    fn a_strong_validator_holds_the_digest() {
        let text = format!("\"sha256:{HEX}\"");
        let digest = read(&HeaderValue::from_str(&text).unwrap()).unwrap();
        assert_eq!(digest.hex(), HEX);
        assert_eq!(write(&digest), text);
        let stored = HeaderValue::from_str(&format!("\"sha256:{HEX};zstd-123\"")).unwrap();
        assert_eq!(read(&stored), Some(digest));
    }

    #[test]
    fn what_says_nothing_about_the_bytes_is_not_trusted() {
        for text in [&format!("W/\"sha256:{HEX}\""), "\"abc\"", "sha256:", "\"", "\";zstd-1\"", ""] {
            assert_eq!(read(&HeaderValue::from_str(text).unwrap()), None, "{text}");
        }
    }
}
