//! Web requests and their answers, held whole.
//!
//! For pages and small interfaces. A component that must stream uses `wasi:http` itself and needs
//! nothing of this crate.

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::{Error, Result};

/// A web request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Request {
    pub(crate) method: String,
    pub(crate) target: String,
    pub(crate) headers: Vec<(String, Vec<u8>)>,
    pub(crate) body: Vec<u8>,
}

impl Request {
    /// A request, for tests. `target` is a path with an optional query: `/hello/Ada?loud=1`.
    pub fn new(method: impl Into<String>, target: impl Into<String>) -> Self {
        Request { method: method.into(), target: target.into(), headers: Vec::new(), body: Vec::new() }
    }

    /// The same request with one more header.
    #[must_use]
    pub fn with_header(mut self, name: impl Into<String>, value: impl Into<Vec<u8>>) -> Self {
        self.headers.push((name.into(), value.into()));
        self
    }

    /// The same request with a body.
    #[must_use]
    pub fn with_body(mut self, body: impl Into<Vec<u8>>) -> Self {
        self.body = body.into();
        self
    }

    /// `GET`, `POST` …
    pub fn method(&self) -> &str {
        &self.method
    }

    /// The path as the route made it, still percent-encoded and without the query.
    pub fn path(&self) -> &str {
        self.target.split_once('?').map_or(&*self.target, |(path, _)| path)
    }

    /// The segment of the path at `index`, decoded: of `/hello/Ada` segment 1 is `Ada`. `None`
    /// when the path is shorter or the segment empty.
    pub fn segment(&self, index: usize) -> Option<String> {
        let segment = self.path().strip_prefix('/')?.split('/').nth(index)?;
        (!segment.is_empty()).then(|| decode(segment, Plus::IsPlus))
    }

    /// The first value of a name in the query, decoded; empty when it stands without a value.
    pub fn query(&self, name: &str) -> Option<String> {
        let (_, query) = self.target.split_once('?')?;
        query
            .split('&')
            .map(|pair| pair.split_once('=').unwrap_or((pair, "")))
            .find(|(key, _)| decode(key, Plus::IsSpace) == name)
            .map(|(_, value)| decode(value, Plus::IsSpace))
    }

    /// The first header of that name, whatever its case, when it is text.
    pub fn header(&self, name: &str) -> Option<&str> {
        let (_, value) = self.headers.iter().find(|(key, _)| key.eq_ignore_ascii_case(name))?;
        std::str::from_utf8(value).ok()
    }

    /// The body.
    pub fn body(&self) -> &[u8] {
        &self.body
    }

    /// The body, read as JSON.
    ///
    /// # Errors
    /// [`crate::Reason::Invalid`], which a visitor sees as 400.
    pub fn json<T: DeserializeOwned>(&self) -> Result<T> {
        serde_json::from_slice(&self.body)
            .map_err(|source| Error::invalid(format!("the body is not what was expected: {source}")))
    }
}

/// The answer to a web request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Response {
    pub(crate) status: u16,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: Vec<u8>,
}

impl Response {
    /// An answer without a body.
    pub fn status(status: u16) -> Self {
        Response { status, headers: Vec::new(), body: Vec::new() }
    }

    /// Plain text, 200.
    pub fn text(text: impl Into<String>) -> Self {
        Self::typed("text/plain; charset=utf-8", text.into())
    }

    /// A page, 200. Text from outside goes through [`Response::escape`] first.
    pub fn html(page: impl Into<String>) -> Self {
        Self::typed("text/html; charset=utf-8", page.into())
    }

    /// JSON, 200.
    ///
    /// # Errors
    /// [`crate::Reason::Failed`] when `value` cannot be written as JSON.
    pub fn json<T: Serialize + ?Sized>(value: &T) -> Result<Self> {
        Ok(Self::typed("application/json", serde_json::to_vec(value)?))
    }

    /// Sends the visitor elsewhere, by 303.
    pub fn redirect(location: impl Into<String>) -> Self {
        Self::status(303).with_header("location", location)
    }

    /// The same answer with another status.
    #[must_use]
    pub fn with_status(mut self, status: u16) -> Self {
        self.status = status;
        self
    }

    /// The same answer with one more header.
    #[must_use]
    pub fn with_header(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.headers.push((name.into(), value.into()));
        self
    }

    /// The same answer with other bytes.
    #[must_use]
    pub fn with_body(mut self, body: impl Into<Vec<u8>>) -> Self {
        self.body = body.into();
        self
    }

    /// 100 to 599.
    pub fn code(&self) -> u16 {
        self.status
    }

