//! What the Star does with bytes that nobody needs, and with those that are damaged.

use std::time::Duration;

use star_api::v1;

use crate::client::Client;
use crate::error::ClientError;
use crate::limits;

impl Client {
    /// Takes away what nobody refers to, or tells what that would be. What nobody refers to stays for
    /// `grace`, a day if none is named.
    pub async fn collect(
        &self,
        plan: bool,
        force: bool,
        grace: Option<Duration>,
    ) -> Result<v1::CollectResponse, ClientError> {
        let grace_ms = grace.map(|grace| u64::try_from(grace.as_millis()).unwrap_or(u64::MAX));
        let request = v1::CollectRequest { plan, force, grace_ms, ..Default::default() };
        self.unary_within(limits::UPKEEP, "Contents/Collect", &request).await
    }

    /// Why the bytes of a resource are there.
    pub async fn why_path(&self, path: &str) -> Result<v1::WhyResponse, ClientError> {
        let request = v1::WhyRequest { path: path.to_owned(), ..Default::default() };
        self.unary("Contents/Why", &request).await
    }

    /// Why a content is there.
    pub async fn why_digest(&self, digest: &str) -> Result<v1::WhyResponse, ClientError> {
        let request = v1::WhyRequest { digest: digest.to_owned(), ..Default::default() };
        self.unary("Contents/Why", &request).await
    }

    /// Reads all packs and tells what in them is damaged.
    pub async fn check_contents(&self) -> Result<v1::CheckResponse, ClientError> {
        self.unary_within(limits::UPKEEP, "Contents/Check", &v1::CheckRequest::default()).await
    }
}
