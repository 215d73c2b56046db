//! Accepting connections and serving them, until told to stop.

use std::io;
use std::sync::Arc;

use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto::Builder;
use hyper_util::server::graceful::GracefulShutdown;
use star_core::vitals::Vitals;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::task::{JoinError, JoinSet};
use tokio_util::sync::CancellationToken;

use super::crowd::{Crowd, Standing};
use super::edge::Edge;
use super::guard::Guarded;
use super::{Listener, Surface};
use crate::limits;
use crate::state::ApiState;

/// Serves a router of a Star on a listener until that shuts down; then lets the requests that are
/// under way finish, for at most [`limits::DRAIN`].
pub async fn serve(state: &ApiState, listener: Listener, router: axum::Router, surface: Surface) {
    let (most, crowd) = (limits::CONNECTIONS, Crowd::new());
    let observed = Arc::clone(&crowd);
    state.observe(move || Vitals { queues: vec![observed.queue(surface, most)], ..Vitals::default() });
    serve_at_most(most, crowd, listener, Edge::new(router, surface), state.shutdown().clone()).await;
}

/// Serves so many connections at most.
async fn serve_at_most(most: usize, crowd: Arc<Crowd>, listener: Listener, edge: Edge, shutdown: CancellationToken) {
    let builder = Arc::new(builder());
    let room = Arc::new(Semaphore::new(most));
    let graceful = GracefulShutdown::new();
    let mut connections = JoinSet::new();
    // A connection that has no place yet.
    let mut newcomer: Option<TcpStream> = None;
    loop {
        tokio::select! {
            biased;
            () = shutdown.cancelled() => break,
            Some(ended) = connections.join_next(), if !connections.is_empty() => note(ended),
            place = Arc::clone(&room).acquire_owned(), if newcomer.is_some() => {
                let place = place.expect("the semaphore is never closed");
                if let Some(stream) = newcomer.take() {
                    let standing = crowd.join();
                    let io = TokioIo::new(Guarded::new(stream, Arc::clone(standing.member())));
                    let served = builder.serve_connection(io, edge.on(standing.member())).into_owned();
                    connections.spawn(attend(graceful.watch(served), standing, place));
                }
            }
            stream = accept(&listener.tcp), if newcomer.is_none() => {
                newcomer = Some(stream);
                if room.available_permits() == 0 {
                    crowd.make_room(limits::MADE_ROOM);
                }
            }
            // Nobody was quiet a moment ago.
            () = tokio::time::sleep(limits::ROOM_AGAIN), if newcomer.is_some() => {
                crowd.make_room(limits::MADE_ROOM);
            }
        }
    }
    drop(listener);
    drain(graceful, connections).await;
}

/// The limits on what comes in before a handler sees it.
fn builder() -> Builder<TokioExecutor> {
    let mut builder = Builder::new(TokioExecutor::new());
    builder.http1().timer(TokioTimer::new()).header_read_timeout(limits::HEADER_READ).max_buf_size(limits::HEAD_BYTES);
    builder
        .http2()
        .timer(TokioTimer::new())
        .keep_alive_interval(limits::KEEP_ALIVE)
        .keep_alive_timeout(limits::KEEP_ALIVE_ANSWER)
        .max_header_list_size(limits::HEAD_BYTES as u32)
        .max_concurrent_streams(limits::STREAMS)
        .adaptive_window(true);
    builder
}

/// Serves a connection until it ends, or has to make room for another one.
async fn attend<E: std::fmt::Display>(
    served: impl Future<Output = Result<(), E>>,
    standing: Standing,
    place: OwnedSemaphorePermit,
) {
    tokio::select! {
        ended = served => if let Err(error) = ended {
            // Mostly a client that left; nothing that the Star could do better.
            tracing::trace!(%error, "a connection ended early");
        },
        () = standing.has_to_leave() => tracing::debug!("a quiet connection makes room for another one"),
    }
    drop((standing, place));
}

/// The next connection.
async fn accept(listener: &TcpListener) -> TcpStream {
    loop {
        match listener.accept().await {
            Ok((stream, _)) => {
                if let Err(error) = stream.set_nodelay(true) {
                    tracing::trace!(%error, "a connection ended before it began");
                    continue;
                }
                return stream;
            }
            Err(error) if is_of_the_client(&error) => {}
            Err(error) => {
                tracing::warn!(%error, "no connection can be accepted; trying again");
                tokio::time::sleep(limits::ACCEPT_REST).await;
            }
        }
    }
}

fn is_of_the_client(error: &io::Error) -> bool {
    use io::ErrorKind::{ConnectionAborted, ConnectionRefused, ConnectionReset};
    matches!(error.kind(), ConnectionAborted | ConnectionRefused | ConnectionReset)
}

