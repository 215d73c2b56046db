//! The two forms in which events are written, and the bodies that write them.

use axum::body::Body;
use axum::http::HeaderMap;
use axum::http::header::ACCEPT;
use bytes::Bytes;
use futures::stream;
use star_api::v1;
use star_wire::StarError;

use super::Cursor;
use super::feed::{Feed, FeedItem, place_of};
use crate::limits;
use crate::versions::Spoken;

/// How events are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Form {
    /// One JSON object per line.
    Lines,
    /// The same for readers of version 1.0, to whom every line is an event or a gap.
    FirstLines,
    /// Server-sent events, for browsers.
    ServerSent,
}

impl Form {
    /// The form that the reader accepts.
    pub(crate) fn asked_for(headers: &HeaderMap, spoken: Spoken) -> Form {
        let accepts = headers.get_all(ACCEPT).iter().filter_map(|value| value.to_str().ok());
        let mut types =
            accepts.flat_map(|value| value.split(',')).map(|range| range.split(';').next().unwrap_or(range));
        let server_sent = types.any(|range| range.trim().eq_ignore_ascii_case("text/event-stream"));
        match (server_sent, spoken.minor()) {
            (true, _) => Form::ServerSent,
            (false, 0) => Form::FirstLines,
            (false, _) => Form::Lines,
        }
    }

    pub(super) fn media_type(self) -> &'static str {
        match self {
            Form::Lines | Form::FirstLines => "application/jsonl",
            Form::ServerSent => "text/event-stream",
        }
    }

    /// What stands before the first item of a body that goes on: it also tells a browser, and
    /// whoever is in between, that the answer has begun.
    fn opening(self) -> Vec<u8> {
        match self {
            Form::Lines | Form::FirstLines => Vec::new(),
            Form::ServerSent => format!("retry: {}\n\n", limits::EVENTS_RETRY.as_millis()).into_bytes(),
        }
    }

    /// An event, as everybody gets it who accepts this form.
    pub(super) fn event(self, event: &v1::Event, cursor: Cursor) -> Vec<u8> {
        let (mut bytes, end): (_, &[u8]) = match self {
            Form::Lines | Form::FirstLines => (Vec::new(), b"\n"),
            Form::ServerSent => (format!("id: {cursor}\ndata: ").into_bytes(), b"\n\n"),
        };
        json(event, &mut bytes);
        bytes.extend(end);
        bytes
    }

    /// Writes an item.
    pub(super) fn write(self, item: &FeedItem, into: &mut Vec<u8>) {
        match (self, item) {
            (form, FeedItem::Event(told)) => into.extend_from_slice(told.written(form)),
            (Form::Lines | Form::FirstLines, FeedItem::Gap(gap, _)) => {
                into.extend(b"{\"gap\":");
                json(gap, into);
                into.extend(b"}\n");
            }
            // A sign of life for whoever is in between; readers skip empty lines.
            (Form::FirstLines, FeedItem::Progress(_)) => into.push(b'\n'),
            (Form::Lines, FeedItem::Progress(cursor)) => {
                into.extend(b"{\"progress\":");
                json(&progress(*cursor), into);
                into.extend(b"}\n");
            }
            (Form::ServerSent, FeedItem::Gap(gap, cursor)) => {
                into.extend(format!("id: {cursor}\nevent: gap\ndata: ").as_bytes());
                json(gap, into);
                into.extend(b"\n\n");
            }
            // The comment is for whoever is in between and looks for signs of life.
            (Form::ServerSent, FeedItem::Progress(cursor)) => {
                into.extend(format!(": heartbeat\nid: {cursor}\nevent: progress\ndata: ").as_bytes());
                json(&progress(*cursor), into);
                into.extend(b"\n\n");
            }
        }
    }
}

/// How far the log was read, in the words of the schema.
pub(crate) fn progress(cursor: Cursor) -> v1::Progress {
    v1::Progress { cursor: cursor.to_string(), ..Default::default() }
}

fn json(value: &impl serde::Serialize, into: &mut Vec<u8>) {
    serde_json::to_writer(into, value).expect("messages of the schema are JSON, and memory takes all bytes");
}

/// The events up to a place, as they are read.
pub(super) fn until(feed: Feed, first: Option<FeedItem>, form: Form, end: Cursor) -> Body {
    let reading = Reading { feed, first, form, end: Some(end), left: usize::MAX, opening: Vec::new() };
    body(reading)
}

/// The events as they happen; with a limit, so many.
pub(super) fn following(feed: Feed, form: Form, limit: Option<usize>) -> Body {
    let left = limit.unwrap_or(usize::MAX);
    let reading = Reading { feed, first: None, form, end: None, left, opening: form.opening() };
    body(reading)
}

