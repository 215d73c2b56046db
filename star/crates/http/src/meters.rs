//! What is measured of requests, and the recorder behind it.

use std::time::Duration;

use metrics_exporter_prometheus::{BuildError, Matcher, PrometheusBuilder, PrometheusHandle};

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
    metrics::describe_histogram!(SECONDS, metrics::Unit::Seconds, "Time until the head of the answer, by route.");
    Ok(handle)
}

/// Counts an answer.
pub(crate) fn answered(route: &'static str, status: u16, took: Duration) {
    metrics::counter!(REQUESTS, "route" => route, "status" => status_text(status)).increment(1);
    metrics::histogram!(SECONDS, "route" => route).record(took);
}

/// The text of the statuses that make up nearly all answers, without making a string.
fn status_text(status: u16) -> std::borrow::Cow<'static, str> {
    match status {
        200 => "200".into(),
        201 => "201".into(),
        204 => "204".into(),
        206 => "206".into(),
        304 => "304".into(),
        404 => "404".into(),
        other => other.to_string().into(),
    }
}