async fn drain(graceful: GracefulShutdown, mut connections: JoinSet<()>) {
    let drained = tokio::time::timeout(limits::DRAIN, graceful.shutdown()).await;
    if drained.is_err() {
        tracing::warn!(connections = connections.len(), "connections are cut that did not finish in time");
        connections.abort_all();
    }
    while let Some(ended) = connections.join_next().await {
        note(ended);
    }
}

/// A panic outside of a handler, such as in the stream of a body, ends its connection only.
fn note(ended: Result<(), JoinError>) {
    if let Err(error) = ended.map_err(|error| error.is_panic().then_some(error))
        && let Some(error) = error
    {
        tracing::error!(%error, "a connection ended with a panic");
    }
}

#[cfg(test)]
mod tests {
    use std::net::SocketAddr;
    use std::time::Duration;

    use axum::routing::get;
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::sync::mpsc;

    use super::*;

    const PATIENCE: Duration = Duration::from_secs(10);

    async fn served(most: usize, listener: Listener, router: axum::Router, shutdown: CancellationToken) {
        serve_at_most(most, Crowd::new(), listener, Edge::new(router, Surface::Api), shutdown).await;
    }

    async fn started(router: axum::Router) -> (SocketAddr, CancellationToken, tokio::task::JoinHandle<()>) {
        let listener = Listener::bind(SocketAddr::from(([127, 0, 0, 1], 0)), "--listen").await.unwrap();
        let (address, shutdown) = (listener.address(), CancellationToken::new());
        let serving = tokio::spawn(served(64, listener, router, shutdown.clone()));
        (address, shutdown, serving)
    }

    async fn sent(address: SocketAddr, request: &str) -> TcpStream {
        let mut stream = TcpStream::connect(address).await.unwrap();
        stream.write_all(request.as_bytes()).await.unwrap();
        stream
    }

    async fn answer(mut stream: TcpStream) -> String {
        let mut text = String::new();
        tokio::time::timeout(PATIENCE, stream.read_to_string(&mut text)).await.unwrap().unwrap();
        text
    }

    #[tokio::test]
    async fn what_is_under_way_is_finished_before_the_server_ends() {
        let (entered, mut has_entered) = mpsc::channel(1);
        let release = CancellationToken::new();
        let gate = release.clone();
        let router = axum::Router::new().route(
            "/slow",
            get(async move || {
                entered.send(()).await.unwrap();
                gate.cancelled().await;
                "done"
            }),
        );
        let (address, shutdown, serving) = started(router).await;
        // Connections are accepted in their order, so the idle one is there when the other works.
        let idle = sent(address, "").await;
        let stream = sent(address, "GET /slow HTTP/1.1\r\nHost: a\r\n\r\n").await;
        has_entered.recv().await.unwrap();
        shutdown.cancel();
        release.cancel();
        assert!(answer(stream).await.ends_with("done"));
        assert_eq!(answer(idle).await, "", "a connection without a request is closed");
        tokio::time::timeout(PATIENCE, serving).await.unwrap().unwrap();
        assert!(TcpStream::connect(address).await.is_err(), "nobody listens any more");
    }

    #[tokio::test]
    async fn a_connection_that_says_nothing_makes_room_and_one_that_is_answered_stays() {
        let (entered, mut has_entered) = mpsc::channel(1);
        let release = CancellationToken::new();
        let gate = release.clone();
        let slow = get(async move || {
            entered.send(()).await.unwrap();
            gate.cancelled().await;
            "slow"
        });
        let router = axum::Router::new().route("/slow", slow).route("/", get(async || "here"));
        let listener = Listener::bind(SocketAddr::from(([127, 0, 0, 1], 0)), "--listen").await.unwrap();
        let (address, shutdown) = (listener.address(), CancellationToken::new());
        let serving = tokio::spawn(served(3, listener, router, shutdown.clone()));
        let slow = sent(address, "GET /slow HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n").await;
        has_entered.recv().await.unwrap();
        let mut silent = Vec::new();
        for _ in 0..9 {
            silent.push(sent(address, "GET /").await);
        }
        let asks = "GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n";
        assert!(answer(sent(address, asks).await).await.ends_with("here"));
        release.cancel();
        assert!(answer(slow).await.ends_with("slow"));
        drop(silent);
        shutdown.cancel();
        tokio::time::timeout(PATIENCE, serving).await.unwrap().unwrap();
    }

    #[tokio::test]
    async fn a_head_that_is_too_long_is_refused() {
        let (address, _shutdown, _serving) = started(axum::Router::new()).await;
        let long = "x".repeat(limits::HEAD_BYTES);
        let stream = sent(address, &format!("GET / HTTP/1.1\r\nHost: a\r\nX-Long: {long}\r\n\r\n")).await;
        assert!(answer(stream).await.starts_with("HTTP/1.1 431"));
    }
}