struct Reading {
    feed: Feed,
    first: Option<FeedItem>,
    form: Form,
    end: Option<Cursor>,
    left: usize,
    opening: Vec<u8>,
}

fn body(reading: Reading) -> Body {
    // An error in the middle aborts the answer, so that nobody takes a part for the whole.
    Body::from_stream(stream::try_unfold(reading, |mut reading| async move {
        Ok::<_, StarError>(reading.piece().await?.map(|piece| (piece, reading)))
    }))
}

impl Reading {
    /// What is there, in one piece; waits only if there is nothing and the end is open.
    async fn piece(&mut self) -> Result<Option<Bytes>, StarError> {
        let mut bytes = std::mem::take(&mut self.opening);
        while bytes.len() < limits::EVENTS_PIECE_BYTES {
            let item = match self.first.take() {
                Some(item) => Some(item),
                None if self.left == 0 => None,
                // Who follows is told in rounds, and must not look whether there is more in between.
                None if self.end.is_none() => self.feed.next_at_hand().await?,
                None => self.feed.try_next().await?,
            };
            match item.filter(|item| self.is_before_the_end(item)) {
                Some(item) => self.write(&item, &mut bytes),
                None => {
                    if self.end.is_some() {
                        self.left = 0;
                    }
                    break;
                }
            }
        }
        if bytes.is_empty() && self.left > 0 {
            match self.feed.next().await? {
                Some(item) => self.write(&item, &mut bytes),
                None => self.left = 0,
            }
        }
        Ok((!bytes.is_empty()).then(|| bytes.into()))
    }

    fn write(&mut self, item: &FeedItem, bytes: &mut Vec<u8>) {
        self.form.write(item, bytes);
        if matches!(item, FeedItem::Event(..)) {
            self.left -= 1;
        }
    }

    fn is_before_the_end(&self, item: &FeedItem) -> bool {
        self.end.is_none_or(|end| place_of(item).position() <= end.position())
    }
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderValue;

    use super::super::told::Told;
    use super::*;

    fn items() -> Vec<FeedItem> {
        let event = v1::Event { cursor: "17".into(), path: "acme".into(), ..Default::default() };
        let gap = v1::Gap { from: "3".into(), to: "9".into(), ..Default::default() };
        let at = Cursor::behind;
        vec![FeedItem::Gap(gap, at(9)), FeedItem::Event(Told::new(event, at(17)).into()), FeedItem::Progress(at(20))]
    }

    fn written(form: Form) -> String {
        let mut bytes = Vec::new();
        items().iter().for_each(|item| form.write(item, &mut bytes));
        String::from_utf8(bytes).unwrap()
    }

    #[test]
    fn lines_are_one_json_object_each() {
        let text = written(Form::Lines);
        assert_eq!(
            text,
            "{\"gap\":{\"from\":\"3\",\"to\":\"9\"}}\n{\"cursor\":\"17\",\"path\":\"acme\"}\n{\"progress\":{\"cursor\":\"20\"}}\n"
        );
    }

    #[test]
    fn server_sent_events_carry_the_cursor_as_their_id() {
        let text = written(Form::ServerSent);
        assert_eq!(
            text,
            "id: 9\nevent: gap\ndata: {\"from\":\"3\",\"to\":\"9\"}\n\nid: 17\ndata: {\"cursor\":\"17\",\"path\":\"acme\"}\n\n: heartbeat\nid: 20\nevent: progress\ndata: {\"cursor\":\"20\"}\n\n"
        );
    }

    #[test]
    fn a_browser_is_known_by_what_it_accepts() {
        let form = |accept: &'static str| {
            let headers = HeaderMap::from_iter([(ACCEPT, HeaderValue::from_static(accept))]);
            Form::asked_for(&headers, Spoken::default())
        };
        assert_eq!(form("text/event-stream"), Form::ServerSent);
        assert_eq!(form("text/html, Text/Event-Stream;q=0.9"), Form::ServerSent);
        assert_eq!(form("application/jsonl"), Form::Lines);
        assert_eq!(Form::asked_for(&HeaderMap::new(), Spoken::default()), Form::Lines);
        let first = HeaderMap::from_iter([(crate::versions::asked::HEADER, HeaderValue::from_static("1.0"))]);
        assert_eq!(Form::asked_for(&HeaderMap::new(), Spoken::of(&first).unwrap()), Form::FirstLines);
        assert_eq!(written(Form::FirstLines).lines().last(), Some(""), "no reader of 1.0 knows progress");
    }
}