    /// The first header of that name, whatever its case.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(key, _)| key.eq_ignore_ascii_case(name)).map(|(_, value)| value.as_str())
    }

    /// The body.
    pub fn body(&self) -> &[u8] {
        &self.body
    }

    /// Text made safe to stand in a page, as content or inside a quoted attribute.
    ///
    /// ```
    /// # use mechtron_guest::Response;
    /// assert_eq!(Response::escape("<b>\"Ada\" & co"), "&lt;b&gt;&quot;Ada&quot; &amp; co");
    /// ```
    pub fn escape(text: &str) -> String {
        let mut safe = String::with_capacity(text.len() + 8);
        for character in text.chars() {
            match character {
                '&' => safe.push_str("&amp;"),
                '<' => safe.push_str("&lt;"),
                '>' => safe.push_str("&gt;"),
                '"' => safe.push_str("&quot;"),
                '\'' => safe.push_str("&#39;"),
                other => safe.push(other),
            }
        }
        safe
    }

    fn typed(content_type: &str, body: impl Into<Vec<u8>>) -> Self {
        Self::status(200).with_header("content-type", content_type).with_body(body)
    }
}

/// What a visitor sees of an error: the mechtron's own words for the mechtron's own refusals, and
/// nothing of what stands behind it when the Star refused something to the mechtron.
impl From<&Error> for Response {
    fn from(error: &Error) -> Self {
        use crate::Reason::*;
        let status = match error.reason {
            Busy | Unavailable | TimedOut => 503,
            _ if error.is_of_host() => 500,
            NotFound => 404,
            Denied => 403,
            Invalid => 400,
            Conflict => 409,
            TooLarge => 413,
            LoopDetected | Failed => 500,
        };
        if status < 500 {
            return Response::text(format!("{}\n", error.message)).with_status(status);
        }
        let response = Response::text("the mechtron could not answer; its log says why\n").with_status(status);
        match error.reason {
            Busy => response.with_header("retry-after", error.retry_ms.div_ceil(1000).to_string()),
            _ => response,
        }
    }
}

/// What `+` means: a blank in a query, itself in a path.
#[derive(Clone, Copy, PartialEq)]
enum Plus {
    IsSpace,
    IsPlus,
}

/// Percent-decoding that keeps what is no escape, and replaces what is no UTF-8.
fn decode(text: &str, plus: Plus) -> String {
    let bytes = text.as_bytes();
    let mut decoded = Vec::with_capacity(bytes.len());
    let mut at = 0;
    while at < bytes.len() {
        let escape = (bytes[at] == b'%').then(|| bytes.get(at + 1..at + 3)).flatten();
        let value = escape.and_then(|digits| Some(hex(digits[0])? << 4 | hex(digits[1])?));
        match (value, bytes[at]) {
            (Some(value), _) => decoded.push(value),
            (None, b'+') if plus == Plus::IsSpace => decoded.push(b' '),
            (None, other) => decoded.push(other),
        }
        at += if value.is_some() { 3 } else { 1 };
    }
    String::from_utf8_lossy(&decoded).into_owned()
}

fn hex(digit: u8) -> Option<u8> {
    char::from(digit).to_digit(16).and_then(|value| u8::try_from(value).ok())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Reason;

    #[test]
    fn segments_and_query_come_decoded() {
        let request = Request::new("GET", "/hello/Ada%20L+?loud=1&who=a+b%21&bare");
        assert_eq!(request.path(), "/hello/Ada%20L+");
        assert_eq!(request.segment(0).as_deref(), Some("hello"));
        assert_eq!(request.segment(1).as_deref(), Some("Ada L+"));
        assert_eq!(request.segment(2), None);
        assert_eq!(request.query("who").as_deref(), Some("a b!"));
        assert_eq!(request.query("bare").as_deref(), Some(""));
        assert_eq!(request.query("none"), None);
    }

    #[test]
    fn what_is_no_escape_stays_as_it_is() {
        for (text, decoded) in
            [("%", "%"), ("%4", "%4"), ("%zz", "%zz"), ("%+1", "%+1"), ("100%", "100%"), ("%41", "A")]
        {
            assert_eq!(decode(text, Plus::IsPlus), decoded, "{text}");
        }
        assert_eq!(decode("%ff", Plus::IsPlus), "\u{fffd}");
    }

    #[test]
    fn a_visitor_never_sees_what_the_star_said_to_the_mechtron() {
        let mut error = Error::new(Reason::Denied, "acme:secret may not be read");
        error.code = "S0501".into();
        let response = Response::from(&error);
        assert_eq!(response.code(), 500);
        assert!(!String::from_utf8_lossy(response.body()).contains("secret"));
        assert_eq!(Response::from(&Error::not_found("no such page")).body(), b"no such page\n");
    }
}
