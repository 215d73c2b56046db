//! What every handler has at hand.

use std::path::PathBuf;
use std::sync::Arc;

use metrics_exporter_prometheus::PrometheusHandle;
use star_core::tree::Tree;
use tokio_util::sync::CancellationToken;

use crate::events::Recent;

/// The Star that answers, for people and tools.
#[derive(Debug, Clone)]
pub struct StarInfo {
    /// Its name.
    pub name: String,
    /// The release that it runs.
    pub version: String,
    /// Its process.
    pub pid: u32,
    /// When it started, in milliseconds since the epoch of Unix.
    pub started_ms: u64,
    /// The folder that holds everything.
    pub data_dir: PathBuf,
    /// The URL of the API, with the port that it was given.
    pub api_url: String,
    /// The URL of the web router, with the port that it was given.
    pub web_url: String,
}

/// What every handler has at hand. Cloning it is one count of a reference.
#[derive(Clone)]
pub struct ApiState(Arc<Parts>);

struct Parts {
    tree: Arc<Tree>,
    star: StarInfo,
    metrics: PrometheusHandle,
    shutdown: CancellationToken,
    told: Recent,
}

impl ApiState {
    /// The state around a tree. Streams that have no end of their own end when `shutdown` is
    /// cancelled.
    pub fn new(tree: Arc<Tree>, star: StarInfo, metrics: PrometheusHandle, shutdown: CancellationToken) -> ApiState {
        ApiState(Arc::new(Parts { tree, star, metrics, shutdown, told: Recent::default() }))
    }

    /// The actor tree.
    pub fn tree(&self) -> &Arc<Tree> {
        &self.0.tree
    }

    /// The Star that answers.
    pub fn star(&self) -> &StarInfo {
        &self.0.star
    }

    /// What was measured since the start.
    pub fn metrics(&self) -> &PrometheusHandle {
        &self.0.metrics
    }

    /// Cancelled when the Star begins to shut down.
    pub fn shutdown(&self) -> &CancellationToken {
        &self.0.shutdown
    }

    /// The events that readers of the log were told of last.
    pub(crate) fn told(&self) -> &Recent {
        &self.0.told
    }
}
