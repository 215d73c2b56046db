//! What stands in the way of a request, as a page or as JSON.
//!
//! A visitor is told what kind of thing went wrong and the identity of the request; what is
//! inside (paths, causes, hints) stays in the log, because anybody may be a visitor.

use axum::body::Body;
use axum::http::header::{ALLOW, HeaderValue, LOCATION, VARY};
use axum::http::request::Parts;
use axum::http::{HeaderMap, Method, StatusCode};
use axum::response::Response;
use star_path::ResourcePath;
use star_wire::{ErrorCode, StarError};

use super::accept::prefers_json;
use super::pages::{self, Notice, STYLE};
use super::visit::Visit;
use crate::request_id::RequestId;
use crate::status;

/// The answer to a request that ended in an error.
pub(super) fn error(visit: &Visit<'_>, error: &StarError) -> Response {
    refuse(visit.parts, visit.request_id, Some(&visit.site.space), error)
}

/// The same where it is not even known whose site it is.
pub(super) fn without_site(parts: &Parts, request_id: &RequestId, error: &StarError) -> Response {
    refuse(parts, request_id, None, error)
}

fn refuse(parts: &Parts, request_id: &RequestId, space: Option<&ResourcePath>, error: &StarError) -> Response {
    let status = status_of(error.code());
    let path = error.path().map(ResourcePath::as_str);
    let id = request_id.as_str();
    if status.is_server_error() {
        tracing::warn!(request_id = id, path, %error, causes = ?error.causes(), "a web request failed");
    } else {
        tracing::debug!(request_id = id, path, %error, "a web request was refused");
    }
    let shown = shown(error);
    let mut response = match prefers_json(&parts.headers) {
        true => as_json(status, &shown, request_id),
        false => page(status, &shown, request_id, space),
    };
    status::mark(&shown, response.headers_mut());
    response
}

/// A problem in JSON, which depends on what the visitor accepts.
pub(super) fn as_json(status: StatusCode, error: &StarError, request_id: &RequestId) -> Response {
    let mut response = status::problem_with(status, error, request_id);
    response.headers_mut().insert(VARY, HeaderValue::from_static("accept"));
    response
}

fn page(status: StatusCode, shown: &StarError, request_id: &RequestId, space: Option<&ResourcePath>) -> Response {
    let (remedy, command) = remedy(status, space);
    let notice = Notice {
        style: STYLE,
        status: status.as_u16(),
        code: shown.code().to_string(),
        title: title(status),
        lead: shown.code().meaning().to_owned(),
        excerpt: "",
        remedy,
        command,
        request_id: request_id.as_str(),
    };
    pages::answer(status, &notice)
}

/// The bare answer of a rule: a page where it stands for an error, nothing otherwise.
pub(super) fn status(visit: &Visit<'_>, status: StatusCode) -> Response {
    if !status.is_client_error() && !status.is_server_error() {
        return bare(status);
    }
    if prefers_json(&visit.parts.headers) {
        let code = if status.is_server_error() { ErrorCode::Unavailable } else { ErrorCode::NotFound };
        let error = StarError::new(code, title(status).to_lowercase());
        return as_json(status, &error, visit.request_id);
    }
    let (remedy, command) = remedy(status, Some(&visit.site.space));
    let notice = Notice {
        style: STYLE,
        status: status.as_u16(),
        code: String::new(),
        title: title(status),
        lead: "The routes of this site answer it like this.".to_owned(),
        excerpt: "",
        remedy,
        command,
        request_id: visit.request_id.as_str(),
    };
    pages::answer(status, &notice)
}

/// The answer to a method that is not understood here; OPTIONS asks which ones are.
pub(super) fn other_method(visit: &Visit<'_>, allowed: &str) -> Response {
    let mut response = match visit.parts.method == Method::OPTIONS {
        true => bare(StatusCode::NO_CONTENT),
        false => {
            let message = format!("{} is not understood here", visit.parts.method);
            answer_405(visit, &StarError::new(ErrorCode::UnsupportedMethod, message))
        }
    };
    if let Ok(allowed) = HeaderValue::from_str(allowed) {
        response.headers_mut().insert(ALLOW, allowed);
    }
    response
}

fn answer_405(visit: &Visit<'_>, error: &StarError) -> Response {
    let status = StatusCode::METHOD_NOT_ALLOWED;
    match prefers_json(&visit.parts.headers) {
        true => as_json(status, error, visit.request_id),
        false => page(status, error, visit.request_id, Some(&visit.site.space)),
    }
}

/// An answer that sends a visitor elsewhere.
pub(super) fn redirect(status: StatusCode, location: &str) -> Response {
    let mut response = bare(status);
    match HeaderValue::from_str(location) {
        Ok(location) => {
            response.headers_mut().insert(LOCATION, location);
        }
        // A place that cannot be named in a header is none that a browser could go to.
        Err(_) => *response.status_mut() = StatusCode::NOT_FOUND,
    }
    response
}

