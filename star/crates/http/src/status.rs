//! What stands for an error over HTTP: the one table of statuses, and the two forms of a body.
//!
//! Plain HTTP answers with a problem, a JSON object; calls answer in the form of their protocol,
//! with the same fields as a detail.

use axum::body::Body;
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE, RETRY_AFTER, WWW_AUTHENTICATE};
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use axum::response::Response;
use connectrpc::{ConnectError, ErrorCode as ConnectCode, ErrorDetail};
use serde::Serialize;
use star_api::v1;
use star_wire::{ErrorCode, Outcome, StarError};

use crate::request_id::RequestId;

/// The header that names the code of an error where it is told before the body, so that also an
/// answer without a body says it.
pub(crate) const CODE: HeaderName = HeaderName::from_static("star-error");

/// How a client may show who it is.
const CHALLENGE: HeaderValue = HeaderValue::from_static("Bearer, Basic realm=\"starlane\"");

/// The table: a code, its status over plain HTTP, its code in calls.
///
/// Where whether it was done is not known, the code of calls is none that clients repeat by
/// themselves.
const TABLE: &[(ErrorCode, StatusCode, ConnectCode)] = &[
    (ErrorCode::Internal, StatusCode::INTERNAL_SERVER_ERROR, ConnectCode::Internal),
    (ErrorCode::MalformedPath, StatusCode::BAD_REQUEST, ConnectCode::InvalidArgument),
    (ErrorCode::UnknownKind, StatusCode::BAD_REQUEST, ConnectCode::InvalidArgument),
    (ErrorCode::InvalidProperty, StatusCode::BAD_REQUEST, ConnectCode::InvalidArgument),
    (ErrorCode::InvalidDocument, StatusCode::UNPROCESSABLE_ENTITY, ConnectCode::InvalidArgument),
    (ErrorCode::InvalidRoutes, StatusCode::UNPROCESSABLE_ENTITY, ConnectCode::InvalidArgument),
    (ErrorCode::InvalidMessage, StatusCode::BAD_REQUEST, ConnectCode::InvalidArgument),
    (ErrorCode::UnsupportedMethod, StatusCode::METHOD_NOT_ALLOWED, ConnectCode::Unimplemented),
    (ErrorCode::InvalidBundle, StatusCode::UNPROCESSABLE_ENTITY, ConnectCode::InvalidArgument),
    (ErrorCode::InvalidComponent, StatusCode::UNPROCESSABLE_ENTITY, ConnectCode::InvalidArgument),
    (ErrorCode::InvalidArgument, StatusCode::BAD_REQUEST, ConnectCode::InvalidArgument),
    (ErrorCode::RangeNotSatisfiable, StatusCode::RANGE_NOT_SATISFIABLE, ConnectCode::OutOfRange),
    (ErrorCode::IncompleteUpload, StatusCode::BAD_REQUEST, ConnectCode::Aborted),
    (ErrorCode::UnknownRemote, StatusCode::BAD_REQUEST, ConnectCode::InvalidArgument),
    (ErrorCode::UnsupportedVersion, StatusCode::NOT_ACCEPTABLE, ConnectCode::FailedPrecondition),
    (ErrorCode::UnsupportedMediaType, StatusCode::UNSUPPORTED_MEDIA_TYPE, ConnectCode::InvalidArgument),
    (ErrorCode::LoginNeeded, StatusCode::UNAUTHORIZED, ConnectCode::Unauthenticated),
    (ErrorCode::Denied, StatusCode::FORBIDDEN, ConnectCode::PermissionDenied),
    (ErrorCode::CallNotGranted, StatusCode::FORBIDDEN, ConnectCode::PermissionDenied),
    (ErrorCode::NotFound, StatusCode::NOT_FOUND, ConnectCode::NotFound),
    (ErrorCode::ParentNotFound, StatusCode::NOT_FOUND, ConnectCode::NotFound),
    (ErrorCode::VersionNotFound, StatusCode::NOT_FOUND, ConnectCode::NotFound),
    (ErrorCode::PropertyNotSet, StatusCode::NOT_FOUND, ConnectCode::NotFound),
    (ErrorCode::AlreadyExists, StatusCode::CONFLICT, ConnectCode::AlreadyExists),
    (ErrorCode::VersionExists, StatusCode::CONFLICT, ConnectCode::AlreadyExists),
    (ErrorCode::PreconditionFailed, StatusCode::PRECONDITION_FAILED, ConnectCode::FailedPrecondition),
    (ErrorCode::NotEmpty, StatusCode::CONFLICT, ConnectCode::FailedPrecondition),
    (ErrorCode::WrongParent, StatusCode::CONFLICT, ConnectCode::FailedPrecondition),
    (ErrorCode::Protected, StatusCode::CONFLICT, ConnectCode::FailedPrecondition),
    (ErrorCode::Contended, StatusCode::CONFLICT, ConnectCode::Aborted),
    (ErrorCode::Locked, StatusCode::LOCKED, ConnectCode::Aborted),
    (ErrorCode::StaleFence, StatusCode::PRECONDITION_FAILED, ConnectCode::FailedPrecondition),
    // The status that the draft about the header `Idempotency-Key` asks for.
    (ErrorCode::KeyReused, StatusCode::UNPROCESSABLE_ENTITY, ConnectCode::FailedPrecondition),
    (ErrorCode::TooLarge, StatusCode::PAYLOAD_TOO_LARGE, ConnectCode::ResourceExhausted),
    (ErrorCode::Busy, StatusCode::SERVICE_UNAVAILABLE, ConnectCode::Unavailable),
    (ErrorCode::DiskFull, StatusCode::INSUFFICIENT_STORAGE, ConnectCode::ResourceExhausted),
    (ErrorCode::Expired, StatusCode::GATEWAY_TIMEOUT, ConnectCode::DeadlineExceeded),
    (ErrorCode::TooManyHops, StatusCode::LOOP_DETECTED, ConnectCode::FailedPrecondition),
    (ErrorCode::Reentrant, StatusCode::LOOP_DETECTED, ConnectCode::FailedPrecondition),
    (ErrorCode::TooManyKeys, StatusCode::TOO_MANY_REQUESTS, ConnectCode::ResourceExhausted),
    (ErrorCode::TimedOut, StatusCode::GATEWAY_TIMEOUT, ConnectCode::DeadlineExceeded),
    (ErrorCode::Unavailable, StatusCode::SERVICE_UNAVAILABLE, ConnectCode::Unavailable),
    (ErrorCode::NotRunning, StatusCode::SERVICE_UNAVAILABLE, ConnectCode::Unavailable),
    (ErrorCode::ConnectionLost, StatusCode::BAD_GATEWAY, ConnectCode::Unknown),
    (ErrorCode::MechtronTrapped, StatusCode::BAD_GATEWAY, ConnectCode::Unknown),
    (ErrorCode::MechtronTimeout, StatusCode::GATEWAY_TIMEOUT, ConnectCode::DeadlineExceeded),
    (ErrorCode::MechtronMemory, StatusCode::BAD_GATEWAY, ConnectCode::Unknown),
    (ErrorCode::MechtronRejected, StatusCode::UNPROCESSABLE_ENTITY, ConnectCode::FailedPrecondition),
    (ErrorCode::MechtronReplyInvalid, StatusCode::BAD_GATEWAY, ConnectCode::Unknown),
    (ErrorCode::Panicked, StatusCode::INTERNAL_SERVER_ERROR, ConnectCode::Internal),
    (ErrorCode::Corrupt, StatusCode::INTERNAL_SERVER_ERROR, ConnectCode::DataLoss),
    (ErrorCode::StorageFailed, StatusCode::INTERNAL_SERVER_ERROR, ConnectCode::Internal),
];

