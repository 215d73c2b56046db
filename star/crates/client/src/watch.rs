//! Following what happens to resources, over the Watch service.

use futures::stream::BoxStream;
use futures::{StreamExt as _, TryStreamExt as _};
use star_api::oneof::watch_response;
use star_api::v1;

use crate::client::Client;
use crate::error::ClientError;

/// One item of a watch: an event, how far the stream has come, a gap, or a resource as it stands.
pub type WatchItem = watch_response::Item;

/// The items of a watch. Ends with an error when the connection is lost: watch again with the
/// cursor of the last item as `since`, and nothing is missed.
pub type WatchStream = BoxStream<'static, Result<WatchItem, ClientError>>;

impl Client {
    /// Follows the resources that the request selects. Dropping the stream ends the watch.
    pub async fn watch(&self, request: v1::WatchRequest) -> Result<WatchStream, ClientError> {
        let responses = self.server_stream::<v1::WatchResponse>("Watch/Watch", &request).await?;
        // An item without content is of a kind that a later release has added.
        let items = responses.try_filter_map(|response| std::future::ready(Ok(response.item)));
        Ok(items.boxed())
    }
}

/// The cursor to go on after, if the item carries one.
pub fn cursor_of(item: &WatchItem) -> Option<&str> {
    match item {
        WatchItem::Event(event) => Some(&event.cursor),
        WatchItem::Progress(progress) => Some(&progress.cursor),
        WatchItem::Gap(gap) => Some(&gap.to),
        WatchItem::Resource(_) => None,
    }
}
