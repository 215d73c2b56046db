//! What a reader of the log asks for.

use std::time::Duration;

use axum::extract::Query;
use axum::http::{HeaderMap, Uri};
use serde::Deserialize;
use star_core::watch::Filter;
use star_wire::{ErrorCode, StarError};

use super::{Cursor, Form, Wanted};
use crate::limits;

/// The parameters as they come.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct Parameters {
    since: Option<String>,
    #[serde(alias = "selector")]
    select: Option<String>,
    children: Option<String>,
    #[serde(rename = "type")]
    types: Option<String>,
    limit: Option<usize>,
    wait: Option<u64>,
    follow: Option<bool>,
}

/// What happens at the end of the log.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum AtEnd {
    /// The answer ends; if there was nothing at all, only after so long.
    Wait(Duration),
    /// The answer goes on with what happens.
    Follow,
}

/// Which events, from where, and what at the end.
#[derive(Debug)]
pub(crate) struct EventsQuery {
    /// Where to begin; none for the events from now on.
    pub(crate) since: Option<Cursor>,
    pub(crate) filter: Filter,
    pub(crate) limit: Option<usize>,
    pub(crate) at_end: AtEnd,
}

impl EventsQuery {
    pub(crate) fn parse(uri: &Uri, headers: &HeaderMap, form: Form) -> Result<EventsQuery, StarError> {
        let Query(given) = Query::<Parameters>::try_from_uri(uri).map_err(|rejection| {
            invalid(format!("the parameters cannot be read: {}", rejection.body_text()))
                .hint("parameters are: since, select, children, type, limit, wait, follow")
        })?;
        // A browser that lost the connection says where it was, and knows better than its URL.
        let resumed = headers.get("last-event-id").filter(|_| form == Form::ServerSent);
        let resumed = resumed.and_then(|id| id.to_str().ok()).map(str::to_owned);
        let at_end = match (given.follow, given.wait) {
            (Some(true), Some(_)) => return Err(invalid("`wait` and `follow` exclude each other".into())),
            (Some(true), None) => AtEnd::Follow,
            (None, None) if form == Form::ServerSent => AtEnd::Follow,
            (_, wait) => AtEnd::Wait(Duration::from_secs(wait.unwrap_or(0)).min(limits::EVENTS_WAIT)),
        };
        let since = match resumed.or(given.since) {
            Some(text) => Some(text.parse()?),
            None if at_end == AtEnd::Follow => None,
            None => Some(Cursor::behind(0)),
        };
        if given.limit == Some(0) {
            return Err(invalid("`limit` is at least 1".into()));
        }
        let text = |given: &'_ Option<String>| given.clone().unwrap_or_default();
        let (selector, children_of, types) = (text(&given.select), text(&given.children), text(&given.types));
        let types = types.split(',').map(str::trim).filter(|name| !name.is_empty()).collect();
        let filter = Wanted { selector: &selector, children_of: &children_of, types }.filter()?;
        Ok(EventsQuery { since, filter, limit: given.limit, at_end })
    }
}

fn invalid(message: String) -> StarError {
    StarError::new(ErrorCode::InvalidArgument, message)
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderValue;

    use super::*;

    fn parse(query: &str, form: Form, headers: &HeaderMap) -> Result<EventsQuery, StarError> {
        EventsQuery::parse(&format!("/events?{query}").parse().unwrap(), headers, form)
    }

    fn lines(query: &str) -> Result<EventsQuery, StarError> {
        parse(query, Form::Lines, &HeaderMap::new())
    }

    #[test]
    fn without_parameters_the_log_is_read_from_its_beginning_to_its_end() {
        let query = lines("").unwrap();
        assert_eq!(query.since, Some(Cursor::behind(0)));
        assert_eq!((query.limit, query.at_end), (None, AtEnd::Wait(Duration::ZERO)));
    }

    #[test]
    fn who_follows_without_a_cursor_begins_now() {
        assert_eq!(lines("follow=true").unwrap().since, None);
        assert_eq!(lines("follow=true&since=4").unwrap().since, Some(Cursor::behind(4)));
    }

    #[test]
    fn a_wait_is_cut_to_what_is_allowed() {
        assert_eq!(lines("wait=20").unwrap().at_end, AtEnd::Wait(Duration::from_secs(20)));
        assert_eq!(lines("wait=99999").unwrap().at_end, AtEnd::Wait(limits::EVENTS_WAIT));
    }

    #[test]
    fn a_selector_may_be_called_select_or_selector() {
        for query in ["select=acme:**", "selector=acme:**"] {
            assert_eq!(lines(query).unwrap().filter.prefix().as_str(), "acme");
        }
    }

    #[test]
    fn what_cannot_be_understood_is_refused() {
        for bad in [
            "since=x",
            "limit=0",
            "limit=x",
            "wait=-1",
            "follow=maybe",
            "cursor=1",
            "wait=1&follow=true",
            "select=a:b:[",
            "select=a&children=a",
            "type=exploded",
            "type=child-added",
        ] {
            let error = lines(bad).unwrap_err();
            assert!(matches!(error.code(), ErrorCode::InvalidArgument | ErrorCode::MalformedPath), "{bad}: {error}");
        }
    }

    #[test]
    fn a_browser_that_comes_back_goes_on_where_it_was() {
        let headers: HeaderMap =
            [("last-event-id".parse().unwrap(), HeaderValue::from_static("17.0"))].into_iter().collect();
        let query = parse("since=3", Form::ServerSent, &headers).unwrap();
        assert_eq!((query.since, query.at_end), (Some("17.0".parse().unwrap()), AtEnd::Follow));
        assert_eq!(parse("since=3", Form::Lines, &headers).unwrap().since, Some(Cursor::behind(3)));
    }
}
