//! Reading the event log: JSON lines from any cursor.

use std::time::Duration;

use futures::StreamExt as _;
use futures::stream::BoxStream;
use reqwest::header::ACCEPT;
use reqwest::{Method, Response};
use star_api::v1::Event;
use star_path::Selector;

use crate::client::Client;
use crate::error::ClientError;
use crate::limits;
use crate::lines::Lines;

/// Events in the order of the log.
pub type EventStream = BoxStream<'static, Result<Event, ClientError>>;

/// What the stream does at the end of the log.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum AtEnd {
    /// Ends.
    #[default]
    Stop,
    /// Waits so long for the first event if there is none, then ends.
    Wait(Duration),
    /// Goes on with events as they happen.
    Follow,
}

/// Which events to read.
#[derive(Debug, Clone, Default)]
pub struct EventsQuery {
    /// Cursor after which to begin; `None` for the first event that is kept.
    pub since: Option<String>,
    /// Only events of these resources.
    pub selector: Option<Selector>,
    /// At most so many.
    pub limit: Option<u64>,
    /// What to do at the end of the log.
    pub at_end: AtEnd,
}

impl EventsQuery {
    fn parameters(&self) -> Vec<(&'static str, String)> {
        let mut parameters = vec![("since", self.since.clone().unwrap_or_else(|| "0".into()))];
        parameters.extend(self.selector.as_ref().map(|selector| ("selector", selector.to_string())));
        parameters.extend(self.limit.map(|limit| ("limit", limit.to_string())));
        match self.at_end {
            AtEnd::Stop => {}
            AtEnd::Wait(time) => parameters.push(("wait", time.as_secs().to_string())),
            AtEnd::Follow => parameters.push(("follow", "true".into())),
        }
        parameters
    }
}

impl Client {
    /// Reads the event log.
    pub async fn events(&self, query: &EventsQuery) -> Result<EventStream, ClientError> {
        let parameters = query.parameters();
        let parameters: Vec<(&str, &str)> = parameters.iter().map(|(key, value)| (*key, value.as_str())).collect();
        let url = self.locate("/events", &parameters)?;
        let request = self.request(Method::GET, url).header(ACCEPT, "application/jsonl");
        let waits = match query.at_end {
            AtEnd::Wait(time) => time,
            AtEnd::Stop | AtEnd::Follow => Duration::ZERO,
        };
        let response = self.open(request, self.timeout().saturating_add(waits)).await?;
        let log = Log { client: self.clone(), response, lines: Lines::new(limits::ITEM_BYTES) };
        let events =
            futures::stream::try_unfold(
                log,
                |mut log| async move { Ok(log.next_event().await?.map(|event| (event, log))) },
            );
        Ok(events.boxed())
    }
}

/// A log on its way in.
struct Log {
    client: Client,
    response: Response,
    lines: Lines,
}

impl Log {
    async fn next_event(&mut self) -> Result<Option<Event>, ClientError> {
        loop {
            if let Some(line) = self.lines.next_line().map_err(|error| self.client.protocol(error.to_string()))? {
                let event = serde_json::from_slice(&line);
                return event.map(Some).map_err(|error| self.client.protocol(format!("an event: {error}")));
            }
            let piece = self.response.chunk().await;
            match piece.map_err(|error| self.client.transport(error, self.client.timeout()))? {
                Some(piece) => self.lines.feed(&piece),
                None if self.lines.is_mid_line() => {
                    let source = "the log ended in the middle of a line".into();
                    return Err(ClientError::Lost { url: self.client.url().to_owned(), source });
                }
                None => return Ok(None),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_query_says_where_to_begin_and_what_to_do_at_the_end() {
        let text = |query: EventsQuery| {
            let pairs = query.parameters();
            pairs.iter().map(|(key, value)| format!("{key}={value}")).collect::<Vec<_>>().join("&")
        };
        assert_eq!(text(EventsQuery::default()), "since=0");
        let query =
            EventsQuery { since: Some("17".into()), limit: Some(3), at_end: AtEnd::Follow, ..Default::default() };
        assert_eq!(text(query), "since=17&limit=3&follow=true");
        let query = EventsQuery { at_end: AtEnd::Wait(Duration::from_secs(5)), ..Default::default() };
        assert_eq!(text(query), "since=0&wait=5");
    }
}
