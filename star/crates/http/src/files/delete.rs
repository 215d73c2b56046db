//! DELETE of a File or directory; and of an upload, where the query names one.

use axum::extract::{Request, State};
use axum::http::StatusCode;
use axum::http::request::Parts;
use axum::response::{IntoResponse, Response};
use star_core::command::{Command, Delete};
use star_core::lock::fence::fenced;
use star_core::once::keyed;
use star_wire::{ErrorCode, StarError};

use super::resume::doors;
use super::{address, conditions};
use crate::auth::Caller;
use crate::idempotency;
use crate::state::ApiState;

/// Removes what is at a path. A directory goes with all that is in it only under
/// `?recursive=true`.
pub(super) async fn delete(State(state): State<ApiState>, caller: Caller, request: Request) -> Response {
    let (parts, _) = request.into_parts();
    if let Some(told) = doors::cancel(&state, &caller, &parts).await {
        return told;
    }
    match remove(&state, &caller, &parts).await {
        Ok(()) => StatusCode::NO_CONTENT.into_response(),
        Err(error) => caller.refuse(&error),
    }
}

async fn remove(state: &ApiState, caller: &Caller, parts: &Parts) -> Result<(), StarError> {
    let path = address::path(super::behind(parts.uri.path(), "/r/"))?;
    if path.files().is_none() {
        let error = StarError::new(ErrorCode::InvalidArgument, format!("{path} is no path of a file")).at(&path);
        return Err(error.hint(format!("star rm {path}")));
    }
    let recursive = recursive(parts.uri.query())?;
    let delete = Delete { recursive, if_digest: conditions::of_delete(&parts.headers)? };
    let envelope = fenced(delete.envelope(&path)?, super::fence(&parts.headers)?);
    let key = idempotency::key(&parts.headers)?;
    let permit = caller.admit(state, keyed(envelope, key.as_ref())).await?;
    state.tree().ask(permit).await.map(drop)
}

fn recursive(query: Option<&str>) -> Result<bool, StarError> {
    match query {
        None | Some("" | "recursive=false") => Ok(false),
        Some("recursive=true") => Ok(true),
        Some(_) => Err(StarError::new(ErrorCode::InvalidArgument, "the query of a DELETE is not understood")
            .hint("`?recursive=true` removes a directory with all that is in it")),
    }
}
