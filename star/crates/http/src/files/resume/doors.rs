//! The handlers: which protocol a request speaks, and which upload it is about.

use axum::extract::{Request, State};
use axum::http::header::{ALLOW, HeaderValue};
use axum::http::request::Parts;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use star_core::uploads::UploadId;
use star_wire::{ErrorCode, StarError};

use super::draft::Draft;
use super::session::Asking;
use super::{draft, tus, url};
use crate::auth::Caller;
use crate::files::upload::Upload;
use crate::files::{address, behind, put};
use crate::state::ApiState;

/// What can be asked of a path below `/r/`.
const METHODS: HeaderValue = HeaderValue::from_static("GET, HEAD, PUT, POST, PATCH, DELETE, OPTIONS");

/// The protocol in which a request speaks of an upload.
enum Speech {
    Tus,
    /// tus in another version than that which is understood here.
    OtherTus,
    Draft(Draft),
    /// It does not.
    Neither,
}

/// POST: begins an upload.
pub(in crate::files) async fn create(
    State(state): State<ApiState>,
    caller: Result<Caller, Response>,
    request: Request,
) -> Response {
    let (parts, body) = request.into_parts();
    // Before anything is refused, so that whoever is refused gets to read why.
    let body = Upload::new(body);
    let caller = match caller {
        Ok(caller) => caller,
        Err(refusal) => return refusal,
    };
    match speech(&parts.headers) {
        Ok(Speech::Draft(draft)) if draft.complete => put::put_whole(&state, &caller, &parts, body, Some(draft)).await,
        Ok(Speech::Draft(draft)) => begin_draft(state, caller, &parts, body, draft).await,
        Ok(Speech::Tus) => match asking(state, &caller, &parts) {
            Ok(asking) => tus::create(asking, &parts, body).await,
            Err(error) => tus::refuse(&caller, error.into()),
        },
        Ok(Speech::OtherTus) => tus::not_understood(&caller),
        Ok(Speech::Neither) => not_spoken(&caller),
        Err(error) => caller.refuse(&error),
    }
}

/// PUT or POST of some bytes in the words of the draft.
pub(in crate::files) async fn begin_draft(
    state: ApiState,
    caller: Caller,
    parts: &Parts,
    body: Upload,
    draft: Draft,
) -> Response {
    match asking(state, &caller, parts) {
        Ok(asking) => draft::create(asking, draft, parts, body).await,
        Err(error) => caller.refuse(&error),
    }
}

/// PATCH: continues an upload.
pub(in crate::files) async fn append(
    State(state): State<ApiState>,
    caller: Result<Caller, Response>,
    request: Request,
) -> Response {
    let (parts, body) = request.into_parts();
    let body = Upload::new(body);
    let caller = match caller {
        Ok(caller) => caller,
        Err(refusal) => return refusal,
    };
    let speech = match speech(&parts.headers) {
        Ok(speech) => speech,
        Err(error) => return caller.refuse(&error),
    };
    let about = about(state, &caller, &parts);
    match (speech, about) {
        (Speech::Neither, _) => not_spoken(&caller),
        (Speech::OtherTus, _) => tus::not_understood(&caller),
        (Speech::Tus, Ok((id, asking))) => tus::append(asking, id, &parts, body).await,
        (Speech::Tus, Err(error)) => tus::refuse(&caller, error.into()),
        (Speech::Draft(draft), Ok((id, asking))) => draft::append(asking, draft, id, &parts, body).await,
        (Speech::Draft(_), Err(error)) => caller.refuse(&error),
    }
}

/// HEAD or GET: how far the upload that is named has come, or which there are. None for any other request.
pub(in crate::files) async fn told(state: &ApiState, caller: &Caller, parts: &Parts) -> Option<Response> {
    match parts.uri.query() {
        Some("uploads") => Some(list(state, caller, parts).await),
        _ => look(state, caller, parts).await,
    }
}

