//! Uploads in several requests that are not finished: which there are, and forgetting one.

use reqwest::Method;
use serde::{Deserialize, Serialize};
use star_path::ResourcePath;

use crate::client::Client;
use crate::error::ClientError;
use crate::limits;

/// An upload that is not finished.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct OpenUpload {
    /// Its name.
    pub id: String,
    /// The File that it is to become.
    pub path: String,
    /// Where whoever sends it goes on, below the URL of the Star.
    pub url: String,
    /// Bytes that have come.
    pub offset: u64,
    /// Bytes that there will be, if that is known.
    pub length: Option<u64>,
    /// When it began, in milliseconds since 1970.
    pub begun_ms: u64,
    /// When it is forgotten unless more comes.
    pub until_ms: u64,
}

impl Client {
    /// The uploads to a path or below it that are not finished, in the order in which they began.
    pub async fn uploads(&self, path: &ResourcePath) -> Result<Vec<OpenUpload>, ClientError> {
        let mut url = self.file_url(path)?;
        url.set_query(Some("uploads"));
        let response = self.open(self.request(Method::GET, url), self.timeout()).await?;
        let body = self.read(response, limits::UPLOADS_BYTES, self.timeout()).await?;
        serde_json::from_slice(&body).map_err(|error| self.protocol(format!("the uploads cannot be read: {error}")))
    }

    /// Forgets an upload, and what came of it.
    pub async fn cancel_upload(&self, path: &ResourcePath, id: &str) -> Result<(), ClientError> {
        let mut url = self.file_url(path)?;
        url.set_query(Some(&format!("upload={id}")));
        self.open(self.request(Method::DELETE, url), self.timeout()).await.map(drop)
    }
}
