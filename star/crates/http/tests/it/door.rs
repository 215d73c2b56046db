//! A Star behind its router, and requests to it.

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::http::{HeaderMap, Request, StatusCode};
use http_body_util::BodyExt;
use metrics_exporter_prometheus::PrometheusBuilder;
use serde_json::Value;
use star_core::kind::Kind;
use star_core::ports::mechtron::MechtronHost;
use star_http::state::{ApiState, StarInfo};
use star_http::{api, web};
use star_testkit::{NoMechtrons, TestTree, path};
use tokio_util::sync::CancellationToken;
use tower::Service;

/// The key that the gate of a test tree knows.
pub(crate) const KEY: &str = "star_test";

/// Why building a request cannot fail.
const REQUEST: &str = "paths and keys of tests are plain text";

const PATIENCE: Duration = Duration::from_secs(20);

/// A Star of a test.
pub(crate) struct Star {
    pub(crate) tree: TestTree,
    pub(crate) shutdown: CancellationToken,
    router: Router,
    web: Router,
}

/// What came back.
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) text: String,
}

impl Answer {
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.text).unwrap_or_else(|error| panic!("{error}: {}", self.text))
    }
}

impl Star {
    /// A Star that holds the Space `acme` with the FileSystem `acme:web`.
    pub(crate) async fn start() -> Star {
        Star::with_mechtrons(Arc::new(NoMechtrons)).await
    }

    /// The same with a host of mechtrons.
    pub(crate) async fn with_mechtrons(mechtrons: Arc<dyn MechtronHost>) -> Star {
        let tree = TestTree::with_mechtrons(star_kinds::behaviours(), mechtrons).await;
        tree.create(Kind::Space, &path("acme")).await.expect("an empty tree takes a Space");
        tree.create(Kind::FileSystem, &path("acme:web")).await.expect("a Space takes a FileSystem");
        let info = StarInfo {
            name: "test".into(),
            version: "0.0.0".into(),
            pid: 7,
            started_ms: 0,
            data_dir: std::env::temp_dir(),
            api_url: "http://localhost:1".into(),
            web_url: "http://localhost:2".into(),
        };
        let metrics = PrometheusBuilder::new().build_recorder().handle();
        let shutdown = CancellationToken::new();
        let state = ApiState::new(tree.tree.clone(), info, metrics, shutdown.clone());
        Star { tree, shutdown, router: api::router(&state), web: web::router(&state) }
    }

    /// Sends a request and reads the answer whole.
    pub(crate) async fn send(&self, request: Request<Body>) -> Answer {
        Star::read(self.open(request).await).await
    }

    /// Sends a request to the web router and reads the answer whole.
    pub(crate) async fn visit(&self, request: Request<Body>) -> Answer {
        Star::read(answered(&self.web, request).await).await
    }

    async fn read(response: axum::http::Response<Body>) -> Answer {
        let (status, headers) = (response.status(), response.headers().clone());
        let body = tokio::time::timeout(PATIENCE, response.into_body().collect()).await.expect("the answer ends");
        let text = String::from_utf8(body.expect("the answer is whole").to_bytes().to_vec()).expect("answers are text");
        Answer { status, headers, text }
    }

    /// Sends a request and leaves the body of the answer to be read.
    pub(crate) async fn open(&self, request: Request<Body>) -> axum::http::Response<Body> {
        answered(&self.router, request).await
    }

    /// Gets a path as admin.
    pub(crate) async fn get(&self, path: &str) -> Answer {
        self.send(Request::get(path).header("authorization", bearer()).body(Body::empty()).expect(REQUEST)).await
    }

    /// Calls a method as admin, in JSON.
    pub(crate) async fn call(&self, method: &str, body: &str) -> Answer {
        self.send(call(method).header("authorization", bearer()).body(Body::from(body.to_owned())).expect(REQUEST))
            .await
    }

    /// Calls a method as nobody.
    pub(crate) async fn call_as_nobody(&self, method: &str, body: &str) -> Answer {
        self.send(call(method).body(Body::from(body.to_owned())).expect(REQUEST)).await
    }
}

async fn answered(router: &Router, request: Request<Body>) -> axum::http::Response<Body> {
    let answered = router.clone().call(request);
    tokio::time::timeout(PATIENCE, answered)
        .await
        .expect("the request is answered")
        .unwrap_or_else(|never| match never {})
}

pub(crate) fn bearer() -> String {
    format!("Bearer {KEY}")
}

fn call(method: &str) -> axum::http::request::Builder {
    Request::post(format!("/starlane.v1.{method}")).header("content-type", "application/json")
}
