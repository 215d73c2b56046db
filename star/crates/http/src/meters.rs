//! What is measured of requests, and the recorder behind it.

use std::sync::LazyLock;
use std::time::Duration;

use dashmap::DashMap;
use metrics::{Counter, Histogram};
use metrics_exporter_prometheus::{BuildError, Matcher, PrometheusBuilder, PrometheusHandle};
use tokio_util::sync::CancellationToken;

use crate::limits;

const REQUESTS: &str = "star_http_requests_total";
const SECONDS: &str = "star_http_request_seconds";

/// From what a page out of memory takes to what the longest call may take.
const BUCKETS_S: &[f64] = &[0.000_1, 0.000_5, 0.001, 0.005, 0.01, 0.05, 0.1, 0.5, 1.0, 5.0, 30.0, 300.0];

/// Installs the recorder of this process. What is measured before is lost, so this comes first.
///
/// # Errors
/// When a recorder is installed already.
pub fn install() -> Result<PrometheusHandle, BuildError> {
    let recorder =
        PrometheusBuilder::new().set_buckets_for_metric(Matcher::Suffix("_seconds".to_owned()), BUCKETS_S)?;
    let handle = recorder.install_recorder()?;
    metrics::describe_counter!(REQUESTS, "Requests by route and status.");
    metrics::describe_gauge!("star_queue_taken", "Places of a queue that are taken.");
    metrics::describe_gauge!("star_queue_limit", "Places that a queue has.");
    metrics::describe_counter!("star_queue_refused_total", "What was refused because a queue had no place.");
    metrics::describe_gauge!("star_cache_entries", "What is in a cache.");
    metrics::describe_gauge!("star_cache_bytes", metrics::Unit::Bytes, "The memory that a cache takes.");
    metrics::describe_counter!("star_cache_hits_total", "How often something was found in a cache.");
    metrics::describe_counter!("star_cache_misses_total", "How often something was not found in a cache.");
    metrics::describe_histogram!(SECONDS, metrics::Unit::Seconds, "Time until the head of the answer, by route.");
    Ok(handle)
}

/// Sums up what was measured until `shutdown`. Without it a histogram keeps every single figure
/// until somebody reads `/metrics`, and where nobody does, until there is no memory.
pub async fn sum_up(recorder: PrometheusHandle, shutdown: CancellationToken) {
    while tokio::time::timeout(limits::SUM_UP, shutdown.cancelled()).await.is_err() {
        recorder.run_upkeep();
    }
}

/// What is measured of one route.
///
/// Made once and kept: to look a measure up by its labels costs as much as to answer with a small
/// file.
struct RouteMeter {
    route: &'static str,
    seconds: Histogram,
    answers: [(u16, Counter); 6],
}

/// The statuses that make up nearly all answers.
const USUAL: [u16; 6] = [200, 201, 204, 206, 304, 404];

/// By the names of routes, of which there is a fixed number.
static ROUTES: LazyLock<DashMap<&'static str, RouteMeter>> = LazyLock::new(DashMap::new);

/// Counts an answer.
pub(crate) fn answered(route: &'static str, status: u16, took: Duration) {
    if let Some(meter) = ROUTES.get(route) {
        return meter.count(status, took);
    }
    ROUTES.entry(route).or_insert_with(|| RouteMeter::of(route)).count(status, took);
}

impl RouteMeter {
    fn of(route: &'static str) -> RouteMeter {
        let answers = USUAL.map(|status| (status, answers(route, status)));
        RouteMeter { route, seconds: metrics::histogram!(SECONDS, "route" => route), answers }
    }

    fn count(&self, status: u16, took: Duration) {
        self.seconds.record(took);
        match self.answers.iter().find(|(usual, _)| *usual == status) {
            Some((_, counter)) => counter.increment(1),
            None => answers(self.route, status).increment(1),
        }
    }
}

fn answers(route: &'static str, status: u16) -> Counter {
    metrics::counter!(REQUESTS, "route" => route, "status" => status.to_string())
}
