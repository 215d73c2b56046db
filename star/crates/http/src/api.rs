//! Everything that the API port answers, in one router.

use axum::Router;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, Uri};
use axum::response::Response;
use star_wire::{ErrorCode, StarError};

use crate::auth::Caller;
use crate::request_id::RequestId;
use crate::state::ApiState;
use crate::{bundles, events, files, ops, rpc, status};

/// The router of the API port.
pub fn router(state: &ApiState) -> Router {
    Router::new()
        .merge(ops::routes())
        .merge(events::routes())
        .merge(files::routes())
        .merge(bundles::routes())
        .fallback(nothing_here)
        .method_not_allowed_fallback(other_method)
        .with_state(state.clone())
        .merge(rpc::routes(state))
}

async fn nothing_here(_: State<ApiState>, request_id: RequestId, uri: Uri, headers: HeaderMap) -> Response {
    if rpc::is_call(uri.path()) {
        return no_such_service(&request_id, &uri, &headers);
    }
    let error = StarError::new(ErrorCode::NotFound, format!("there is nothing at {}", uri.path()))
        .hint("files are at /r/PATH, bundles at /bundles/SERIES:VERSION, events at /events, calls at /starlane.v1.SERVICE/METHOD");
    status::problem(&error, &request_id)
}

/// A call of a service that is not in the schema, in the form of its protocol.
fn no_such_service(request_id: &RequestId, uri: &Uri, headers: &HeaderMap) -> Response {
    let error = StarError::new(ErrorCode::UnsupportedMethod, format!("there is no call {}", uri.path()))
        .hint("proto/starlane/v1 says which calls there are");
    let mut refusal = rpc::refused(&error, request_id, headers);
    // What the protocols ask of a path that nobody serves; in streams the status is always 200.
    if !refusal.status().is_success() {
        *refusal.status_mut() = StatusCode::NOT_FOUND;
    }
    refusal
}

async fn other_method(caller: Caller) -> Response {
    let error = StarError::new(ErrorCode::UnsupportedMethod, "this method is not understood here")
        .hint("the header `allow` names those that are");
    caller.refuse(&error)
}
