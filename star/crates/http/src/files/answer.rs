//! From a content to the answer that carries it: its form, validators, ranges, the body.

use std::time::{Duration, UNIX_EPOCH};

use axum::body::Body;
use axum::http::header::{
    ACCEPT_RANGES, CONTENT_LENGTH, CONTENT_RANGE, CONTENT_TYPE, HeaderName, LAST_MODIFIED, RANGE,
};
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode};
use axum::response::Response;
use star_core::command::Opened;
use star_core::ports::clock::UnixMillis;
use star_core::ports::content::{ByteRange, ContentError, ContentStore};
use star_path::ResourcePath;
use star_wire::{ErrorCode, StarError};

use super::conditions::{self, Verdict};
use super::face::Face;
use super::range::{self, Ranged};

/// Why a content is not sent.
#[derive(Debug)]
pub(crate) struct Refused {
    /// What is wrong.
    pub(crate) error: StarError,
    /// The length of the form that was asked for, where a range lies outside of it.
    outside_of: Option<u64>,
}

impl From<StarError> for Refused {
    fn from(error: StarError) -> Refused {
        Refused { error, outside_of: None }
    }
}

impl Refused {
    /// Says how long the content is, in the answer to a range outside of it.
    pub(crate) fn mark(&self, headers: &mut HeaderMap) {
        if let Some(size_bytes) = self.outside_of {
            headers.insert(CONTENT_RANGE, value(format!("bytes */{size_bytes}")));
        }
    }
}

/// The answer to a GET or HEAD of a content, in the form that the request takes.
///
/// # Errors
/// `PreconditionFailed`, `RangeNotSatisfiable`, and what the content store refuses. An error behind the
/// head of the answer cuts the connection.
pub(crate) async fn answer(
    store: &dyn ContentStore,
    method: &Method,
    headers: &HeaderMap,
    opened: &Opened,
    content_type: HeaderValue,
) -> Result<Response, Refused> {
    let unreadable = |error| unreadable(&opened.path, &error);
    let face = Face::choose(store, headers, &opened.content).await.map_err(unreadable)?;
    match conditions::judge(headers, face.tag(), opened.modified_ms) {
        Verdict::Go => {}
        Verdict::NotModified => return Ok(bare(StatusCode::NOT_MODIFIED, opened, face)),
        Verdict::Failed => {
            let message = format!("the content of {} is another one", opened.path);
            return Err(StarError::new(ErrorCode::PreconditionFailed, message).at(&opened.path).into());
        }
    }
    let size_bytes = face.size_bytes();
    let part = match wanted(method, headers, opened, &face) {
        Ranged::Whole => None,
        Ranged::Part(part) => Some(part),
        Ranged::Outside => return Err(outside(opened, size_bytes)),
    };
    let body = match *method == Method::HEAD {
        true => Body::empty(),
        false => face.body(store, part).await.map_err(unreadable)?,
    };
    let status = if part.is_some() { StatusCode::PARTIAL_CONTENT } else { StatusCode::OK };
    let mut response = bare(status, opened, face);
    *response.body_mut() = body;
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, content_type);
    headers.insert(CONTENT_LENGTH, HeaderValue::from(part.map_or(size_bytes, |part| part.len)));
    headers.insert(ACCEPT_RANGES, HeaderValue::from_static("bytes"));
    if let Some(ByteRange { start, len }) = part {
        headers.insert(CONTENT_RANGE, value(format!("bytes {start}-{}/{size_bytes}", start + len - 1)));
    }
    Ok(response)
}

/// The error of this surface for one of the content store.
pub(crate) fn unreadable(path: &ResourcePath, error: &ContentError) -> StarError {
    let code = match error {
        ContentError::Corrupt { .. } | ContentError::Unknown(_) => ErrorCode::Corrupt,
        _ => ErrorCode::StorageFailed,
    };
    StarError::new(code, format!("{path} could not be read")).at(path).because(error)
}

fn wanted(method: &Method, headers: &HeaderMap, opened: &Opened, face: &Face<'_>) -> Ranged {
    let Some(value) = headers.get(RANGE).filter(|_| *method == Method::GET) else { return Ranged::Whole };
    match value.to_str() {
        Ok(text) if conditions::range_applies(headers, face.tag(), opened.modified_ms) => {
            range::read(text, face.size_bytes())
        }
        _ => Ranged::Whole,
    }
}

fn outside(opened: &Opened, size_bytes: u64) -> Refused {
    let message = format!("{} has {size_bytes} bytes only", opened.path);
    let error = StarError::new(ErrorCode::RangeNotSatisfiable, message).at(&opened.path);
    Refused { error, outside_of: Some(size_bytes) }
}

/// An answer with the validators, and without a body.
fn bare(status: StatusCode, opened: &Opened, face: Face<'_>) -> Response {
    let mut response = Response::new(Body::empty());
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.reserve(14);
    face.mark(headers);
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
