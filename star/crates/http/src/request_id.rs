//! The identity of a request: taken from `x-request-id` or made, and told in every answer, every
//! error and every line of the log that belongs to the request.

use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, Uri};
use star_wire::MessageId;
use tracing::Span;

use crate::limits;

/// The header that carries it, in and out.
pub const HEADER: HeaderName = HeaderName::from_static("x-request-id");

/// The identity of a request. Cheap to clone; found among the extensions of every request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RequestId(HeaderValue);

impl RequestId {
    /// The identity that the client or a proxy gave, if it is a plain word, else one of our own.
    ///
    /// Anything that is no plain word could forge lines of a log.
    pub fn of(headers: &HeaderMap) -> RequestId {
        match headers.get(HEADER).filter(|given| is_plain(given.as_bytes())) {
            Some(given) => RequestId(given.clone()),
            None => RequestId::made(),
        }
    }

    /// An identity that no other request has.
    pub fn made() -> RequestId {
        let text = MessageId::next().to_string();
        RequestId(HeaderValue::try_from(text).expect("hex digits are the value of a header"))
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        self.0.to_str().expect("an identity is plain text, which `of` checked")
    }

    /// What the lines of the log are told in that belong to the request, where somebody looks for
    /// something: a span costs as much as to find a small file. What is told without being asked for
    /// names request and path itself.
    pub(crate) fn span(&self, method: &Method, uri: &Uri) -> Span {
        tracing::debug_span!("request", id = self.as_str(), %method, path = uri.path())
    }

    /// The value of the header.
    pub fn header(&self) -> HeaderValue {
        self.0.clone()
    }
}

fn is_plain(text: &[u8]) -> bool {
    let plain = |byte: &u8| byte.is_ascii_alphanumeric() || b"-_.".contains(byte);
    !text.is_empty() && text.len() <= limits::REQUEST_ID_BYTES && text.iter().all(plain)
}

impl<S: Sync> FromRequestParts<S> for RequestId {
    type Rejection = std::convert::Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<RequestId, Self::Rejection> {
        // The server puts it there before any router sees the request.
        Ok(parts.extensions.get::<RequestId>().cloned().unwrap_or_else(RequestId::made))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(given: &'static str) -> RequestId {
        RequestId::of(&HeaderMap::from_iter([(HEADER, HeaderValue::from_static(given))]))
    }

    #[test]
    fn a_plain_word_is_taken_over() {
        assert_eq!(of("0a9f-7_x.1").as_str(), "0a9f-7_x.1");
    }

    #[test]
    fn what_could_forge_a_line_of_the_log_is_replaced() {
        for bad in ["", "a b", "a=1", "\"x\"", "a\tb"] {
            assert_eq!(of(bad).as_str().len(), 32, "{bad}");
        }
        let long = "x".repeat(limits::REQUEST_ID_BYTES + 1);
        let headers = HeaderMap::from_iter([(HEADER, HeaderValue::try_from(long).unwrap())]);
        assert_eq!(RequestId::of(&headers).as_str().len(), 32);
    }

    #[test]
    fn two_requests_without_one_get_different_ones() {
        assert_ne!(RequestId::of(&HeaderMap::new()), RequestId::of(&HeaderMap::new()));
    }
}
