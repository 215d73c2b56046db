//! Media types: guessed by the ending of a name, or given by whoever writes.

use std::sync::Arc;

use axum::http::header::CONTENT_TYPE;
use axum::http::{HeaderMap, HeaderValue};
use star_wire::{ErrorCode, StarError};

/// What is said of bytes that nobody knows anything about.
const UNKNOWN: &str = "application/octet-stream";

/// Longest media type that is kept.
const MAX_BYTES: usize = 255;

/// The media type that the ending of a name stands for. Texts are UTF-8 unless somebody says
/// otherwise: browsers still assume a code page of 1991.
pub(crate) fn guess(name: &str) -> Arc<str> {
    match mime_guess::from_path(name).first_raw() {
        Some(text) if text.starts_with("text/") => format!("{text}; charset=utf-8").into(),
        Some(known) => known.into(),
        None => UNKNOWN.into(),
    }
}

/// The media type that came with a body.
///
/// # Errors
/// `InvalidArgument` when it is none.
pub(crate) fn given(headers: &HeaderMap) -> Result<Option<Arc<str>>, StarError> {
    let Some(value) = headers.get(CONTENT_TYPE) else { return Ok(None) };
    match value.to_str().ok().and_then(parsed) {
        Some(text) => Ok(Some(text)),
        None => Err(StarError::new(ErrorCode::InvalidArgument, "the `content-type` is no media type")
            .hint("like `text/html; charset=utf-8`, or leave it out")),
    }
}

/// The media type that a text is, if it is one.
pub(crate) fn parsed(text: &str) -> Option<Arc<str>> {
    let text = text.trim();
    is_media_type(text).then(|| text.into())
}

fn is_media_type(text: &str) -> bool {
    let essence = text.split(';').next().unwrap_or_default().trim();
    let token = |part: &str| {
        !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"!#$&^_.+-".contains(&byte))
    };
    text.len() <= MAX_BYTES && essence.split_once('/').is_some_and(|(kind, form)| token(kind) && token(form))
}

/// The value of the header for a kept media type.
pub(crate) fn header(content_type: &str) -> HeaderValue {
    HeaderValue::from_str(content_type).unwrap_or_else(|_| HeaderValue::from_static(UNKNOWN))
}

/// The same for browsers: a text that says nothing of its encoding is UTF-8.
pub(crate) fn header_for_browsers(content_type: &str) -> HeaderValue {
    if content_type.starts_with("text/") && !content_type.contains(';') {
        return header(&format!("{content_type}; charset=utf-8"));
    }
    header(content_type)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_ending_of_a_name_decides() {
        for (name, expected) in [
            ("index.html", "text/html; charset=utf-8"),
            ("a/b.css", "text/css; charset=utf-8"),
            ("logo.SVG", "image/svg+xml"),
            ("greeter.wasm", "application/wasm"),
            ("data.json", "application/json"),
            ("LICENSE", "application/octet-stream"),
        ] {
            assert_eq!(&*guess(name), expected, "{name}");
        }
    }

    #[test]
    fn only_a_media_type_is_taken_as_one() {
        for (value, taken) in
            [("text/html", true), ("a/b; c=d", true), ("html", false), ("a/", false), ("a b/c", false)]
        {
            let headers = HeaderMap::from_iter([(CONTENT_TYPE, HeaderValue::from_static(value))]);
            assert_eq!(given(&headers).is_ok(), taken, "{value}");
        }
        assert_eq!(given(&HeaderMap::new()).unwrap(), None);
    }

    #[test]
    fn browsers_are_told_the_encoding_of_texts() {
        assert_eq!(header_for_browsers("text/markdown"), "text/markdown; charset=utf-8");
        assert_eq!(header_for_browsers("text/html; charset=latin1"), "text/html; charset=latin1");
        assert_eq!(header_for_browsers("image/png"), "image/png");
    }
}
