//! Making, reading, changing and removing resources.

use futures::{Stream, TryStreamExt as _};
use star_api::v1;
use star_path::{PropertyKey, ResourcePath, Selector};

use crate::client::Client;
use crate::error::ClientError;
use crate::limits;

/// What happens to what is below a resource that is removed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Below {
    /// It must be removed before: a resource that has children is refused.
    Refuse,
    /// It is removed too.
    Remove,
}

impl Client {
    /// Makes a resource.
    pub async fn create(&self, mut request: v1::CreateRequest) -> Result<v1::CreateResponse, ClientError> {
        request.fence = self.fence_or(request.fence);
        self.unary_once("Resources/Create", &request).await
    }

    /// Everything that is known about one resource.
    pub async fn info(&self, path: &ResourcePath) -> Result<v1::Resource, ClientError> {
        let request = v1::InfoRequest { path: path.to_string(), ..Default::default() };
        let response: v1::InfoResponse = self.unary("Resources/Info", &request).await?;
        response.resource.into_option().ok_or_else(|| self.protocol("Info without a resource"))
    }

    /// One page of a list.
    pub async fn list_page(&self, request: &v1::ListRequest) -> Result<v1::ListResponse, ClientError> {
        self.unary("Resources/List", request).await
    }

    /// All resources that a selector matches, in the order of their paths. Pages are fetched as
    /// the stream is read, so what changes meanwhile may or may not be in it.
    pub fn list(&self, selector: &Selector) -> impl Stream<Item = Result<v1::Resource, ClientError>> + Send + 'static {
        let first = v1::ListRequest { selector: selector.to_string(), ..Default::default() };
        let pages = futures::stream::try_unfold((self.clone(), Some(first), 0), |(client, request, page)| async move {
            let Some(request) = request else {
                return Ok(None);
            };
            if page == limits::LIST_PAGES {
                return Err(client.protocol(format!("a list of more than {page} pages")));
            }
            let response = client.list_page(&request).await?;
            if !response.next_cursor.is_empty() && response.next_cursor == request.cursor {
                return Err(client.protocol("a list whose page leads to itself"));
            }
            let more = !response.next_cursor.is_empty();
            let next = more.then_some(v1::ListRequest { cursor: response.next_cursor, ..request });
            let resources = futures::stream::iter(response.resources.into_iter().map(Ok));
            Ok(Some((resources, (client, next, page + 1))))
        });
        pages.try_flatten()
    }

    /// The value of one property, and the revision of its resource.
    pub async fn get(&self, path: &ResourcePath, key: &PropertyKey) -> Result<v1::GetResponse, ClientError> {
        let request = v1::GetRequest { path: path.to_string(), key: key.to_string(), ..Default::default() };
        self.unary("Resources/Get", &request).await
    }

    /// Sets and removes properties: all of them or none.
    pub async fn set(&self, mut request: v1::SetRequest) -> Result<v1::SetResponse, ClientError> {
        request.fence = self.fence_or(request.fence);
        self.unary_once("Resources/Set", &request).await
    }

    /// Removes a resource. Returns how many were removed.
    pub async fn delete(&self, path: &ResourcePath, below: Below) -> Result<u64, ClientError> {
        let recursive = below == Below::Remove;
        let fence = self.fence_or(String::new());
        let request = v1::DeleteRequest { path: path.to_string(), recursive, fence, ..Default::default() };
        let response: v1::DeleteResponse = self.unary_once("Resources/Delete", &request).await?;
        Ok(response.deleted)
    }

    /// Moves a resource with everything below it to another place of its Space.
    pub async fn move_to(&self, from: &ResourcePath, to: &ResourcePath) -> Result<v1::MoveResponse, ClientError> {
        let (from, to) = (from.to_string(), to.to_string());
        let request = v1::MoveRequest { from, to, fence: self.fence_or(String::new()), ..Default::default() };
        self.unary_once("Resources/Move", &request).await
    }

    /// Begins what acts for a resource anew, also while it rests after a failure.
    pub async fn restart(&self, path: &ResourcePath) -> Result<v1::Resource, ClientError> {
        let request = v1::RestartRequest { path: path.to_string(), ..Default::default() };
        let response: v1::RestartResponse = self.unary("Resources/Restart", &request).await?;
        response.resource.into_option().ok_or_else(|| self.protocol("Restart without a resource"))
    }

    /// Points a tag of a bundle series at a version.
    pub async fn tag(&self, mut request: v1::TagRequest) -> Result<v1::TagResponse, ClientError> {
        request.fence = self.fence_or(request.fence);
        self.unary_once("Resources/Tag", &request).await
    }

    /// How much lies below a path, told in parts for as many levels as `depth`.
    pub async fn usage(&self, path: &ResourcePath, depth: u32) -> Result<v1::UsageResponse, ClientError> {
        let request = v1::UsageRequest { path: path.to_string(), depth, ..Default::default() };
        self.unary("Resources/Usage", &request).await
    }

    /// The table of kinds.
    pub async fn kinds(&self) -> Result<Vec<v1::Kind>, ClientError> {
        let response: v1::KindsResponse = self.unary("Resources/Kinds", &v1::KindsRequest::default()).await?;
        Ok(response.kinds)
    }
}
