//! Headers between visitors and what answers them: what belongs to one connection stays there,
//! and every answer says what browsers should not guess.

use std::time::Duration;

use axum::http::header::{
    CACHE_CONTROL, CONNECTION, HOST, HeaderName, HeaderValue, REFERRER_POLICY, VARY, X_CONTENT_TYPE_OPTIONS,
    X_FRAME_OPTIONS,
};
use axum::http::{HeaderMap, StatusCode};
use bytes::Bytes;
use star_kinds::routes::RouteOptions;

use crate::request_id::{self, RequestId};

/// Headers that concern one connection and are not passed on, beside those that `connection`
/// names.
const OF_THE_CONNECTION: [&str; 11] = [
    "connection",
    "expect",
    "http2-settings",
    "keep-alive",
    "proxy-authenticate",
    "proxy-authorization",
    "proxy-connection",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
];

/// Whether a header, in lower case, concerns one connection only.
pub(super) fn is_of_the_connection(name: &str) -> bool {
    OF_THE_CONNECTION.contains(&name)
}

/// The headers that the values of `connection` name, in lower case.
pub(super) fn named_by<'v>(values: impl Iterator<Item = &'v [u8]>) -> Vec<String> {
    let texts = values.filter_map(|value| std::str::from_utf8(value).ok());
    let names = texts.flat_map(|text| text.split(',')).map(|name| name.trim().to_ascii_lowercase());
    names.filter(|name| !name.is_empty()).collect()
}

/// The headers of a visitor as a mechtron gets them. The host stands in the address.
pub(super) fn for_code(headers: &HeaderMap, request_id: &RequestId) -> Vec<(String, Bytes)> {
    let named = named_by(headers.get_all(CONNECTION).iter().map(HeaderValue::as_bytes));
    let kept = headers.iter().filter(|(name, _)| {
        let text = name.as_str();
        let stays = is_of_the_connection(text) || **name == HOST || **name == request_id::HEADER;
        !stays && !named.iter().any(|other| other == text)
    });
    let copied = kept.map(|(name, value)| (name.as_str().to_owned(), Bytes::copy_from_slice(value.as_bytes())));
    let own = (request_id::HEADER.as_str().to_owned(), Bytes::copy_from_slice(request_id.as_str().as_bytes()));
    copied.chain([own]).collect()
}

/// Puts what the rule says, and what every answer of a site has, into an answer.
pub(super) fn finish(status: StatusCode, headers: &mut HeaderMap, options: &RouteOptions) {
    let may_be_kept = status.is_success() || status.is_redirection();
    if let Some(time) = options.cache.filter(|_| may_be_kept) {
        headers.insert(CACHE_CONTROL, cache_control(time));
    }
    for (name, value) in &options.headers {
        // The reader of the rule has checked both.
        if let (Ok(name), Ok(value)) = (HeaderName::from_bytes(name.as_bytes()), HeaderValue::from_str(value)) {
            if name == VARY {
                // What an answer varies by stays true whatever else it varies by.
                headers.append(name, value);
            } else {
                headers.insert(name, value);
            }
        }
    }
    for (name, value) in DEFAULTS {
        headers.entry(name).or_insert(value);
    }
}

/// What every answer of a site says unless it says otherwise itself.
const DEFAULTS: [(HeaderName, HeaderValue); 3] = [
    (X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff")),
    (REFERRER_POLICY, HeaderValue::from_static("strict-origin-when-cross-origin")),
    (X_FRAME_OPTIONS, HeaderValue::from_static("SAMEORIGIN")),
];

fn cache_control(time: Duration) -> HeaderValue {
    match time.as_secs() {
        0 => HeaderValue::from_static("no-cache"),
        seconds => HeaderValue::try_from(format!("public, max-age={seconds}")).expect("digits and words"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(pairs: &[(&'static str, &'static str)]) -> HeaderMap {
        let pair = |(name, value): &(&'static str, &'static str)| {
            (HeaderName::from_static(name), HeaderValue::from_static(value))
        };
        pairs.iter().map(pair).collect()
    }

    #[test]
    fn what_concerns_the_connection_is_not_passed_on() {
        let came = headers(&[
            ("host", "a"),
            ("accept", "*/*"),
            ("connection", "close, X-Secret"),
            ("x-secret", "1"),
            ("te", "trailers"),
            ("transfer-encoding", "chunked"),
            ("upgrade", "websocket"),
            ("cookie", "a=b"),
            ("x-request-id", "forged id"),
        ]);
        let id = RequestId::made();
        let passed: Vec<String> = for_code(&came, &id).into_iter().map(|(name, _)| name).collect();
        assert_eq!(passed, ["accept", "cookie", "x-request-id"]);
        assert_eq!(for_code(&came, &id)[2].1, id.as_str());
    }

    #[test]
    fn a_rule_has_the_last_word_and_defaults_have_none() {
        let options = RouteOptions {
            cache: Some(Duration::from_secs(60)),
            headers: vec![("x-frame-options".into(), "DENY".into()), ("vary".into(), "origin".into())],
            ..RouteOptions::default()
        };
        let mut answer =
            headers(&[("cache-control", "no-store"), ("referrer-policy", "no-referrer"), ("vary", "accept-encoding")]);
        finish(StatusCode::OK, &mut answer, &options);
        assert_eq!(answer["cache-control"], "public, max-age=60");
        assert_eq!(answer["x-frame-options"], "DENY");
        assert_eq!(answer["referrer-policy"], "no-referrer");
        assert_eq!(answer.get_all("vary").iter().collect::<Vec<_>>(), ["accept-encoding", "origin"]);
        assert_eq!(answer["x-content-type-options"], "nosniff");
        let mut failed = HeaderMap::new();
        finish(StatusCode::NOT_FOUND, &mut failed, &options);
        assert!(!failed.contains_key("cache-control"));
    }
}
