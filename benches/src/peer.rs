//! Servers that scenarios start as processes of their own, out of this program: resources that echo
//! and work behind the HTTP of a Star, a bare handler, and an echo behind NATS.
//!
//! `star-benches serve-peer NAME READY ARGUMENTS` is the one side and [`Peer::start`] the other.
//! A peer writes its address into the file READY once it answers, and ends with its process.

use std::fs;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;

use axum::Router;
use axum::http::header::CONTENT_TYPE;
use axum::routing::post;
use axum::serve::ListenerExt;
use bytes::Bytes;
use star_core::ports::meta::MetaStore;
use star_http::server::{self, Listener, Surface};
use star_http::state::{ApiState, StarInfo};
use star_store::{OpenOptions, Store};
use tokio_util::sync::CancellationToken;
use tokio_util::task::AbortOnDropHandle;

use crate::failure::{Failure, io};
use crate::nats;
use crate::process::Server;
use crate::tree::BenchTree;

/// The first argument of a program that shall be a peer.
pub(crate) const COMMAND: &str = "serve-peer";

/// A server that runs until it is let go.
pub(crate) struct Peer {
    /// Where it answers.
    pub(crate) address: SocketAddr,
    server: Server,
}

impl Peer {
    /// Starts one; what it writes goes into `scratch`.
    pub(crate) async fn start(name: &'static str, argument: &str, scratch: &Path) -> Result<Peer, Failure> {
        let ready = scratch.join(format!("{name}.ready"));
        let mut command = Command::new(std::env::current_exe().map_err(io("find this program"))?);
        command.args([COMMAND, name]).arg(&ready).arg(argument);
        let mut server = Server::start(name, command, &scratch.join(format!("{name}.log")))?;
        let written = async || Ok(fs::read_to_string(&ready).ok().filter(|text| text.ends_with('\n')));
        let address = server.until("the address of a peer", written).await?;
        let address = address.trim().parse().map_err(|error| Failure::wrong(name, error))?;
        Ok(Peer { address, server })
    }

    /// The number of its process.
    pub(crate) fn pid(&self) -> u32 {
        self.server.pid()
    }
}

/// Serves as the peer of this name until the process ends.
pub(crate) async fn serve(arguments: &[String]) -> Result<(), Failure> {
    let [name, ready, argument] = arguments else {
        return Err(Failure::Usage(format!("{COMMAND} takes a name, a file and an argument")));
    };
    let ready = Path::new(ready);
    match name.as_str() {
        "echo" => echo(ready, Path::new(argument)).await,
        "axum" => bare(ready, Path::new(argument)).await,
        "nats-echo" => {
            let address = argument.parse().map_err(|error| Failure::wrong("the address of NATS", error))?;
            let echo = nats::Echo::open(address).await?;
            announce(ready, address)?;
            echo.answer().await
        }
        unknown => Err(Failure::Usage(format!("there is no peer `{unknown}`"))),
    }
}

fn announce(ready: &Path, address: SocketAddr) -> Result<(), Failure> {
    fs::write(ready, format!("{address}\n")).map_err(io(format!("write {}", ready.display())))
}

/// What a Star answers with, on a store on the disk, around resources that echo and work: no kind of
/// a Star does so without running a component.
async fn echo(ready: &Path, data: &Path) -> Result<(), Failure> {
    let served = Served::start(data).await?;
    announce(ready, served.address)?;
    served.serving.await.map_err(|error| Failure::wrong("the server", error))
}

/// The same inside this process.
pub(crate) struct Served {
    /// Where it answers.
    pub(crate) address: SocketAddr,
    /// Where everything of it is written.
    pub(crate) meta: Arc<dyn MetaStore>,
    serving: AbortOnDropHandle<()>,
}

impl Served {
    /// Starts it on a store in a folder.
    pub(crate) async fn start(data: &Path) -> Result<Served, Failure> {
        let store = Store::open(OpenOptions::new(data)).map_err(|error| Failure::wrong("the store", error))?;
        let bench = BenchTree::on(store.clone()).await?;
        bench.grow().await?;
        let metrics = star_http::meters::install().map_err(|error| Failure::wrong("the meters", error))?;
        let listener = Listener::bind((Ipv4Addr::LOCALHOST, 0).into(), "--listen").await;
        let listener = listener.map_err(|error| Failure::wrong("the listener", error))?;
        let star = StarInfo {
            name: "bench".to_owned(),
            version: env!("CARGO_PKG_VERSION").to_owned(),
            pid: std::process::id(),
            started_ms: 0,
            data_dir: PathBuf::from(data),
            api_url: listener.url(),
            web_url: listener.url(),
        };
        let address = listener.address();
        let state = ApiState::new(bench.tree, star, metrics, CancellationToken::new());
        let router = star_http::api::router(&state);
        let serving = async move { server::serve(&state, listener, router, Surface::Api).await };
        Ok(Served { address, meta: store, serving: AbortOnDropHandle::new(tokio::spawn(serving)) })
    }
}

/// Reads a body and answers with bytes that it has: a route for each file of a folder, which is
/// called by the name of the file.
async fn bare(ready: &Path, answers: &Path) -> Result<(), Failure> {
    let mut router = Router::new();
    for entry in fs::read_dir(answers).map_err(io("look into a folder"))? {
        let file = entry.map_err(io("look into a folder"))?.path();
        let answer = Bytes::from(fs::read(&file).map_err(io("read an answer"))?);
        let name = file.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let content_type = if name.ends_with("json") { "application/json" } else { "application/proto" };
        let answering = move |_: Bytes| std::future::ready(([(CONTENT_TYPE, content_type)], answer.clone()));
        router = router.route(&format!("/{name}"), post(answering));
    }
    let listener = tokio::net::TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.map_err(io("listen"))?;
    announce(ready, listener.local_addr().map_err(io("listen"))?)?;
    // As a Star does: what is small shall not wait for more.
    let listener = listener.tap_io(|stream| {
        stream.set_nodelay(true).ok();
    });
    axum::serve(listener, router).await.map_err(io("serve"))
}
