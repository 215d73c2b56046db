//! GET and HEAD of a File or Artifact; and of an upload, where the query names one.

use axum::extract::{Request, State};
use axum::http::header::{CACHE_CONTROL, CONTENT_SECURITY_POLICY, HeaderValue};
use axum::http::request::Parts;
use axum::response::Response;
use star_core::command::{Command, Open, Opened};
use star_path::ResourcePath;
use star_wire::{ErrorCode, StarError};

use super::resume::doors;
use super::{address, answer, media};
use crate::auth::Caller;
use crate::state::ApiState;

/// What is kept here was written by many, and shares its origin with the API: a page out of it
/// must not act in the name of whoever looks at it.
const SANDBOX: HeaderValue = HeaderValue::from_static("default-src 'none'; style-src 'unsafe-inline'; sandbox");

/// Answers with the bytes behind a path.
pub(super) async fn get(State(state): State<ApiState>, caller: Caller, request: Request) -> Response {
    let (parts, _) = request.into_parts();
    if parts.uri.query().is_some() {
        // In a box, so that reading a file does not carry about what few ask for.
        if let Some(told) = Box::pin(doors::told(&state, &caller, &parts)).await {
            return told;
        }
    }
    let opened = match open(&state, &caller, &parts).await {
        Ok(opened) => opened,
        Err(error) => return caller.refuse(&error),
    };
    let content_type = media::header(&opened.content_type);
    let store = state.tree().ports.content.as_ref();
    match answer::answer(store, &parts.method, &parts.headers, &opened, content_type).await {
        Ok(mut response) => {
            let headers = response.headers_mut();
            headers.insert(CACHE_CONTROL, HeaderValue::from_static("private, no-cache"));
            headers.insert(CONTENT_SECURITY_POLICY, SANDBOX);
            headers.extend([answer::NO_SNIFFING]);
            response
        }
        Err(refused) => {
            let mut response = caller.refuse(&refused.error);
            refused.mark(response.headers_mut());
            response
        }
    }
}

async fn open(state: &ApiState, caller: &Caller, parts: &Parts) -> Result<Opened, StarError> {
    let path = address::path(super::behind(parts.uri.path(), "/r/"))?;
    let permit = caller.admit(state, Open.envelope(&path)?).await?;
    if path.files().is_none() {
        return Err(no_bytes(&path));
    }
    state.tree().open(permit).await
}

fn no_bytes(path: &ResourcePath) -> StarError {
    StarError::new(ErrorCode::NotFound, format!("{path} has no bytes of its own"))
        .at(path)
        .hint(format!("star ls {path}"))
}