/// How far the upload that is named has come.
async fn look(state: &ApiState, caller: &Caller, parts: &Parts) -> Option<Response> {
    let id = match url::named(&parts.uri) {
        Ok(None) => return None,
        Ok(Some(id)) => id,
        Err(error) => return Some(caller.refuse(&error)),
    };
    let asking = match asking(state.clone(), caller, parts) {
        Ok(asking) => asking,
        Err(error) => return Some(caller.refuse(&error)),
    };
    if parts.headers.contains_key(tus::RESUMABLE) {
        return Some(tus::look(asking, id).await);
    }
    let interop = Draft::asking(&parts.headers);
    Some(draft::look(asking, interop, id).await)
}

/// DELETE with the name of an upload: it is forgotten. None for any other request.
pub(in crate::files) async fn cancel(state: &ApiState, caller: &Caller, parts: &Parts) -> Option<Response> {
    let id = match url::named(&parts.uri) {
        Ok(None) => return None,
        Ok(Some(id)) => id,
        Err(error) => return Some(caller.refuse(&error)),
    };
    let asking = match asking(state.clone(), caller, parts) {
        Ok(asking) => asking,
        Err(error) => return Some(caller.refuse(&error)),
    };
    if parts.headers.contains_key(tus::RESUMABLE) {
        return Some(tus::cancel(asking, id).await);
    }
    Some(draft::cancel(asking, id).await)
}

/// OPTIONS: what is spoken here. Anybody may know.
pub(in crate::files) async fn announce() -> Response {
    let mut response = StatusCode::NO_CONTENT.into_response();
    let headers = response.headers_mut();
    headers.insert(ALLOW, METHODS);
    tus::announce(headers);
    draft::announce(headers);
    response
}

/// An upload that is under way, as it is listed.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Listed {
    id: String,
    path: String,
    url: String,
    offset: u64,
    length: Option<u64>,
    begun_ms: u64,
    until_ms: u64,
}

/// The uploads to this path or below it.
async fn list(state: &ApiState, caller: &Caller, parts: &Parts) -> Response {
    match listed(state, caller, parts).await {
        Ok(listed) => axum::Json(listed).into_response(),
        Err(error) => caller.refuse(&error),
    }
}

async fn listed(state: &ApiState, caller: &Caller, parts: &Parts) -> Result<Vec<Listed>, StarError> {
    let asking = asking(state.clone(), caller, parts)?;
    let permit = asking.permit().await?;
    let uploads = state.tree().uploads_below(&permit).await?;
    let listed = uploads.into_iter().map(|upload| Listed {
        id: upload.id.to_string(),
        path: upload.session.path.to_string(),
        url: url::of(&upload.session.path, upload.id).to_str().unwrap_or_default().to_owned(),
        offset: upload.session.offset,
        length: upload.session.length,
        begun_ms: upload.session.begun_ms,
        until_ms: upload.session.until_ms,
    });
    Ok(listed.collect())
}

fn speech(headers: &HeaderMap) -> Result<Speech, StarError> {
    if headers.contains_key(tus::RESUMABLE) {
        return Ok(if tus::is_understood(headers) { Speech::Tus } else { Speech::OtherTus });
    }
    Ok(Draft::of(headers)?.map_or(Speech::Neither, Speech::Draft))
}

fn asking(state: ApiState, caller: &Caller, parts: &Parts) -> Result<Asking, StarError> {
    let path = address::path(behind(parts.uri.path(), "/r/"))?;
    Ok(Asking { state, caller: caller.clone(), path })
}

fn about(state: ApiState, caller: &Caller, parts: &Parts) -> Result<(UploadId, Asking), StarError> {
    let id = url::named(&parts.uri)?.ok_or_else(|| {
        StarError::new(ErrorCode::InvalidArgument, "which upload is meant is not said")
            .hint("send it to the URL that came as `location` when it began")
    })?;
    Ok((id, asking(state, caller, parts)?))
}

fn not_spoken(caller: &Caller) -> Response {
    let error = StarError::new(ErrorCode::UnsupportedMethod, "this method is for uploads in several requests")
        .hint("`tus-resumable: 1.0.0` or `upload-complete: ?0` says that it is one; a whole file is a PUT");
    let mut response = caller.refuse(&error);
    response.headers_mut().insert(ALLOW, METHODS);
    response
}
