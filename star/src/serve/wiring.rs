//! What is behind the ports of core, and what stands in front of the tree.

use std::collections::BTreeMap;
use std::future::Future;
use std::sync::Arc;

use metrics_exporter_prometheus::PrometheusHandle;
use star_artifact::PackedStore;
use star_core::bootstrap;
use star_core::gate::Gate;
use star_core::placement::SingleStar;
use star_core::ports::clock::{Clock, SystemClock};
use star_core::ports::content::ContentStore;
use star_core::ports::mechtron::MechtronHost;
use star_core::ports::meta::MetaStore;
use star_core::tree::{Ports, Tree};
use star_http::server::{self, Listener, Surface};
use star_http::state::{ApiState, StarInfo};
use star_mechtron::WasmHost;
use star_path::PropertyKey;
use star_store::{IndexKind, OpenOptions, Retention, Store};
use tokio::signal::unix::{SignalKind, signal};
use tokio_util::sync::CancellationToken;

use super::{DataDir, ServeError, takeover};

/// A Star with everything open.
pub(super) struct Star {
    tree: Arc<Tree>,
    mechtrons: Arc<WasmHost>,
    contents: Arc<PackedStore>,
    state: ApiState,
    /// Cancelled when it shall end.
    pub(super) shutdown: CancellationToken,
}

/// What is behind the ports, and the parts of it that more is asked of than a port does.
pub(super) struct Behind {
    ports: Ports,
    mechtrons: Arc<WasmHost>,
    contents: Arc<PackedStore>,
}

/// Opens everything that core reaches through ports.
pub(super) async fn open_ports(data: &DataDir, index: IndexKind, retention: Retention) -> Result<Behind, ServeError> {
    let meta: Arc<dyn MetaStore> =
        Store::open(OpenOptions { retention, ..OpenOptions::new(data.meta()).with_index(index) })?;
    let unusable = |source| ServeError::Content { dir: data.content(), source };
    let contents = PackedStore::open(data.content(), Arc::clone(&meta)).await.map_err(unusable)?;
    takeover::run(&contents, &meta).await?;
    let mechtrons = Arc::new(WasmHost::start(data.compiled())?);
    let ports = Ports {
        meta,
        content: Arc::clone(&contents) as Arc<dyn ContentStore>,
        mechtrons: Arc::clone(&mechtrons) as Arc<dyn MechtronHost>,
        clock: Arc::new(SystemClock),
        placement: Arc::new(SingleStar),
    };
    Ok(Behind { ports, mechtrons, contents })
}

/// Builds the tree on its ports.
pub(super) async fn start(
    data: &DataDir,
    Behind { ports, mechtrons, contents }: Behind,
    metrics: PrometheusHandle,
    name: &str,
    (api, web): (&Listener, &Listener),
) -> Result<Star, ServeError> {
    let version = env!("CARGO_PKG_VERSION");
    let facts = [("version", version.to_owned()), ("api", api.url()), ("web", web.url())];
    let facts: BTreeMap<PropertyKey, String> =
        facts.map(|(key, value)| (PropertyKey::parse(key).expect("a constant that is a key"), value)).into();
    bootstrap::ensure(&ports.meta, ports.clock.as_ref(), name, facts).await.map_err(ServeError::SetUp)?;

    let gate = Gate::new(Arc::clone(&ports.meta), bootstrap::admin(), &data.admin_key()?);
    let started_ms = SystemClock.now_ms();
    let tree = Tree::new(ports, gate, star_kinds::behaviours());
    let info = StarInfo {
        name: name.to_owned(),
        version: version.to_owned(),
        pid: std::process::id(),
        started_ms,
        data_dir: data.root().to_owned(),
        api_url: api.url(),
        web_url: web.url(),
    };
    let shutdown = CancellationToken::new();
    let state = ApiState::new(Arc::clone(&tree), info, metrics, shutdown.clone());
    Ok(Star { tree, mechtrons, contents, state, shutdown })
}

impl Star {
    /// Answers on both listeners until it shall end; the future ends when all requests have.
    pub(super) fn serve(&self, api: Listener, web: Listener) -> impl Future<Output = ()> + use<> {
        let serve = |listener, router, surface| {
            let state = self.state.clone();
            tokio::spawn(async move { server::serve(&state, listener, router, surface).await })
        };
        let api = serve(api, star_http::api::router(&self.state), Surface::Api);
        let web = serve(web, star_http::web::router(&self.state), Surface::Web);
        let meters = star_http::meters::sum_up(self.state.metrics().clone(), self.shutdown.clone());
        let parts = [api, web, tokio::spawn(meters)];
        async move {
            for part in parts {
                if let Err(error) = part.await {
                    tracing::error!(%error, "a part of the server ended in an unusual way");
                }
            }
        }
    }

    /// Ends in the order in which things depend on each other.
    pub(super) async fn close(self) {
        self.mechtrons.drained().await;
        self.tree.shutdown().await;
        if let Err(error) = self.contents.close().await {
            tracing::warn!(%error, "the table of chunks was not written down; the next start makes it anew");
        }
        self.tree.ports.meta.close().await;
    }
}

/// Waits until somebody wants the process to end.
pub(super) async fn told_to_end() {
    let terminated = async {
        match signal(SignalKind::terminate()) {
            Ok(mut terminated) => {
                terminated.recv().await;
            }
            Err(error) => {
                tracing::warn!(%error, "SIGTERM cannot be caught");
                std::future::pending::<()>().await;
            }
        }
    };
    tokio::select! {
        _ = tokio::signal::ctrl_c() => {}
        () = terminated => {}
    }
    tracing::info!("ending: finishing the requests that are under way");
}
