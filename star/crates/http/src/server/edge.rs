//! What holds for every request, around whatever router answers it.

use std::convert::Infallible;
use std::panic::AssertUnwindSafe;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Instant;

use axum::body::Body;
use axum::http::{Request, Response};
use futures::FutureExt;
use http_body_util::BodyExt;
use hyper::body::{Body as _, Incoming};
use star_wire::{ErrorCode, StarError};
use tower::Service;
use tracing::Instrument;

use super::Surface;
use super::crowd::{Answering, Member};
use crate::meters;
use crate::request_id::{self, RequestId};
use crate::status;
use crate::versions::asked;

/// A router with its edge. One wrapper and not a tower of layers, because each layer of a router
/// costs an allocation per request.
#[derive(Clone)]
pub(super) struct Edge {
    router: axum::Router,
    surface: Surface,
    /// The connection that requests come on, once there is one.
    member: Option<Arc<Member>>,
}

type Answer = Pin<Box<dyn Future<Output = Result<Response<Body>, Infallible>> + Send>>;

impl Edge {
    pub(super) fn new(router: axum::Router, surface: Surface) -> Edge {
        Edge { router, surface, member: None }
    }

    /// The same for the requests of one connection.
    pub(super) fn on(&self, member: &Arc<Member>) -> Edge {
        Edge { member: Some(Arc::clone(member)), ..self.clone() }
    }

    fn answer(&self, mut request: Request<Body>) -> Answer {
        let started = Instant::now();
        let request_id = RequestId::of(request.headers());
        let route = self.surface.route(request.uri().path());
        let span = request_id.span(request.method(), request.uri());
        let spoken = match self.surface {
            Surface::Api => asked::settle(&mut request, &request_id).map(Some),
            Surface::Web => Ok(None),
        };
        request.extensions_mut().insert(request_id.clone());
        let mut router = self.router.clone();
        let answering = self.member.as_ref().map(Member::answering);
        let answered = async move {
            let mut response = match spoken {
                Ok(spoken) => {
                    let called = AssertUnwindSafe(router.call(request)).catch_unwind().await;
                    let mut response =
                        called.unwrap_or_else(|_| Ok(panicked(&request_id))).unwrap_or_else(|never| match never {});
                    spoken.into_iter().for_each(|spoken| asked::mark(spoken, response.headers_mut()));
                    response
                }
                Err(refusal) => *refusal,
            };
            response.headers_mut().insert(request_id::HEADER, request_id.header());
            meters::answered(route, response.status().as_u16(), started.elapsed());
            Ok(until_sent(response, answering))
        };
        if span.is_disabled() { Box::pin(answered) } else { Box::pin(answered.instrument(span)) }
    }
}

/// The answer, which is being given until its body has ended. One whose length is known is sent at
/// once or moves on; one without may be silent for a long time, and is no quiet connection then.
fn until_sent(response: Response<Body>, answering: Option<Answering>) -> Response<Body> {
    match answering {
        Some(answering) if response.body().size_hint().exact().is_none() => response.map(|body| {
            Body::new(body.map_frame(move |frame| {
                let _answering = &answering;
                frame
            }))
        }),
        _ => response,
    }
}

/// The answer to a request whose handler panicked. The text of the panic stays in the log: it may
/// hold what the visitor must not see.
fn panicked(request_id: &RequestId) -> Response<Body> {
    let error = StarError::new(ErrorCode::Internal, "the request ran into a fault of Starlane")
        .hint(format!("the log of the Star says more, under {}", request_id.as_str()));
    status::problem(&error, request_id)
}

impl hyper::service::Service<Request<Incoming>> for Edge {
    type Response = Response<Body>;
    type Error = Infallible;
    type Future = Answer;

    fn call(&self, request: Request<Incoming>) -> Answer {
        self.answer(request.map(Body::new))
    }
}

#[cfg(test)]
mod tests {
    use axum::routing::get;

    use super::*;

    async fn ask(path: &str) -> Response<Body> {
        let router = axum::Router::new()
            .route("/id", get(async |id: RequestId| id.as_str().to_owned()))
            .route("/panic", get(async || -> String { panic!("a secret") }));
        let request = Request::get(path).header("x-request-id", "r-7").body(Body::empty()).unwrap();
        Edge::new(router, Surface::Api).answer(request).await.unwrap()
    }

    async fn text(response: Response<Body>) -> String {
        String::from_utf8(response.into_body().collect().await.unwrap().to_bytes().to_vec()).unwrap()
    }

    #[tokio::test]
    async fn every_answer_carries_the_identity_that_the_handler_saw() {
        let response = ask("/id").await;
        assert_eq!(response.headers()["x-request-id"], "r-7");
        assert_eq!(text(response).await, "r-7");
        assert_eq!(ask("/nothing").await.headers()["x-request-id"], "r-7");
    }

    #[tokio::test]
    async fn a_panic_is_an_answer_that_keeps_its_text_to_itself() {
        let response = ask("/panic").await;
        assert_eq!(response.status(), 500);
        let body = text(response).await;
        assert!(body.contains("S0100") && body.contains("r-7") && !body.contains("secret"), "{body}");
    }
}
