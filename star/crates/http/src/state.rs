//! What every handler has at hand.

use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

use metrics_exporter_prometheus::PrometheusHandle;
use star_core::tree::Tree;
use star_core::vitals::Vitals;
use tokio_util::sync::CancellationToken;

use crate::events::Recent;
use crate::files::resume::writers::Writers;

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
    observed: Mutex<Vec<Observed>>,
    told: Recent,
    uploads: Arc<Writers>,
}

/// Says what a part says of itself.
type Observed = Box<dyn Fn() -> Vitals + Send + Sync>;

impl ApiState {
    /// The state around a tree. Streams that have no end of their own end when `shutdown` is
    /// cancelled.
    pub fn new(tree: Arc<Tree>, star: StarInfo, metrics: PrometheusHandle, shutdown: CancellationToken) -> ApiState {
        let (observed, told, uploads) = (Mutex::default(), Recent::default(), Arc::default());
        ApiState(Arc::new(Parts { tree, star, metrics, shutdown, observed, told, uploads }))
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

    /// What the whole Star says of itself.
    pub fn vitals(&self) -> Vitals {
        let mut vitals = self.tree().vitals();
        vitals.extend(self.0.uploads.vitals());
        for part in self.0.observed.lock().unwrap_or_else(PoisonError::into_inner).iter() {
            vitals.extend(part());
        }
        vitals
    }

    /// Lets a part that stands in front of the tree be asked what it says of itself.
    pub(crate) fn observe(&self, part: impl Fn() -> Vitals + Send + Sync + 'static) {
        self.0.observed.lock().unwrap_or_else(PoisonError::into_inner).push(Box::new(part));
    }

    /// Cancelled when the Star begins to shut down.
    pub fn shutdown(&self) -> &CancellationToken {
        &self.0.shutdown
    }

    /// The events that readers of the log were told of last.
    pub(crate) fn told(&self) -> &Recent {
        &self.0.told
    }

    /// Who continues which upload.
    pub(crate) fn uploads(&self) -> &Arc<Writers> {
        &self.0.uploads
    }
}
