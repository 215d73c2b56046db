//! Copying a file from one path of a Star to another: the Star does it, and no bytes move.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use reqwest::Method;
use reqwest::header::{CONTENT_LENGTH, CONTENT_TYPE};
use star_path::{Digest, ResourcePath};

use super::upload::UploadOptions;
use crate::client::Client;
use crate::error::ClientError;
use crate::once::{Change, Since};

/// The header that names the source.
const SOURCE: &str = "star-copy-source";

/// The header with the digest of what is copied.
const DIGEST: &str = "repr-digest";

impl Client {
    /// Makes the content of `from`, which has this digest, that of `to`, with its properties and labels.
    /// Its media type goes along too unless `options` name another.
    ///
    /// # Errors
    /// A Star that is too old to copy says that the upload is incomplete (`S0112`), and one whose source
    /// holds another content by now that a precondition failed; neither has changed anything.
    pub async fn copy_file(
        &self,
        from: &ResourcePath,
        to: &ResourcePath,
        digest: &Digest,
        options: &UploadOptions,
    ) -> Result<(), ClientError> {
        let url = self.file_url(to)?;
        let copy = async |change: &Change| {
            let request = self.changing(Method::PUT, url.clone(), change);
            let request = request.header(SOURCE, encoded(from.as_str())).header(DIGEST, digest_header(digest));
            let request = match &options.media_type {
                Some(media_type) => request.header(CONTENT_TYPE, media_type),
                None => request,
            };
            let request = options.condition.of(request).header(CONTENT_LENGTH, 0);
            self.open(request, change.left).await.map(drop)
        };
        self.once(self.timeout(), Since::Begin, copy).await
    }
}

/// A path as a header can hold it: what is not ASCII is percent-encoded, as in a URL.
fn encoded(path: &str) -> String {
    let mut text = String::with_capacity(path.len());
    for byte in path.bytes() {
        match byte.is_ascii() {
            true => text.push(char::from(byte)),
            false => text.push_str(&format!("%{byte:02X}")),
        }
    }
    text
}

fn digest_header(digest: &Digest) -> String {
    let name = digest.algorithm().name().replace("sha", "sha-");
    format!("{name}=:{}:", STANDARD.encode(digest.as_bytes()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_header_cannot_hold_is_encoded() {
        assert_eq!(encoded("acme:web:/a%20b/grüße"), "acme:web:/a%20b/gr%C3%BC%C3%9Fe");
        let empty = Digest::parse("sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855").unwrap();
        assert_eq!(digest_header(&empty), "sha-256=:47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=:");
    }
}
