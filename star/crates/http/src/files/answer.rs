//! From a content to the answer that carries it: validators, ranges, the body.

use std::time::{Duration, UNIX_EPOCH};

use axum::body::Body;
use axum::http::header::{
    ACCEPT_RANGES, CONTENT_LENGTH, CONTENT_RANGE, CONTENT_TYPE, ETAG, HeaderName, LAST_MODIFIED, RANGE,
};
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode};
use axum::response::Response;
use star_core::command::Opened;
use star_core::ports::clock::UnixMillis;
use star_core::ports::content::{ByteRange, ContentError, ContentStore, Reading};
use star_path::ResourcePath;
use star_wire::{ErrorCode, StarError};

use super::conditions::{self, Verdict};
use super::range::{self, Ranged};

/// The answer to a GET or HEAD of a content.
///
/// # Errors
/// `PreconditionFailed`, `RangeNotSatisfiable` (see [`mark_range`]), and what the content store
/// refuses. An error behind the head of the answer cuts the connection.
pub(crate) async fn answer(
    store: &dyn ContentStore,
    method: &Method,
    headers: &HeaderMap,
    opened: &Opened,
    content_type: HeaderValue,
) -> Result<Response, StarError> {
    let size_bytes = opened.content.size_bytes;
    let tag = conditions::tag_of(&opened.content.digest);
    match conditions::judge(headers, &tag, opened.modified_ms) {
        Verdict::Go => {}
        Verdict::NotModified => return Ok(bare(StatusCode::NOT_MODIFIED, opened, tag)),
        Verdict::Failed => {
            let message = format!("the content of {} is another one", opened.path);
            return Err(StarError::new(ErrorCode::PreconditionFailed, message).at(&opened.path));
        }
    }
    let part = match wanted(method, headers, opened, &tag) {
        Ranged::Whole => None,
        Ranged::Part(part) => Some(part),
        Ranged::Outside => return Err(outside(opened)),
    };
    let len = part.map_or(size_bytes, |part| part.len);
    let body = match *method == Method::HEAD {
        true => Body::empty(),
        false => body(store, opened, part).await?,
    };
    let status = if part.is_some() { StatusCode::PARTIAL_CONTENT } else { StatusCode::OK };
    let mut response = bare(status, opened, tag);
    *response.body_mut() = body;
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, content_type);
    headers.insert(CONTENT_LENGTH, HeaderValue::from(len));
    headers.insert(ACCEPT_RANGES, HeaderValue::from_static("bytes"));
    if let Some(ByteRange { start, len }) = part {
        headers.insert(CONTENT_RANGE, value(format!("bytes {start}-{}/{size_bytes}", start + len - 1)));
    }
    Ok(response)
}

/// Says how long the content is, in the answer to a range outside of it.
pub(crate) fn mark_range(headers: &mut HeaderMap, size_bytes: u64) {
    headers.insert(CONTENT_RANGE, value(format!("bytes */{size_bytes}")));
}

/// The error of this surface for one of the content store.
pub(crate) fn unreadable(path: &ResourcePath, error: &ContentError) -> StarError {
    let code = match error {
        ContentError::Corrupt { .. } | ContentError::Unknown(_) => ErrorCode::Corrupt,
        _ => ErrorCode::StorageFailed,
    };
    StarError::new(code, format!("{path} could not be read")).at(path).because(error)
}

fn wanted(method: &Method, headers: &HeaderMap, opened: &Opened, tag: &str) -> Ranged {
    let Some(value) = headers.get(RANGE).filter(|_| *method == Method::GET) else { return Ranged::Whole };
    match value.to_str() {
        Ok(text) if conditions::range_applies(headers, tag, opened.modified_ms) => {
            range::read(text, opened.content.size_bytes)
        }
        _ => Ranged::Whole,
    }
}

fn outside(opened: &Opened) -> StarError {
    let message = format!("{} has {} bytes only", opened.path, opened.content.size_bytes);
    StarError::new(ErrorCode::RangeNotSatisfiable, message).at(&opened.path)
}

async fn body(store: &dyn ContentStore, opened: &Opened, part: Option<ByteRange>) -> Result<Body, StarError> {
    match store.read(&opened.content, part).await.map_err(|error| unreadable(&opened.path, &error))? {
        Reading::Whole(bytes) => Ok(Body::from(bytes)),
        Reading::Stream(stream) => Ok(Body::from_stream(stream)),
    }
}

/// An answer with the validators, and without a body.
fn bare(status: StatusCode, opened: &Opened, tag: String) -> Response {
    let mut response = Response::new(Body::empty());
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.reserve(12);
    headers.insert(ETAG, value(tag));
    headers.insert(LAST_MODIFIED, date(opened.modified_ms));
    response
}

fn date(at_ms: UnixMillis) -> HeaderValue {
    value(httpdate::fmt_http_date(UNIX_EPOCH + Duration::from_millis(at_ms)))
}

fn value(text: String) -> HeaderValue {
    HeaderValue::try_from(text).expect("digests, numbers and dates are printable ASCII")
}

/// The header that keeps browsers from guessing what bytes are.
pub(crate) const NO_SNIFFING: (HeaderName, HeaderValue) =
    (axum::http::header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
