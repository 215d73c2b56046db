//! PUT of a File: the bytes into the content store, then a message that makes them the body.
//!
//! Who may not write, and what cannot be written, is refused before a byte is read. What breaks
//! off on the way changes nothing: the content that was begun is forgotten.

use axum::extract::{Request, State};
use axum::http::header::{ETAG, HeaderValue};
use axum::http::request::Parts;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use star_core::command::{Changed, Command, Put};
use star_core::lock::fence::fenced;
use star_core::once::keyed;
use star_core::ports::content::Expected;
use star_core::record::Body;
use star_path::ResourcePath;
use star_wire::{ErrorCode, StarError};

use super::resume::doors;
use super::resume::draft::Draft;
use super::upload::{self, Upload};
use super::{address, conditions, copy, media};
use crate::auth::Caller;
use crate::idempotency;
use crate::limits;
use crate::state::ApiState;

/// Writes a File. A path that ends with a slash makes a directory, and has no body.
pub(super) async fn put(State(state): State<ApiState>, caller: Result<Caller, Response>, request: Request) -> Response {
    let (parts, body) = request.into_parts();
    // Before anything is refused, so that whoever is refused gets to read why.
    let mut upload = Upload::new(body);
    let caller = match caller {
        Ok(caller) => caller,
        Err(refusal) => return refusal,
    };
    match (copy::source(&parts.headers), Draft::of(&parts.headers)) {
        (Ok(Some(from)), _) => match copy::copy(&state, &caller, &parts, &mut upload, from).await {
            Ok(changed) => answer(&changed),
            Err(error) => caller.refuse(&error),
        },
        (Ok(None), Ok(Some(draft))) if !draft.complete => {
            Box::pin(doors::begin_draft(state, caller, &parts, upload, draft)).await
        }
        (Ok(None), Ok(draft)) => put_whole(&state, &caller, &parts, upload, draft).await,
        (Err(error), _) | (_, Err(error)) => caller.refuse(&error),
    }
}

/// Writes a File whose bytes all come with this request, whatever protocol may have called for several.
pub(super) async fn put_whole(
    state: &ApiState,
    caller: &Caller,
    parts: &Parts,
    mut upload: Upload,
    draft: Option<Draft>,
) -> Response {
    let mut response = match write(state, caller, parts, &mut upload).await {
        Ok(changed) => answer(&changed),
        Err(error) => return caller.refuse(&error),
    };
    if let Some(draft) = draft {
        draft.mark(response.headers_mut(), true);
    }
    response
}

async fn write(state: &ApiState, caller: &Caller, parts: &Parts, upload: &mut Upload) -> Result<Changed, StarError> {
    let path = address::path(super::behind(parts.uri.path(), "/r/"))?;
    let only_if = conditions::of_put(&parts.headers)?;
    let fence = super::fence(&parts.headers)?;
    let key = idempotency::key(&parts.headers)?;
    let envelope = |put: Put| Ok::<_, StarError>(keyed(fenced(put.envelope(&path)?, fence), key.as_ref()));
    let nothing_yet = Put { body: None, only_if: only_if.clone() };
    let permit = caller.admit(state, envelope(nothing_yet)?).await?;
    if path.files().is_none() {
        return Err(not_a_file(&path));
    }
    let in_bundle = state.tree().resolve(permit.clone()).await?.release().is_some();
    if path.is_directory() || in_bundle {
        if path.is_directory() && !upload.is_empty().await.map_err(|error| upload::cut(&path, &error))? {
            return Err(StarError::new(ErrorCode::InvalidArgument, format!("{path} is a directory and has no bytes"))
                .at(&path)
                .hint(format!("{path}name")));
        }
        // A bundle refuses it whatever the body is, so there is no need to take one in.
        return Put::answer(&state.tree().ask(permit).await?);
    }
    state.tree().check_lock(&permit).await?;
    let expected = expected(&parts.headers)?;
    let content_type = media::given(&parts.headers)?.unwrap_or_else(|| media::guess(path.last()));
    let content = upload.keep(state.tree().ports.content.as_ref(), expected, &path).await?;
    let put = Put { body: Some(Body { content, content_type }), only_if };
    // The bytes may have taken their time; the message begins now.
    let permit = caller.admit(state, envelope(put)?).await?;
    Put::answer(&state.tree().ask(permit).await?)
}

fn expected(headers: &HeaderMap) -> Result<Expected, StarError> {
    let size_bytes = upload::announced_bytes(headers);
    if size_bytes.is_some_and(|bytes| bytes > limits::FILE_BYTES) {
        let message = format!("a file has at most {} bytes", limits::FILE_BYTES);
        return Err(StarError::new(ErrorCode::TooLarge, message));
    }
    Ok(Expected { digest: upload::announced_digest(headers)?, size_bytes, limit_bytes: Some(limits::FILE_BYTES) })
}

fn not_a_file(path: &ResourcePath) -> StarError {
    StarError::new(ErrorCode::InvalidArgument, format!("{path} is no path of a file"))
        .at(path)
        .hint(format!("{path}:/name"))
}

fn answer(changed: &Changed) -> Response {
    let resource = &changed.resource;
    let status = if resource.created == resource.modified { StatusCode::CREATED } else { StatusCode::NO_CONTENT };
    let mut response = status.into_response();
    if let Some(body) = &resource.record.body {
        let tag = conditions::tag_of(&body.content.digest);
        let tag = HeaderValue::try_from(tag).expect("a digest is printable ASCII");
        response.headers_mut().insert(ETAG, tag);
    }
    response
}
