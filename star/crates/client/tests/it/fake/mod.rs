//! A Star of a few lines: it listens on a real port and keeps everything in memory.
//!
//! Behaves as the real one does where the client can tell the difference; what it does wrong on
//! purpose is chosen by path, see each surface.

mod bytes;
mod locks;
mod rpc;

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard};

use axum::Router;
use axum::body::Bytes;
use axum::http::HeaderValue;
use axum::response::Response;
use axum::routing::{get, post};
use star_client::{Client, Endpoint, Token};
use tokio::net::TcpListener;
use tokio_util::task::AbortOnDropHandle;

pub(crate) use locks::TOKEN;

/// The key that opens the fake.
pub(crate) const KEY: &str = "a-key-of-this-star";

/// What the fake keeps.
#[derive(Default)]
pub(crate) struct Kept {
    pub(crate) files: BTreeMap<String, Bytes>,
    pub(crate) requests: Vec<String>,
    pub(crate) uploads_now: usize,
    pub(crate) uploads_most: usize,
}

/// A running fake; dropping it closes its port and all connections.
pub(crate) struct FakeStar {
    pub(crate) url: String,
    kept: Shared,
    _server: AbortOnDropHandle<()>,
}

/// What the fake keeps, shared with its handlers.
#[derive(Clone, Default)]
pub(crate) struct Shared(Arc<Mutex<Kept>>);

impl Shared {
    pub(crate) fn lock(&self) -> MutexGuard<'_, Kept> {
        self.0.lock().expect("no handler panics while it holds this")
    }
}

impl FakeStar {
    pub(crate) async fn start() -> FakeStar {
        let kept = Shared::default();
        let app = Router::new()
            .route("/r/{*path}", get(bytes::read).put(bytes::write).delete(bytes::remove))
            .route("/bundles/{*path}", post(bytes::publish))
            .route("/events", get(bytes::events))
            .route("/page", get(|| async { "a page" }))
            .route_service("/starlane.v1.Resources/{method}", rpc::resources(kept.clone()))
            .route_service("/starlane.v1.Locks/{method}", rpc::locks(kept.clone()))
            .route_service("/starlane.v1.Messages/{method}", rpc::messages())
            .route_service("/starlane.v1.Watch/{method}", rpc::watch())
            .route_service("/starlane.v1.Stars/{method}", rpc::stars())
            .layer(axum::middleware::map_response(say_the_version))
            .with_state(kept.clone());
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let url = format!("http://{}", listener.local_addr().expect("a bound listener has an address"));
        let server = tokio::spawn(async move { axum::serve(listener, app).await.expect("serve never ends") });
        FakeStar { url, kept, _server: AbortOnDropHandle::new(server) }
    }

    pub(crate) fn client(&self) -> Client {
        client(&self.url)
    }

    pub(crate) fn kept(&self) -> MutexGuard<'_, Kept> {
        self.kept.lock()
    }
}

/// Says in an answer what a Star of this release says.
async fn say_the_version(mut response: Response) -> Response {
    response.headers_mut().insert("star-api-version", HeaderValue::from_static("1.1"));
    response
}

/// A client of the Star at `url`, with the key.
pub(crate) fn client(url: &str) -> Client {
    Client::new(Endpoint { url: url.into(), token: Some(Token::new(KEY)) }).expect("a good URL and key")
}
