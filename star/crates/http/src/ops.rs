//! What those who run a Star look at: is it alive, is it ready, what did it measure, what is it.

mod metrics;
mod ready;

use axum::extract::State;
use axum::http::header::{CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE};
use axum::http::{HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::{Json, Router};
use serde_json::json;
use star_api::version::ApiVersion;

use crate::state::ApiState;

/// The routes for operators.
pub fn routes() -> Router<ApiState> {
    Router::new()
        .route("/", get(front))
        .route("/livez", get(alive))
        .route("/readyz", get(readiness))
        .route("/metrics", get(metrics::metrics))
        .route("/version", get(version))
}

/// That this is answered is the answer.
async fn alive() -> &'static str {
    "ok\n"
}

async fn readiness(State(state): State<ApiState>) -> Response {
    let checks = ready::check(&state).await;
    let status = if checks.all_pass() { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    (status, [(CACHE_CONTROL, HeaderValue::from_static("no-store"))], Json(checks)).into_response()
}

async fn version(State(state): State<ApiState>) -> Response {
    let star = state.star();
    let versions = json!({ "oldest": ApiVersion::OLDEST.to_string(), "newest": ApiVersion::NEWEST.to_string() });
    Json(json!({
        "program": "star", "version": star.version, "star": star.name, "api": "starlane.v1", "api_versions": versions,
    }))
    .into_response()
}

/// For whoever opens the port of the API in a browser.
async fn front(State(state): State<ApiState>) -> Response {
    let page = FRONT.replace("VERSION", &state.star().version);
    let headers = [
        (CONTENT_TYPE, HeaderValue::from_static("text/html; charset=utf-8")),
        (CONTENT_SECURITY_POLICY, HeaderValue::from_static("default-src 'none'")),
    ];
    (headers, page).into_response()
}

const FRONT: &str = "<!doctype html>
<html lang=\"en\">
<meta charset=\"utf-8\">
<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">
<meta name=\"color-scheme\" content=\"light dark\">
<title>Starlane</title>
<h1>Starlane VERSION</h1>
<p>This is the API of a Star. The command line speaks to it: <code>star login URL</code>, then <code>star ls '**'</code>.
<p>Web sites are served on another port.
<ul>
<li><a href=\"/readyz\">/readyz</a>: is it ready?
<li><a href=\"/version\">/version</a>: what is it?
<li><code>/r/PATH</code>: the bytes of files
<li><code>/events</code>: what happened
<li><code>/starlane.v1.SERVICE/METHOD</code>: calls
</ul>
";
