//! Reading the event log: JSON lines or server-sent events, from any cursor.
//!
//! The items are those of a watch, in the same order and with the same cursors.

use std::time::Duration;

use bytes::Bytes;
use futures::StreamExt as _;
use reqwest::header::ACCEPT;
use reqwest::{Method, Response};
use serde::Deserialize;
use star_api::v1;
use star_path::{ResourcePath, Selector};

use crate::client::Client;
use crate::error::ClientError;
use crate::limits;
use crate::lines::Lines;
use crate::server_sent::{Assembly, ServerSent};
use crate::watch::{WatchItem, WatchStream};

/// Where an answer that ends says where to go on.
const CURSOR: &str = "star-cursor";

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

/// How the Star is asked to write the events.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum EventsForm {
    /// One JSON object per line.
    #[default]
    Lines,
    /// Server-sent events, as browsers read them.
    ServerSent,
}

/// Which events to read.
#[derive(Debug, Clone, Default)]
pub struct EventsQuery {
    /// Cursor after which to begin; `None` for the first event that is kept.
    pub since: Option<String>,
    /// Only events of these resources.
    pub selector: Option<Selector>,
    /// In place of a selector: what becomes of the children of this resource.
    pub children_of: Option<ResourcePath>,
    /// Only events of these types; empty for all.
    pub types: Vec<String>,
    /// At most so many.
    pub limit: Option<u64>,
    /// What to do at the end of the log.
    pub at_end: AtEnd,
    /// How they are written on the way.
    pub form: EventsForm,
}

impl EventsQuery {
    fn parameters(&self) -> Vec<(&'static str, String)> {
        let mut parameters = vec![("since", self.since.clone().unwrap_or_else(|| "0".into()))];
        parameters.extend(self.selector.as_ref().map(|selector| ("selector", selector.to_string())));
        parameters.extend(self.children_of.as_ref().map(|parent| ("children", parent.to_string())));
        if !self.types.is_empty() {
            parameters.push(("type", self.types.join(",")));
        }
        parameters.extend(self.limit.map(|limit| ("limit", limit.to_string())));
        match (self.at_end, self.form) {
            (AtEnd::Stop, EventsForm::Lines) => {}
            // Who asks for this form and says nothing is taken for a browser, which follows.
            (AtEnd::Stop, EventsForm::ServerSent) => parameters.push(("wait", "0".into())),
            (AtEnd::Wait(time), _) => parameters.push(("wait", time.as_secs().to_string())),
            (AtEnd::Follow, _) => parameters.push(("follow", "true".into())),
        }
        parameters
    }
}

impl Client {
    /// Reads the event log. A stream that comes to its end says last, as a `Progress`, where to go
    /// on.
    pub async fn events(&self, query: &EventsQuery) -> Result<WatchStream, ClientError> {
        let log = Log {
            answer: self.answer(query).await?,
            client: self.clone(),
            query: query.clone(),
            lines: Lines::new(limits::ITEM_BYTES),
            assembly: Assembly::default(),
            told: 0,
        };
        let items =
            futures::stream::try_unfold(
                log,
                |mut log| async move { Ok(log.next_item().await?.map(|item| (item, log))) },
            );
        Ok(items.boxed())
    }

    async fn answer(&self, query: &EventsQuery) -> Result<Answer, ClientError> {
        let parameters = query.parameters();
        let parameters: Vec<(&str, &str)> = parameters.iter().map(|(key, value)| (*key, value.as_str())).collect();
        let url = self.locate("/events", &parameters)?;
        let media_type = match query.form {
            EventsForm::Lines => "application/jsonl",
            EventsForm::ServerSent => "text/event-stream",
        };
        let request = self.request(Method::GET, url).header(ACCEPT, media_type);
        let waits = match query.at_end {
            AtEnd::Wait(time) => time,
            AtEnd::Stop | AtEnd::Follow => Duration::ZERO,
        };
        let response = self.open(request, self.timeout().saturating_add(waits)).await?;
        let end = response.headers().get(CURSOR).and_then(|cursor| cursor.to_str().ok()).map(str::to_owned);
        Ok(Answer { response, end })
    }
}

/// One answer of the Star.
struct Answer {
    response: Response,
    /// Where to go on after it, until that was said.
    end: Option<String>,
}

