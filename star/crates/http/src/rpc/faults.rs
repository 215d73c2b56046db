//! Errors that the protocol library finds by itself, in our words.
//!
//! A body that is no message, a method that nobody knows, a body that is too long: such requests never
//! reach a handler, and the library answers them with a code and a message alone. Here each gets the
//! detail that every error of ours has; what the protocol asks for (code, status, framing) stays. Such
//! an answer is known by not carrying the header of our errors, and by ending where it begins.

use axum::body::Body;
use axum::http::header::{ALLOW, CONTENT_TYPE};
use axum::http::response::Parts;
use axum::http::{HeaderMap, HeaderName, Response, StatusCode, Uri};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD_NO_PAD;
use bytes::Bytes;
use connectrpc::{ConnectError, ConnectRpcBody, ErrorCode as ConnectCode};
use futures::FutureExt;
use http_body_util::{BodyExt, Full};
use serde::Deserialize;
use star_wire::{ErrorCode, StarError};

use super::PROCEDURES;
use crate::files::address;
use crate::request_id::RequestId;
use crate::status;

const GRPC_STATUS: HeaderName = HeaderName::from_static("grpc-status");
const GRPC_MESSAGE: HeaderName = HeaderName::from_static("grpc-message");
const ACCEPT_POST: HeaderName = HeaderName::from_static("accept-post");

/// The first byte of the frame that ends a stream of Connect.
const END_OF_STREAM: u8 = 0x02;

/// The first byte of the frame that holds the trailers of gRPC-Web.
const TRAILERS: u8 = 0x80;

/// The length of what stands before the content of such a frame.
const FRAME_HEAD: usize = 5;

/// The request that an answer belongs to.
#[derive(Debug, Clone)]
pub(super) struct Asked {
    pub(super) uri: Uri,
    pub(super) request_id: RequestId,
}

impl Asked {
    /// The answer, with a detail of ours if it is an error without one.
    pub(super) fn in_our_words(self, response: Response<ConnectRpcBody>) -> Response<Body> {
        let (head, body) = response.into_parts();
        match body {
            ConnectRpcBody::Full(full) if !head.status.is_success() && !is_ours(&head.headers) => {
                self.refused(&head, full)
            }
            ConnectRpcBody::Full(full) => Response::from_parts(head, Body::new(full)),
            framed if is_ours(&head.headers) => Response::from_parts(head, Body::new(framed)),
            framed => match of_trailers(&head.headers) {
                Some(error) => self.rendered(&error, &head.headers).map(Body::new),
                None => self.watched(head, framed),
            },
        }
    }

    /// The error of a unary call of Connect.
    fn refused(&self, head: &Parts, body: Full<Bytes>) -> Response<Body> {
        let text = body.collect().now_or_never().and_then(Result::ok).map(|body| body.to_bytes()).unwrap_or_default();
        let mut answer = match serde_json::from_slice::<ConnectError>(&text) {
            Ok(error) => {
                let ours = self.ours(&error, head.status);
                let error = status::connect_error_as(error.code, &ours, &self.request_id);
                error.into_http_response(&HeaderMap::new()).map(Body::new)
            }
            // Where the library cannot tell the protocol, it says nothing but the status.
            Err(_) => {
                let error = ConnectError::new(ConnectCode::Unknown, nothing_said(head.status));
                status::problem(&self.ours(&error, head.status), &self.request_id)
            }
        };
        *answer.status_mut() = head.status;
        for name in [ALLOW, ACCEPT_POST] {
            answer.headers_mut().extend(head.headers.get(&name).map(|value| (name, value.clone())));
        }
        answer
    }

    /// The same error, in the form of the answer that it came in.
    fn rendered(&self, error: &ConnectError, headers: &HeaderMap) -> Response<ConnectRpcBody> {
        let ours = self.ours(error, StatusCode::OK);
        let protocol = headers.get(CONTENT_TYPE).map(|value| (CONTENT_TYPE, value.clone())).into_iter().collect();
        status::connect_error_as(error.code, &ours, &self.request_id).into_http_response(&protocol)
    }

    /// An answer whose first frame may turn out to be an error.
    fn watched(self, head: Parts, body: ConnectRpcBody) -> Response<Body> {
        let headers = head.headers.clone();
        let mut first = true;
        let body = body.map_frame(move |frame| {
            if !std::mem::take(&mut first) {
                return frame;
            }
            let error = frame.data_ref().and_then(|data| of_last_frame(data));
            let told = error.and_then(|error| self.rendered(&error, &headers).into_body().frame().now_or_never());
            told.flatten().and_then(Result::ok).unwrap_or(frame)
        });
        Response::from_parts(head, Body::new(body))
    }

    /// The error in our words.
    fn ours(&self, error: &ConnectError, http: StatusCode) -> StarError {
        let message = error.message.clone().unwrap_or_default();
        let is_known = PROCEDURES.contains(&self.uri.path());
        let is_type = http == StatusCode::UNSUPPORTED_MEDIA_TYPE
            || error.code == ConnectCode::Unimplemented && message.contains("support");
        let (code, hint) = match error.code {
            ConnectCode::Unimplemented if !is_known => (ErrorCode::UnsupportedMethod, SCHEMA),
            _ if is_type => (ErrorCode::UnsupportedMediaType, TYPES),
            _ if http == StatusCode::METHOD_NOT_ALLOWED => (ErrorCode::UnsupportedMethod, "send a POST"),
            ConnectCode::InvalidArgument | ConnectCode::Unimplemented => (ErrorCode::InvalidArgument, SCHEMA),
            ConnectCode::ResourceExhausted => (ErrorCode::TooLarge, "send larger things as bytes, with PUT /r/PATH"),
            ConnectCode::DeadlineExceeded => (ErrorCode::TimedOut, "allow more time"),
            _ => (ErrorCode::Internal, "the log of the Star says more"),
        };
        StarError::new(code, message).hint(hint)
    }
}

