//! The head of a mechtron's answer, which is not to be trusted.
//!
//! Whoever writes a mechtron must not be able to speak for another site, to confuse what stands
//! between us and the visitor, or to make us hold more than its share.

use axum::http::header::{CONTENT_LENGTH, DATE, HeaderName, HeaderValue, SET_COOKIE};
use axum::http::{HeaderMap, StatusCode};
use bytes::Bytes;

use super::headers::{is_of_the_connection, named_by};
use crate::limits;

/// The head of an answer after it was looked at.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Head {
    pub(super) status: StatusCode,
    pub(super) headers: HeaderMap,
    /// The length that was announced, which the body must keep.
    pub(super) announced_bytes: Option<u64>,
}

/// Why an answer cannot be passed on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(super) enum BadHead {
    #[error("its status is none that an answer can have")]
    Status,
    #[error("it has too many headers, or too long ones")]
    TooMuch,
    #[error("one of its headers is not well formed")]
    Malformed,
    #[error("the length that it announces is not well formed")]
    Length,
}

/// Headers that would change where visitors connect to from then on.
const REFUSED: [&str; 2] = ["alt-svc", "proxy-status"];

/// Reads the head of an answer.
pub(super) fn read(status: u16, given: &[(String, Bytes)]) -> Result<Head, BadHead> {
    // 101 would hand the connection over, the other 1xx are no answers.
    let status =
        StatusCode::from_u16(status).ok().filter(|status| !status.is_informational()).ok_or(BadHead::Status)?;
    let bytes: usize = given.iter().map(|(name, value)| name.len() + value.len()).sum();
    if given.len() > limits::WEB_HEADERS || bytes > limits::WEB_HEADER_BYTES {
        return Err(BadHead::TooMuch);
    }
    let connection = given.iter().filter(|(name, _)| name.eq_ignore_ascii_case("connection"));
    let named = named_by(connection.map(|(_, value)| value.as_ref()));
    let mut headers = HeaderMap::with_capacity(given.len() + 4);
    let mut announced_bytes = None;
    for (name, value) in given {
        let name = HeaderName::from_bytes(name.as_bytes()).map_err(|_| BadHead::Malformed)?;
        let text = name.as_str();
        let dropped = is_of_the_connection(text)
            || REFUSED.contains(&text)
            || named.iter().any(|other| other == text)
            // The server writes the date, so that a clock of a guest cannot spoil caches.
            || name == DATE;
        if name == CONTENT_LENGTH {
            announced_bytes = Some(length(value, announced_bytes)?);
        } else if name == SET_COOKIE {
            headers.append(name, own_cookie(value)?);
        } else if !dropped {
            headers.append(name, HeaderValue::from_maybe_shared(value.clone()).map_err(|_| BadHead::Malformed)?);
        }
    }
    Ok(Head { status, headers, announced_bytes })
}

/// One length, however often it was said.
fn length(value: &[u8], before: Option<u64>) -> Result<u64, BadHead> {
    let digits = !value.is_empty() && value.iter().all(u8::is_ascii_digit);
    let text = std::str::from_utf8(value).ok().filter(|_| digits).ok_or(BadHead::Length)?;
    let length = text.parse().map_err(|_| BadHead::Length)?;
    match before {
        Some(other) if other != length => Err(BadHead::Length),
        _ => Ok(length),
    }
}

/// A cookie for just the host that set it: with a domain it would reach the hosts above and
/// below, which may be other Spaces.
fn own_cookie(value: &[u8]) -> Result<HeaderValue, BadHead> {
    let text = std::str::from_utf8(value).map_err(|_| BadHead::Malformed)?;
    let widens = |part: &&str| {
        let name = part.split('=').next().unwrap_or_default();
        name.trim().eq_ignore_ascii_case("domain")
    };
    let mut parts = text.split(';');
    let pair = parts.next().unwrap_or_default();
    let kept = parts.filter(|part| !widens(part)).fold(pair.to_owned(), |cookie, part| cookie + ";" + part);
    HeaderValue::try_from(kept).map_err(|_| BadHead::Malformed)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn given(pairs: &[(&str, &str)]) -> Vec<(String, Bytes)> {
        pairs.iter().map(|(name, value)| ((*name).to_owned(), Bytes::copy_from_slice(value.as_bytes()))).collect()
    }

    #[test]
    fn what_is_not_for_the_visitor_is_dropped() {
        let head = read(
            200,
            &given(&[
                ("Content-Type", "text/html"),
                ("connection", "x-inner"),
                ("x-inner", "1"),
                ("transfer-encoding", "chunked"),
                ("alt-svc", "h3=\":443\""),
                ("date", "tomorrow"),
                ("x-own", "2"),
            ]),
        );
        let head = head.unwrap();
        let mut names: Vec<&str> = head.headers.keys().map(HeaderName::as_str).collect();
        names.sort_unstable();
        assert_eq!(names, ["content-type", "x-own"]);
    }

    #[test]
    fn a_length_is_taken_only_if_it_is_one() {
        let announced = |values: &[&str]| {
            let pairs: Vec<(&str, &str)> = values.iter().map(|value| ("content-length", *value)).collect();
            read(200, &given(&pairs)).map(|head| (head.announced_bytes, head.headers.len()))
        };
        assert_eq!(announced(&[]), Ok((None, 0)));
        assert_eq!(announced(&["12"]), Ok((Some(12), 0)));
        assert_eq!(announced(&["12", "12"]), Ok((Some(12), 0)));
        for wrong in [&["12", "13"][..], &["+12"], &["12, 12"], &["-1"], &[""], &["99999999999999999999999"]] {
            assert_eq!(announced(wrong), Err(BadHead::Length), "{wrong:?}");
        }
    }

    #[test]
    fn a_cookie_stays_with_its_host() {
        for (cookie, kept) in [
            ("a=b", "a=b"),
            ("a=b; Path=/; HttpOnly", "a=b; Path=/; HttpOnly"),
            ("a=b; Domain=example.com; Secure", "a=b; Secure"),
            ("a=b;domain=.com;DOMAIN = x", "a=b"),
            ("domain=b; Path=/", "domain=b; Path=/"),
        ] {
            let head = read(200, &given(&[("set-cookie", cookie)])).unwrap();
            assert_eq!(head.headers["set-cookie"], kept, "{cookie}");
        }
    }

    #[test]
    fn a_head_that_could_mislead_is_refused() {
        for status in [0, 99, 100, 101, 199, 1000] {
            assert_eq!(read(status, &[]), Err(BadHead::Status), "{status}");
        }
        assert_eq!(read(200, &given(&[("a b", "c")])), Err(BadHead::Malformed));
        assert_eq!(read(200, &given(&[("a", "b\r\nset-cookie: c=d")])), Err(BadHead::Malformed));
        assert_eq!(read(200, &given(&[("set-cookie", "a=b\nc")])), Err(BadHead::Malformed));
        assert_eq!(read(200, &given(&[("a", "b"); limits::WEB_HEADERS + 1])), Err(BadHead::TooMuch));
        let long = "x".repeat(limits::WEB_HEADER_BYTES);
        assert_eq!(read(200, &given(&[("a", &long)])), Err(BadHead::TooMuch));
    }
}
