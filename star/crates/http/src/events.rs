//! `GET /events`: the event log as JSON lines or as server-sent events.
//!
//! | parameter | what |
//! |---|---|
//! | `since` | cursor behind which to begin; `0` is before the first event |
//! | `select` | only events of resources that this selector covers |
//! | `children` | in place of `select`: what becomes of the children of this resource |
//! | `type` | only events of these types, separated by commas |
//! | `limit` | at most so many events; fewer where they are large |
//! | `wait` | seconds to wait for the first event if there is none |
//! | `follow` | `true`: go on with what happens |
//!
//! An answer that ends says in the header `star-cursor` where to go on. Events that are no longer
//! kept leave a line `{"gap":{"from":…,"to":…}}`, and an answer that goes on says now and then how
//! far it has come: `{"progress":{"cursor":…}}`. What may be read is decided by the gate, event by
//! event. The Watch service reads from the same feed.

mod body;
mod cursor;
pub(crate) mod feed;
pub(crate) mod query;
mod told;
mod wanted;

use axum::Router;
use axum::body::Body;
use axum::extract::State;
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE};
use axum::http::{HeaderMap, HeaderName, HeaderValue, Uri};
use axum::response::Response;
use axum::routing::get;
use star_wire::StarError;

use crate::auth::Caller;
use crate::limits;
use crate::state::ApiState;
use crate::versions::Spoken;

pub(crate) use body::Form;
pub(crate) use body::progress;
pub(crate) use cursor::Cursor;
use feed::{Feed, FeedItem, place_of};
use query::{AtEnd, EventsQuery};
pub(crate) use told::Recent;
pub(crate) use wanted::Wanted;

/// Where to go on after an answer that ends.
const CURSOR: HeaderName = HeaderName::from_static("star-cursor");

/// The routes of the event log.
pub fn routes() -> Router<ApiState> {
    Router::new().route("/events", get(events))
}

async fn events(
    State(state): State<ApiState>,
    caller: Caller,
    spoken: Spoken,
    uri: Uri,
    headers: HeaderMap,
) -> Response {
    let form = Form::asked_for(&headers, spoken);
    answer(&state, &caller, form, &uri, &headers).await.unwrap_or_else(|error| caller.refuse(&error))
}

async fn answer(
    state: &ApiState,
    caller: &Caller,
    form: Form,
    uri: &Uri,
    headers: &HeaderMap,
) -> Result<Response, StarError> {
    let query = EventsQuery::parse(uri, headers, form)?;
    let mut feed = Feed::open(state, &caller.authority, query.filter, query.since).await?;
    let wait = match query.at_end {
        AtEnd::Follow => return Ok(response(form, body::following(feed, form, query.limit), None)),
        AtEnd::Wait(wait) => wait,
    };
    let first = feed.first(wait).await?;
    match query.limit {
        Some(limit) => {
            let page = Page::collect(feed, first, limit.min(limits::EVENTS_MAX), form).await?;
            Ok(response(form, page.bytes.into(), Some(page.next)))
        }
        // All of it can be long, so it is sent as it is read; where it ends is fixed beforehand.
        None => {
            let end = feed.head();
            Ok(response(form, body::until(feed, first, form, end), Some(end)))
        }
    }
}

fn response(form: Form, body: Body, next: Option<Cursor>) -> Response {
    let mut response = Response::new(body);
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(form.media_type()));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    if let Some(next) = next {
        let next = HeaderValue::try_from(next.to_string()).expect("digits and dots are the value of a header");
        headers.insert(CURSOR, next);
    }
    response
}

/// A bounded part of the log, as it is sent.
struct Page {
    bytes: Vec<u8>,
    next: Cursor,
}

impl Page {
    /// At most `limit` items, and not many more bytes than a page may have.
    async fn collect(mut feed: Feed, first: Option<FeedItem>, limit: usize, form: Form) -> Result<Page, StarError> {
        let (mut bytes, mut items) = (Vec::new(), 0);
        let mut next_item = first;
        while let Some(item) = next_item {
            form.write(&item, &mut bytes);
            items += 1;
            if items == limit || bytes.len() >= limits::PAGE_BYTES {
                return Ok(Page { bytes, next: place_of(&item) });
            }
            next_item = feed.try_next().await?;
        }
        Ok(Page { bytes, next: feed.position() })
    }
}
