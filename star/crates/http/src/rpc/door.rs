//! What stands before every service: credentials, limits on bodies, and panics as answers.

use std::convert::Infallible;
use std::panic::AssertUnwindSafe;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use axum::body::Body;
use axum::http::header::CONTENT_TYPE;
use axum::http::{HeaderMap, Request, Response};
use connectrpc::{ConnectRpcBody, ConnectRpcService, DeadlinePolicy, Limits, Router};
use futures::FutureExt;
use star_wire::{ErrorCode, StarError};
use tower::Service;

use super::faults::Asked;
use crate::auth::{self, Caller};
use crate::limits;
use crate::request_id::RequestId;
use crate::state::ApiState;
use crate::status;
use crate::versions::Spoken;

/// A service with its door.
#[derive(Clone)]
pub(super) struct Door {
    state: ApiState,
    json: ConnectRpcService,
    proto: ConnectRpcService,
}

impl Door {
    pub(super) fn new(state: &ApiState, router: Router, deadlines: &DeadlinePolicy) -> Door {
        let router = Arc::new(router);
        let service = |body_bytes: usize| {
            let limits = Limits::default()
                .with_max_request_body_size(body_bytes)
                .with_max_message_size(body_bytes)
                .with_element_memory_limit(limits::CALL_ELEMENT_BYTES);
            ConnectRpcService::from_arc(Arc::clone(&router)).with_limits(limits).with_deadline_policy(deadlines.clone())
        };
        Door { state: state.clone(), json: service(limits::CALL_JSON_BYTES), proto: service(limits::CALL_BYTES) }
    }
}

impl Service<Request<Body>> for Door {
    type Response = Response<Body>;
    type Error = Infallible;
    type Future = Pin<Box<dyn Future<Output = Result<Response<Body>, Infallible>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, mut request: Request<Body>) -> Self::Future {
        let request_id = request.extensions().get::<RequestId>().cloned().unwrap_or_else(RequestId::made);
        let protocol = content_type(request.headers());
        let spoken = request.extensions().get::<Spoken>().copied().unwrap_or_default();
        if let Err(error) = spoken.knows_call(request.uri().path()) {
            return Box::pin(std::future::ready(Ok(refused(&error, &request_id, &protocol))));
        }
        match auth::authority(&self.state, request.headers()) {
            Ok(authority) => request.extensions_mut().insert(Caller { authority, request_id: request_id.clone() }),
            Err(error) => return Box::pin(std::future::ready(Ok(refused(&error, &request_id, &protocol)))),
        };
        let asked = Asked { uri: request.uri().clone(), request_id: request_id.clone() };
        let service = if is_json(&protocol) { &mut self.json } else { &mut self.proto };
        let answer = service.call(request);
        Box::pin(async move {
            match AssertUnwindSafe(answer).catch_unwind().await {
                Ok(Ok(response)) => Ok(asked.in_our_words(response)),
                Ok(Err(never)) => match never {},
                Err(_) => {
                    let error = StarError::new(ErrorCode::Internal, "the call ran into a fault of Starlane")
                        .hint(format!("the log of the Star says more, under {}", request_id.as_str()));
                    Ok(refused(&error, &request_id, &protocol))
                }
            }
        })
    }
}

/// The one header by which the protocol of an answer is chosen.
fn content_type(headers: &HeaderMap) -> HeaderMap {
    headers.get(CONTENT_TYPE).map(|value| (CONTENT_TYPE, value.clone())).into_iter().collect()
}

/// Whether a body is parsed as JSON, also inside of the frames of a stream. A call without a
/// content type comes as the query of a GET, where JSON may stand, too.
fn is_json(protocol: &HeaderMap) -> bool {
    let Some(media_type) = protocol.get(CONTENT_TYPE).and_then(|value| value.to_str().ok()) else { return true };
    let media_type = media_type.split(';').next().unwrap_or(media_type).trim();
    media_type.eq_ignore_ascii_case("application/json") || media_type.to_ascii_lowercase().ends_with("+json")
}

/// The answer to a call that no service gets to see, in the form of its protocol.
pub(crate) fn refused(error: &StarError, request_id: &RequestId, protocol: &HeaderMap) -> Response<Body> {
    plain(status::connect_error(error, request_id).into_http_response(protocol))
}

/// The body as one that knows its length, where it has one: answers without it go out in chunks.
fn plain(response: Response<ConnectRpcBody>) -> Response<Body> {
    response.map(|body| match body {
        ConnectRpcBody::Full(full) => Body::new(full),
        other => Body::new(other),
    })
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderValue;

    use super::*;

    #[test]
    fn json_is_known_in_every_protocol() {
        let json =
            |text: &'static str| is_json(&HeaderMap::from_iter([(CONTENT_TYPE, HeaderValue::from_static(text))]));
        for text in [
            "application/json",
            "Application/JSON; charset=utf-8",
            "application/connect+json",
            "application/grpc-web+json",
        ] {
            assert!(json(text), "{text}");
        }
        for text in ["application/proto", "application/grpc", "application/connect+proto"] {
            assert!(!json(text), "{text}");
        }
        assert!(is_json(&HeaderMap::new()));
    }
}