fn bare(status: StatusCode) -> Response {
    let mut response = Response::new(Body::empty());
    *response.status_mut() = status;
    *response.headers_mut() = HeaderMap::with_capacity(8);
    response
}

/// The error without what is inside.
fn shown(error: &StarError) -> StarError {
    let code = if is_hidden(error.code()) { ErrorCode::NotFound } else { error.code() };
    let shown = StarError::new(code, code.meaning().trim_end_matches('.').to_owned());
    match error.retry_after_ms() {
        Some(after_ms) => shown.retry_after(std::time::Duration::from_millis(after_ms.into())),
        None => shown,
    }
}

/// Errors that would tell a stranger that something exists.
fn is_hidden(code: ErrorCode) -> bool {
    use ErrorCode::{Denied, LoginNeeded, MalformedPath, ParentNotFound, PropertyNotSet, VersionNotFound};
    matches!(code, LoginNeeded | Denied | MalformedPath | ParentNotFound | PropertyNotSet | VersionNotFound)
}

/// The status of an error for a visitor. It differs from that of the API where the mistake is not
/// the visitor's: a document that is not right is the site's.
fn status_of(code: ErrorCode) -> StatusCode {
    use ErrorCode::{
        CallNotGranted, InvalidComponent, InvalidDocument, InvalidMessage, InvalidRoutes, MechtronRejected,
        UnsupportedMethod,
    };
    match code {
        code if is_hidden(code) => StatusCode::NOT_FOUND,
        CallNotGranted | InvalidComponent | InvalidDocument | InvalidMessage | InvalidRoutes | MechtronRejected
        | UnsupportedMethod => StatusCode::BAD_GATEWAY,
        code => status::http_status(code),
    }
}

fn title(status: StatusCode) -> &'static str {
    match status {
        StatusCode::BAD_REQUEST => "This address cannot be read",
        StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => "This is not open to you",
        StatusCode::NOT_FOUND | StatusCode::GONE => "There is nothing here",
        StatusCode::METHOD_NOT_ALLOWED => "That cannot be done here",
        StatusCode::PRECONDITION_FAILED => "This has changed meanwhile",
        StatusCode::PAYLOAD_TOO_LARGE => "That is too much at once",
        StatusCode::RANGE_NOT_SATISFIABLE => "There are no such bytes",
        StatusCode::BAD_GATEWAY => "What answers here has failed",
        StatusCode::SERVICE_UNAVAILABLE => "Too much to do just now",
        StatusCode::GATEWAY_TIMEOUT => "The answer took too long",
        status if status.is_server_error() => "Something went wrong here",
        _ => "This cannot be answered",
    }
}

/// What whoever runs the site does next, and how.
fn remedy(status: StatusCode, space: Option<&ResourcePath>) -> (&'static str, String) {
    match space {
        None => ("If this is your Star, look how it is", "star status".to_owned()),
        Some(space) if status.is_server_error() => {
            ("If this is your site, look how its parts are", format!("star ls -l '{space}:**'"))
        }
        Some(space) => ("If this is your site, look where its routes are", format!("star get {space}#routes")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_visitor_learns_nothing_of_what_is_inside() {
        let path = ResourcePath::parse("acme:secret").unwrap();
        let inner = StarError::new(ErrorCode::MechtronTrapped, "acme:secret trapped")
            .at(&path)
            .hint("look into acme:secret")
            .with_causes(["unreachable at 0x12".to_owned()]);
        let text = status::problem_json(&shown(&inner), &RequestId::made());
        assert!(text.contains("S0701") && !text.contains("secret") && !text.contains("0x12"), "{text}");
        assert_eq!(shown(&StarError::new(ErrorCode::Denied, "no")).code(), ErrorCode::NotFound);
    }

    #[test]
    fn a_fault_of_the_site_is_no_mistake_of_the_visitor() {
        for (code, status) in [
            (ErrorCode::MechtronTrapped, 502),
            (ErrorCode::MechtronMemory, 502),
            (ErrorCode::MechtronReplyInvalid, 502),
            (ErrorCode::MechtronRejected, 502),
            (ErrorCode::InvalidComponent, 502),
            (ErrorCode::MechtronTimeout, 504),
            (ErrorCode::TimedOut, 504),
            (ErrorCode::Busy, 503),
            (ErrorCode::NotRunning, 503),
            (ErrorCode::TooLarge, 413),
            (ErrorCode::Denied, 404),
            (ErrorCode::NotFound, 404),
            (ErrorCode::VersionNotFound, 404),
            (ErrorCode::StorageFailed, 500),
        ] {
            assert_eq!(status_of(code).as_u16(), status, "{}", code.name());
        }
    }
}
