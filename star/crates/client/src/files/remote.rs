//! What a Star says about the bytes of a resource, and removing them.

use reqwest::header::{CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_TYPE, ETAG, HeaderMap};
use reqwest::{Method, Url};
use star_path::{Digest, ResourcePath};

use super::etag;
use crate::client::Client;
use crate::error::ClientError;
use crate::once::{Change, Since};
use crate::refusal;

/// What a Star says about the bytes of a resource.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FileInfo {
    /// Digest of all of the bytes.
    pub digest: Option<Digest>,
    /// Length in bytes: of all of them, or of the part that was asked for. None while they come as the
    /// Star keeps them: what they amount to is known when they have come.
    pub bytes: Option<u64>,
    /// Media type.
    pub media_type: Option<String>,
}

impl FileInfo {
    pub(super) fn read(headers: &HeaderMap) -> FileInfo {
        let text = |name| headers.get(name).and_then(|value| value.to_str().ok());
        let is_plain = !headers.contains_key(CONTENT_ENCODING);
        FileInfo {
            digest: headers.get(ETAG).and_then(etag::read),
            bytes: text(CONTENT_LENGTH).filter(|_| is_plain).and_then(|length| length.parse().ok()),
            media_type: text(CONTENT_TYPE).map(str::to_owned),
        }
    }
}

impl Client {
    /// Digest, length and media type of a file, without its bytes.
    pub async fn file_info(&self, path: &ResourcePath) -> Result<FileInfo, ClientError> {
        let request = self.request(Method::HEAD, self.file_url(path)?);
        let answer = tokio::time::timeout(self.timeout(), request.send()).await;
        let response = answer
            .map_err(|_| self.timed_out(self.timeout()))?
            .map_err(|error| self.transport(error, self.timeout()))?;
        self.hear(&response)?;
        if !response.status().is_success() {
            return Err(refusal::bare(path, response.status(), response.headers()));
        }
        Ok(FileInfo::read(response.headers()))
    }

    /// Removes a file.
    pub async fn remove_file(&self, path: &ResourcePath) -> Result<(), ClientError> {
        let url = self.file_url(path)?;
        let remove = async |change: &Change| {
            let request = self.changing(Method::DELETE, url.clone(), change);
            self.open(request, change.left).await.map(drop)
        };
        self.once(self.timeout(), Since::Begin, remove).await
    }

    pub(super) fn file_url(&self, path: &ResourcePath) -> Result<Url, ClientError> {
        self.locate(&format!("/r/{path}"), &[])
    }
}
