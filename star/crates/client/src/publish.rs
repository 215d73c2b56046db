//! Publishing a directory as a version of a bundle series.

use std::path::Path;
use std::sync::Arc;

use reqwest::header::{CONTENT_LENGTH, CONTENT_TYPE};
use reqwest::{Body, Method};
use serde::Deserialize;
use star_path::ResourcePath;

use crate::archive::{self, archive};
use crate::client::Client;
use crate::error::ClientError;
use crate::limits;
use crate::meter::Meter;
use crate::once::{Change, Since};
use crate::progress::Progress;
use crate::tree::Tree;

/// A version that exists now.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize)]
#[serde(default)]
pub struct Published {
    /// Its path.
    pub path: String,
    /// Files in it.
    pub files: u64,
    /// Their bytes.
    pub bytes: u64,
    /// Bytes of these that the Star had already.
    pub known: u64,
    /// Bytes that the Star has taken on for it.
    pub stored: u64,
    /// Digest of the whole.
    pub digest: String,
    /// Tags that name it now.
    pub tags: Vec<String>,
    /// What is allowed but probably not meant.
    pub warnings: Vec<String>,
}

impl Client {
    /// Publishes a directory as `bundle`, the path of a series with a version, and points `tags`
    /// at it. The directory is sent as it is read, never buffered whole.
    ///
    /// The version exists whole or not at all; one that exists already is refused.
    pub async fn publish(
        &self,
        bundle: &ResourcePath,
        directory: &Path,
        tags: &[String],
        progress: Arc<dyn Progress>,
    ) -> Result<Published, ClientError> {
        let tree = Tree::list(directory).await?;
        progress.total(tree.files.len() as u64, archive::length(&tree));
        let publish =
            async |change: &Change| self.publish_tree(bundle, directory, (tree.clone(), tags), change, &progress).await;
        self.once(self.timeout(), Since::Failure, publish).await
    }

    async fn publish_tree(
        &self,
        bundle: &ResourcePath,
        directory: &Path,
        (tree, tags): (Tree, &[String]),
        change: &Change,
        progress: &Arc<dyn Progress>,
    ) -> Result<Published, ClientError> {
        let length = archive::length(&tree);
        let tags: Vec<(&str, &str)> = tags.iter().map(|tag| ("tag", tag.as_str())).collect();
        let url = self.locate(&format!("/bundles/{bundle}"), &tags)?;
        let meter = Meter::new(Arc::clone(progress));
        meter.expect_bytes(length);
        let request = self
            .changing(Method::POST, url, change)
            .header(CONTENT_TYPE, "application/x-tar")
            .header(CONTENT_LENGTH, length);
        let body = Body::wrap_stream(meter.measure(archive(tree, Arc::clone(progress))));
        let response = self.send_metered(request, body, &meter, directory).await?;
        let body = self.read(response, limits::REPLY_BYTES, self.timeout()).await?;
        serde_json::from_slice(&body).map_err(|error| self.protocol(format!("a published bundle: {error}")))
    }
}