const SCHEMA: &str = "proto/starlane/v1 says which calls there are and what they take";
const TYPES: &str =
    "calls take application/json, application/proto, application/connect+json, application/grpc and their kin";

fn is_ours(headers: &HeaderMap) -> bool {
    headers.contains_key(status::CODE)
}

fn nothing_said(status: StatusCode) -> &'static str {
    match status {
        StatusCode::UNSUPPORTED_MEDIA_TYPE => "a call of this content type is not understood",
        StatusCode::METHOD_NOT_ALLOWED => "a call is no request of this method",
        _ => "the call is not understood",
    }
}

/// The error that the head of an answer of gRPC tells.
fn of_trailers(trailers: &HeaderMap) -> Option<ConnectError> {
    let text = |name: HeaderName| trailers.get(name).and_then(|value| value.to_str().ok());
    error(text(GRPC_STATUS)?, text(GRPC_MESSAGE).unwrap_or_default())
}

fn error(code: &str, message: &str) -> Option<ConnectError> {
    let code = ConnectCode::from_grpc_code(code.trim().parse().ok()?)?;
    let message = message.trim();
    let message = address::decoded(message).map_or_else(|_| message.to_owned(), |text| text.into_owned());
    Some(ConnectError::new(code, message))
}

/// The error that a frame tells which is the last of its answer, if it has no detail yet.
fn of_last_frame(frame: &[u8]) -> Option<ConnectError> {
    let content = frame.get(FRAME_HEAD..)?;
    match *frame.first()? {
        END_OF_STREAM => {
            #[derive(Deserialize)]
            struct End {
                error: Option<ConnectError>,
            }
            let end: End = serde_json::from_slice(content).ok()?;
            end.error.filter(|error| error.details.is_empty())
        }
        TRAILERS => {
            let text = std::str::from_utf8(content).ok()?;
            let lines = || text.lines().filter_map(|line| line.split_once(':'));
            let value = |wanted: &str| lines().find(|(name, _)| *name == wanted).map(|(_, value)| value);
            let is_detailed = value("grpc-status-details-bin").is_some_and(names_our_detail);
            (!is_detailed).then(|| error(value("grpc-status")?, value("grpc-message").unwrap_or_default())).flatten()
        }
        _ => None,
    }
}

fn names_our_detail(details: &str) -> bool {
    let name = star_api::ERROR_DETAIL.as_bytes();
    let status = STANDARD_NO_PAD.decode(details.trim()).unwrap_or_default();
    status.windows(name.len()).any(|window| window == name)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asked(path: &'static str) -> Asked {
        Asked { uri: Uri::from_static(path), request_id: RequestId::made() }
    }

    #[test]
    fn an_error_of_the_library_gets_a_code_of_ours() {
        let known = asked("/starlane.v1.Resources/Info");
        for (code, http, message, expected) in [
            (ConnectCode::InvalidArgument, 400, "failed to decode", ErrorCode::InvalidArgument),
            (ConnectCode::Unimplemented, 200, "unsupported compression: br", ErrorCode::UnsupportedMediaType),
            (
                ConnectCode::Unimplemented,
                200,
                "unary request must have exactly one message",
                ErrorCode::InvalidArgument,
            ),
            (ConnectCode::Unknown, 415, "unsupported content type", ErrorCode::UnsupportedMediaType),
            (ConnectCode::Unknown, 405, "only POST", ErrorCode::UnsupportedMethod),
            (ConnectCode::ResourceExhausted, 429, "too long", ErrorCode::TooLarge),
            (ConnectCode::DeadlineExceeded, 504, "request timeout", ErrorCode::TimedOut),
            (ConnectCode::Internal, 500, "broken", ErrorCode::Internal),
        ] {
            let error = known.ours(&ConnectError::new(code, message), StatusCode::from_u16(http).unwrap());
            assert_eq!((error.code(), error.message()), (expected, message));
        }
        let unknown = asked("/starlane.v1.Resources/Nothing");
        let error = ConnectError::new(ConnectCode::Unimplemented, "method not found");
        assert_eq!(unknown.ours(&error, StatusCode::NOT_FOUND).code(), ErrorCode::UnsupportedMethod);
    }

    #[test]
    fn only_frames_that_end_an_answer_with_a_bare_error_are_told_again() {
        let web = |text: &str| [&[TRAILERS, 0, 0, 0, text.len() as u8], text.as_bytes()].concat();
        let end = |text: &str| [&[END_OF_STREAM, 0, 0, 0, text.len() as u8], text.as_bytes()].concat();
        let bare = of_last_frame(&web("grpc-status: 12\r\ngrpc-message: 50%25\r\n")).unwrap();
        assert_eq!((bare.code, bare.message.as_deref()), (ConnectCode::Unimplemented, Some("50%")));
        let detail = STANDARD_NO_PAD.encode("..starlane.v1.ErrorDetail..");
        assert!(of_last_frame(&web(&format!("grpc-status: 12\r\ngrpc-status-details-bin: {detail}\r\n"))).is_none());
        assert!(of_last_frame(&web("grpc-status: 0\r\n")).is_none());
        assert!(of_last_frame(&end(r#"{"error":{"code":"not_found","message":"m"}}"#)).is_some());
        assert!(of_last_frame(&end(r#"{"error":{"code":"not_found","details":[{"type":"t"}]}}"#)).is_none());
        assert!(of_last_frame(&end("{}")).is_none());
        assert!(of_last_frame(&[0, 0, 0, 0, 1, b'x']).is_none());
        assert!(of_last_frame(&[]).is_none());
    }
}
