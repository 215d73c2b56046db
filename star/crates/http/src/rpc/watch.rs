//! The Watch service: what happens to resources, as it happens.
#![expect(refining_impl_trait, reason = "the traits leave the type of an answer open; naming it reads better")]

use std::collections::VecDeque;
use std::sync::Arc;

use connectrpc::{ConnectError, RequestContext, Response, ServiceRequest, ServiceResult, ServiceStream};
use futures::stream;
use star_api::oneof::watch_response::Item;
use star_api::v1;
use star_core::gate::Authority;
use star_core::limits::PAGE_DEFAULT;
use star_path::Selector;
use star_wire::{ErrorCode, StarError};

use super::call::{Call, lossy_said};
use crate::events::feed::{Feed, FeedItem};
use crate::events::{Cursor, Wanted, progress};
use crate::request_id::RequestId;
use crate::schema;
use crate::state::ApiState;
use crate::status;
use crate::versions::downgrade::Lossy;
use crate::versions::{Downgrade, Spoken};

/// The Watch service.
pub(super) struct WatchService {
    pub(super) state: ApiState,
}

impl v1::Watch for WatchService {
    async fn watch(
        &self,
        context: RequestContext,
        request: ServiceRequest<'_, v1::WatchRequest>,
    ) -> ServiceResult<ServiceStream<v1::WatchResponse>> {
        let call = Call::of(&self.state, &context);
        let watching = Watching::open(&call, request.to_owned_message()).await.map_err(|error| call.error(&error))?;
        // What each item loses shows only later, and headers come first: they name all that may.
        let lossy = Lossy::possible::<v1::WatchResponse>(call.spoken.minor());
        Ok(lossy_said(Response::stream(stream::unfold(watching, Watching::step)), &lossy))
    }
}

/// A watch under way.
struct Watching {
    feed: Feed,
    initial: Option<Initial>,
    request_id: RequestId,
    spoken: Spoken,
    ended: bool,
}

/// The resources as they stand, which come before what happens after.
struct Initial {
    state: ApiState,
    authority: Arc<Authority>,
    selector: Selector,
    page: VecDeque<v1::Resource>,
    from: Option<String>,
    listed: bool,
}

impl Watching {
    async fn open(call: &Call<'_>, request: v1::WatchRequest) -> Result<Watching, StarError> {
        let v1::WatchRequest { selector, since, include_initial, types, children_of, .. } = request;
        let types = types.iter().map(String::as_str).collect();
        let filter = Wanted { selector: &selector, children_of: &children_of, types }.filter()?;
        let excluded = [("since", since.is_some()), ("children_of", !children_of.is_empty())];
        if let Some((other, _)) = excluded.iter().find(|(_, given)| include_initial && *given) {
            let message = format!("`{other}` and `include_initial` exclude each other");
            return Err(StarError::new(ErrorCode::InvalidArgument, message));
        }
        let since = since.map(|text| text.parse::<Cursor>()).transpose()?;
        // The place in the log is taken before the list, so nothing can fall between the two; what
        // changed meanwhile is told twice.
        let feed = Feed::open(call.state, &call.caller.authority, filter, since).await?;
        let initial = match include_initial {
            true => Some(Initial {
                state: call.state.clone(),
                authority: call.caller.authority.clone(),
                selector: Selector::parse(if selector.is_empty() { "**" } else { &selector })?,
                page: VecDeque::new(),
                from: None,
                listed: false,
            }),
            false => None,
        };
        Ok(Watching { feed, initial, request_id: call.caller.request_id.clone(), spoken: call.spoken, ended: false })
    }

    async fn step(mut self) -> Option<(Result<v1::WatchResponse, ConnectError>, Watching)> {
        if self.ended {
            return None;
        }
        let item = self.next().await;
        self.ended = item.is_err();
        let item = item
            .map(|item| v1::WatchResponse { item: Some(item), ..Default::default() })
            .and_then(|item| item.to(self.spoken.minor()))
            .map(|(item, _)| item)
            .map_err(|error| status::connect_error(&error, &self.request_id));
        Some((item, self))
    }

    async fn next(&mut self) -> Result<Item, StarError> {
        if let Some(initial) = &mut self.initial {
            if let Some(resource) = initial.next().await? {
                return Ok(Item::from(resource));
            }
            self.initial = None;
            return Ok(Item::from(progress(self.feed.position())));
        }
        match self.feed.next().await? {
            Some(FeedItem::Event(told)) => Ok(Item::from(told.event().clone())),
            Some(FeedItem::Gap(gap, _)) => Ok(Item::from(gap)),
            Some(FeedItem::Progress(cursor)) => Ok(Item::from(progress(cursor))),
            // An error and no quiet end, because the watch is not over: it goes on elsewhere or
            // after the restart, behind the last cursor.
            None => Err(StarError::new(ErrorCode::Unavailable, "the Star is shutting down")),
        }
    }
}

impl Initial {
    async fn next(&mut self) -> Result<Option<v1::Resource>, StarError> {
        while self.page.is_empty() && !self.listed {
            let tree = self.state.tree();
            let page = tree.select(&self.authority, &self.selector, self.from.as_deref(), PAGE_DEFAULT).await?;
            self.page = page.resources.iter().map(schema::resource).collect();
            self.listed = page.next.is_none();
            self.from = page.next;
        }
        Ok(self.page.pop_front())
    }
}