fn row(code: ErrorCode) -> (StatusCode, ConnectCode) {
    let row = TABLE.iter().find(|(other, ..)| *other == code);
    row.map_or((StatusCode::INTERNAL_SERVER_ERROR, ConnectCode::Internal), |(_, status, call)| (*status, *call))
}

/// The status of a code over plain HTTP.
pub fn http_status(code: ErrorCode) -> StatusCode {
    row(code).0
}

/// The code of a code in calls.
pub fn connect_code(code: ErrorCode) -> ConnectCode {
    row(code).1
}

/// The body of a problem.
#[derive(Debug, Serialize)]
struct Problem<'e> {
    code: String,
    name: &'static str,
    message: &'e str,
    causes: &'e [String],
    path: Option<&'e str>,
    hint: Option<&'e str>,
    retryable: bool,
    excerpt: Option<&'e str>,
    outcome: &'static str,
    request_id: &'e str,
    #[serde(rename = "retryAfterMs")]
    retry_after_ms: Option<u32>,
}

/// The answer of plain HTTP to a request that ended in an error.
pub fn problem(error: &StarError, request_id: &RequestId) -> Response {
    problem_with(http_status(error.code()), error, request_id)
}

/// The same under another status, where the protocol of the surface asks for one.
pub fn problem_with(status: StatusCode, error: &StarError, request_id: &RequestId) -> Response {
    note(error, request_id);
    let mut response = Response::new(Body::from(problem_json(error, request_id)));
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    mark(error, headers);
    response
}