/// A log on its way in.
struct Log {
    client: Client,
    query: EventsQuery,
    answer: Answer,
    lines: Lines,
    assembly: Assembly,
    /// Items of the answer that is read.
    told: u64,
}

impl Log {
    async fn next_item(&mut self) -> Result<Option<WatchItem>, ClientError> {
        loop {
            if let Some(item) = self.parsed()? {
                self.told += 1;
                return Ok(Some(item));
            }
            let piece = self.answer.response.chunk().await;
            match piece.map_err(|error| self.client.transport(error, self.client.timeout()))? {
                Some(piece) => self.lines.feed(&piece),
                None if self.lines.is_mid_line() => {
                    let source = "the log ended in the middle of a line".into();
                    return Err(ClientError::Lost { url: self.client.url().to_owned(), source });
                }
                None => {
                    let Some(cursor) = self.answer.end.take() else { return Ok(None) };
                    if !self.is_cut_short() {
                        return Ok(Some(v1::Progress { cursor, ..Default::default() }.into()));
                    }
                    self.go_on(cursor).await?;
                }
            }
        }
    }

    /// Whether the Star may have told less than the limit because it was enough for one answer.
    fn is_cut_short(&self) -> bool {
        self.told > 0 && self.query.limit.is_some_and(|limit| self.told < limit)
    }

    async fn go_on(&mut self, cursor: String) -> Result<(), ClientError> {
        self.query.since = Some(cursor);
        self.query.limit = self.query.limit.map(|limit| limit - self.told);
        self.query.at_end = AtEnd::Stop;
        self.told = 0;
        self.answer = self.client.answer(&self.query).await?;
        Ok(())
    }

    /// The next item of what has come.
    fn parsed(&mut self) -> Result<Option<WatchItem>, ClientError> {
        let too_long = |error: crate::lines::LineTooLong| self.client.protocol(error.to_string());
        let parsed = match self.query.form {
            EventsForm::Lines => self.lines.next_line().map_err(too_long)?.map(|line| of_line(&line)),
            EventsForm::ServerSent => loop {
                let Some(line) = self.lines.next_line_or_blank().map_err(too_long)? else { break None };
                if let Some(event) = self.assembly.line(&String::from_utf8_lossy(&line)) {
                    break Some(of_server_sent(&event));
                }
            },
        };
        parsed.transpose().map_err(|error| self.client.protocol(format!("an event: {error}")))
    }
}

/// What a line says beside an event.
#[derive(Debug, Deserialize)]
struct Beside {
    gap: Option<v1::Gap>,
    progress: Option<v1::Progress>,
}

fn of_line(line: &Bytes) -> Result<WatchItem, serde_json::Error> {
    Ok(match serde_json::from_slice(line)? {
        Beside { gap: Some(gap), .. } => gap.into(),
        Beside { progress: Some(progress), .. } => progress.into(),
        Beside { gap: None, progress: None } => serde_json::from_slice::<v1::Event>(line)?.into(),
    })
}

fn of_server_sent(sent: &ServerSent) -> Result<WatchItem, serde_json::Error> {
    Ok(match sent.name.as_str() {
        "gap" => serde_json::from_str::<v1::Gap>(&sent.data)?.into(),
        "progress" => serde_json::from_str::<v1::Progress>(&sent.data)?.into(),
        _ => serde_json::from_str::<v1::Event>(&sent.data)?.into(),
    })
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
        let types = vec!["created".to_owned(), "deleted".to_owned()];
        let query = EventsQuery { types, form: EventsForm::ServerSent, ..Default::default() };
        assert_eq!(text(query), "since=0&type=created,deleted&wait=0");
    }

    #[test]
    fn a_gap_and_progress_are_no_events() {
        let item = |line: &'static str| of_line(&Bytes::from_static(line.as_bytes())).unwrap();
        let gap = v1::Gap { from: "3".into(), to: "9".into(), ..Default::default() };
        assert_eq!(item(r#"{"gap":{"from":"3","to":"9"}}"#), WatchItem::from(gap));
        let progress = v1::Progress { cursor: "20".into(), ..Default::default() };
        assert_eq!(item(r#"{"progress":{"cursor":"20"}}"#), WatchItem::from(progress));
        let WatchItem::Event(event) = item(r#"{"cursor":"17","path":"acme"}"#) else { panic!("an event") };
        assert_eq!((event.cursor.as_str(), event.path.as_str()), ("17", "acme"));
    }
}