/// The JSON of a problem.
pub fn problem_json(error: &StarError, request_id: &RequestId) -> String {
    let problem = Problem {
        code: error.code().to_string(),
        name: error.code().name(),
        message: error.message(),
        causes: error.causes(),
        path: error.path().map(star_path::ResourcePath::as_str),
        hint: error.hint_text(),
        retryable: error.code().is_retryable(),
        excerpt: error.excerpt_text(),
        outcome: outcome(error),
        request_id: request_id.as_str(),
        retry_after_ms: error.retry_after_ms(),
    };
    serde_json::to_string(&problem).expect("text, numbers and booleans are always JSON")
}

/// The headers that go with an error, whatever the form of its body.
pub fn mark(error: &StarError, headers: &mut HeaderMap) {
    let code = HeaderValue::try_from(error.code().to_string()).expect("a code is plain text");
    headers.insert(CODE, code);
    if error.code() == ErrorCode::LoginNeeded {
        headers.insert(WWW_AUTHENTICATE, CHALLENGE);
    }
    if let Some(retry_after_ms) = error.retry_after_ms() {
        // The header knows whole seconds only; a client that comes a little late loses nothing.
        headers.insert(RETRY_AFTER, HeaderValue::from(retry_after_ms.div_ceil(1000)));
    }
}

/// The error of a call.
pub fn connect_error(error: &StarError, request_id: &RequestId) -> ConnectError {
    connect_error_as(connect_code(error.code()), error, request_id)
}

/// The same under another code, where the protocol asks for one.
pub(crate) fn connect_error_as(code: ConnectCode, error: &StarError, request_id: &RequestId) -> ConnectError {
    note(error, request_id);
    let detail = detail(error);
    let mut attached = ErrorDetail::from_message(star_api::ERROR_DETAIL, &detail);
    // For those who read the JSON with their own eyes: the value itself is protobuf in base64.
    attached.debug = serde_json::to_value(&detail).ok();
    let mut answer = ConnectError::new(code, error.to_string()).with_detail(attached);
    mark(error, answer.response_headers_mut());
    answer
}

/// An error in the words of the schema.
pub fn detail(error: &StarError) -> v1::ErrorDetail {
    v1::ErrorDetail {
        code: error.code().to_string(),
        message: error.message().to_owned(),
        causes: error.causes().to_vec(),
        path: error.path().map(ToString::to_string).unwrap_or_default(),
        hint: error.hint_text().unwrap_or_default().to_owned(),
        retryable: error.code().is_retryable(),
        excerpt: error.excerpt_text().unwrap_or_default().to_owned(),
        outcome: outcome(error).to_owned(),
        retry_after_ms: error.retry_after_ms().unwrap_or_default(),
        ..Default::default()
    }
}

fn outcome(error: &StarError) -> &'static str {
    match error.code().outcome() {
        Outcome::Rejected => "rejected",
        Outcome::Unknown => "unknown",
    }
}

/// A fault of ours leaves a line; a mistake of the client is the client's affair.
fn note(error: &StarError, request_id: &RequestId) {
    let path = error.path().map(star_path::ResourcePath::as_str);
    if http_status(error.code()) == StatusCode::INTERNAL_SERVER_ERROR {
        tracing::error!(request_id = request_id.as_str(), path, %error, causes = ?error.causes(), "a request failed");
    } else {
        tracing::debug!(request_id = request_id.as_str(), path, %error, "a request was refused");
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use star_path::ResourcePath;

    use super::*;

    fn request_id() -> RequestId {
        RequestId::of(&HeaderMap::from_iter([(crate::request_id::HEADER, HeaderValue::from_static("r-1"))]))
    }

    #[test]
    fn every_code_has_one_row_in_the_order_of_the_codes() {
        let rows: Vec<ErrorCode> = TABLE.iter().map(|(code, ..)| *code).collect();
        assert_eq!(rows, ErrorCode::ALL);
    }

    #[test]
    fn only_what_was_certainly_not_done_invites_clients_to_repeat_it() {
        for code in ErrorCode::ALL {
            let repeated = matches!(connect_code(*code), ConnectCode::Unavailable | ConnectCode::Aborted);
            assert!(!repeated || code.outcome() == Outcome::Rejected, "{}", code.name());
            assert!(!http_status(*code).is_success(), "{}", code.name());
        }
    }

    #[test]
    fn a_problem_says_everything_in_one_json_object() {
        let error = StarError::new(ErrorCode::NotFound, "there is no resource a:b")
            .at(&ResourcePath::parse("a:b").unwrap())
            .with_causes(["it was removed".to_owned()])
            .hint("star ls a");
        assert_eq!(
            problem_json(&error, &request_id()),
            r#"{"code":"S0301","name":"NotFound","message":"there is no resource a:b","causes":["it was removed"],"path":"a:b","hint":"star ls a","retryable":false,"excerpt":null,"outcome":"rejected","request_id":"r-1","retryAfterMs":null}"#
        );
        assert_eq!(problem(&error, &request_id()).status(), StatusCode::NOT_FOUND);
    }

    #[test]
    fn who_needs_a_key_is_told_how_to_show_one() {
        let response = problem(&StarError::new(ErrorCode::LoginNeeded, "this needs a key"), &request_id());
        assert_eq!(response.status(), StatusCode::UNAUTHORIZED);
        assert_eq!(response.headers()[WWW_AUTHENTICATE], "Bearer, Basic realm=\"starlane\"");
    }

    #[test]
    fn a_wait_is_rounded_up_to_whole_seconds() {
        let busy = StarError::new(ErrorCode::Busy, "too much to do").retry_after(Duration::from_millis(50));
        assert_eq!(problem(&busy, &request_id()).headers()[RETRY_AFTER], "1");
        assert_eq!(connect_error(&busy, &request_id()).response_headers()[RETRY_AFTER], "1");
        assert_eq!(detail(&busy).retry_after_ms, 50, "a detail needs no rounding");
    }

    #[test]
    fn a_call_carries_the_same_fields_as_a_detail() {
        let error = StarError::new(ErrorCode::VersionExists, "it exists").hint("take another version");
        let answer: serde_json::Value =
            serde_json::from_slice(&connect_error(&error, &request_id()).to_json()).unwrap();
        assert_eq!(answer["code"], "already_exists");
        assert_eq!(answer["message"], "it exists (S0402)");
        assert_eq!(answer["details"][0]["type"], star_api::ERROR_DETAIL);
        assert_eq!(answer["details"][0]["debug"]["hint"], "take another version");
    }
}
