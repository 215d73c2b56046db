//! tus 1.0.0: core, creation, creation-with-upload, creation-defer-length, expiration, termination and
//! checksum.

use std::time::{Duration, UNIX_EPOCH};

use axum::body::Body;
use axum::http::header::{ACCEPT, CACHE_CONTROL, CONTENT_TYPE, ETAG, HeaderName, LOCATION};
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use star_core::uploads::{Found, Plan, Upload as Begun, UploadId};
use star_path::{Digest, ResourcePath};
use star_wire::{ErrorCode, StarError};

use super::checksum::{self, Checksum};
use super::fields::{LENGTH, OFFSET, number};
use super::metadata::{self, Metadata};
use super::session::{Asking, End, Piece, Refusal};
use super::url;
use crate::auth::Caller;
use crate::files::upload::{self, Upload};
use crate::files::{conditions, fence, media};
use crate::limits;
use crate::status;

/// In which version a client speaks; whoever sends it speaks tus.
pub(super) const RESUMABLE: HeaderName = HeaderName::from_static("tus-resumable");

const VERSION: HeaderValue = HeaderValue::from_static("1.0.0");
const EXTENSIONS: &str = "creation,creation-with-upload,creation-defer-length,expiration,termination,checksum";

/// The media type of the bytes of an upload.
const BYTES: &str = "application/offset+octet-stream";

/// Whether a client speaks a version that is understood here.
pub(super) fn is_understood(headers: &HeaderMap) -> bool {
    headers.get(&RESUMABLE) == Some(&VERSION)
}

/// The answer to another version.
pub(super) fn not_understood(caller: &Caller) -> Response {
    let error =
        StarError::new(ErrorCode::UnsupportedVersion, "this version of tus is not spoken here").hint("1.0.0 is");
    let mut response = status::problem_with(StatusCode::PRECONDITION_FAILED, &error, &caller.request_id);
    response.headers_mut().insert("tus-version", VERSION);
    spoken(response)
}

/// What is spoken, in the answer to OPTIONS.
pub(super) fn announce(headers: &mut HeaderMap) {
    headers.insert("tus-version", VERSION);
    headers.insert(RESUMABLE, VERSION);
    headers.insert("tus-extension", HeaderValue::from_static(EXTENSIONS));
    headers.insert("tus-checksum-algorithm", HeaderValue::from_static(checksum::ALGORITHMS));
    headers.insert("tus-max-size", HeaderValue::from(limits::FILE_BYTES));
}

/// POST: begins an upload, whose first bytes may come with it.
pub(super) async fn create(asking: Asking, parts: &Parts, body: Upload) -> Response {
    let caller = asking.caller.clone();
    match begin(asking, parts).await {
        Ok((asking, begun)) => first_bytes(asking, begun, parts, body).await,
        Err(error) => refuse(&caller, error.into()),
    }
}

async fn begin(asking: Asking, parts: &Parts) -> Result<(Asking, Begun), StarError> {
    let metadata = Metadata::of(&parts.headers)?;
    let path = target(&asking.path, &metadata)?;
    let length = match (number(&parts.headers, &LENGTH)?, parts.headers.get("upload-defer-length")) {
        (Some(length), None) => Some(length),
        (None, Some(deferred)) if deferred == "1" => None,
        _ => {
            return Err(StarError::new(ErrorCode::InvalidArgument, "the length of the upload is not said")
                .at(&path)
                .hint("`upload-length: BYTES`, or `upload-defer-length: 1`, and not both"));
        }
    };
    let asking = Asking { path, ..asking };
    let plan = plan(&asking.path, &parts.headers, metadata)?;
    let begun = asking.begin(length, plan).await?;
    Ok((asking, begun))
}

/// The File: the path that was asked for, or in a directory the file of the name that the client has for it.
fn target(path: &ResourcePath, metadata: &Metadata) -> Result<ResourcePath, StarError> {
    if !path.is_directory() {
        return Ok(path.clone());
    }
    let name = metadata.text_of(&["filename", "name"])?.filter(|name| !name.is_empty() && !name.contains('/'));
    let name = name.ok_or_else(|| {
        StarError::new(ErrorCode::InvalidArgument, format!("{path} is a directory, and the file has no name"))
            .at(path)
            .hint("`filename` in `upload-metadata`, without slashes; or send it to the path of the file")
    })?;
    let directory = path.files_decoded().unwrap_or_default();
    Ok(path.without_files().with_files(&format!("{directory}{name}"))?)
}

fn plan(path: &ResourcePath, headers: &HeaderMap, metadata: Metadata) -> Result<Plan, StarError> {
    let content_type = metadata.text_of(&["filetype", "contentType", "type"])?.and_then(media::parsed);
    let digest = match metadata.text_of(&["sha256"])? {
        Some(text) => {
            Some(Digest::parse(&format!("sha256:{}", text.trim().to_ascii_lowercase())).map_err(|error| {
                StarError::new(ErrorCode::InvalidArgument, "`sha256` of the metadata is not 64 hex digits")
                    .because(&error)
            })?)
        }
        None => upload::digest_in(headers, &["repr-digest"])?,
    };
    Ok(Plan {
        content_type: content_type.unwrap_or_else(|| media::guess(path.last())),
        digest,
        only_if: conditions::of_put(headers)?,
        fence: fence(headers)?.to_owned(),
        metadata: metadata.into_text(),
    })
}

/// Takes what came with the POST, and answers it.
async fn first_bytes(asking: Asking, begun: Begun, parts: &Parts, body: Upload) -> Response {
    let (caller, location) = (asking.caller.clone(), url::of(&asking.path, begun.id));
    let has_bytes = is_bytes(&parts.headers);
    let outcome = if has_bytes || begun.session.length == Some(0) {
        let announced = upload::announced_bytes(&parts.headers);
        match Checksum::of_tus(&parts.headers) {
            Ok(checksum) => {
                let piece = Piece { at: 0, announced, length: None, checksum, end: End::AtLength };
                asking.append(begun.id, piece, body).await
            }
            Err(error) => Err(error.into()),
        }
    } else {
        Ok(Found::Open(begun))
    };
    let mut response = match outcome {
        Ok(found) => answered(StatusCode::CREATED, &found),
        Err(refusal) => refuse(&caller, refusal),
    };
    // Also where the bytes were refused: the upload is there.
    response.headers_mut().insert(LOCATION, location);
    response
}

/// HEAD: how far an upload has come.
pub(super) async fn look(asking: Asking, id: UploadId) -> Response {
    let caller = asking.caller.clone();
    let found = match asking.look(id).await {
        Ok(found) => found,
        Err(refusal) => return refuse(&caller, refusal),
    };
    let mut response = answered(StatusCode::OK, &found);
    let (length, metadata) = match found {
        Found::Open(upload) => (upload.session.length, upload.session.plan.metadata),
        Found::Finished(finished) => (Some(finished.content.size_bytes), finished.metadata),
    };
    let headers = response.headers_mut();
    match length {
        Some(length) => headers.insert(LENGTH, HeaderValue::from(length)),
        None => headers.insert("upload-defer-length", HeaderValue::from_static("1")),
    };
    if !metadata.is_empty() {
        let metadata = HeaderValue::try_from(metadata).expect("it came as a header");
        headers.insert(metadata::HEADER, metadata);
    }
    response
}

/// PATCH: bytes behind those that are there.
pub(super) async fn append(asking: Asking, id: UploadId, parts: &Parts, body: Upload) -> Response {
    let caller = asking.caller.clone();
    let outcome = match piece(&asking.path, &parts.headers) {
        Ok(piece) => asking.append(id, piece, body).await,
        Err(error) => Err(error.into()),
    };
    match outcome {
        Ok(found) => answered(StatusCode::NO_CONTENT, &found),
        Err(refusal) => refuse(&caller, refusal),
    }
}

fn piece(path: &ResourcePath, headers: &HeaderMap) -> Result<Piece, StarError> {
    if !is_bytes(headers) {
        let message = format!("the `content-type` of bytes for an upload is `{BYTES}`");
        return Err(StarError::new(ErrorCode::UnsupportedMediaType, message).at(path));
    }
    let at = number(headers, &OFFSET)?
        .ok_or_else(|| StarError::new(ErrorCode::InvalidArgument, "the header `upload-offset` is missing").at(path))?;
    Ok(Piece {
        at,
        announced: upload::announced_bytes(headers),
        length: number(headers, &LENGTH)?,
        checksum: Checksum::of_tus(headers)?,
        end: End::AtLength,
    })
}

/// DELETE: an upload is forgotten.
pub(super) async fn cancel(asking: Asking, id: UploadId) -> Response {
    match asking.cancel(id).await {
        Ok(()) => spoken(StatusCode::NO_CONTENT.into_response()),
        Err(refusal) => refuse(&asking.caller, refusal),
    }
}

fn is_bytes(headers: &HeaderMap) -> bool {
    headers.get(CONTENT_TYPE).is_some_and(|given| given.as_bytes().eq_ignore_ascii_case(BYTES.as_bytes()))
}

/// An answer that says how far an upload has come, and until when it is kept.
fn answered(status: StatusCode, found: &Found) -> Response {
    let mut response = Response::new(Body::empty());
    *response.status_mut() = status;
    let headers = response.headers_mut();
    let (offset, until_ms) = match found {
        Found::Open(upload) => (upload.session.offset, upload.session.until_ms),
        Found::Finished(finished) => {
            let tag = conditions::tag_of(&finished.content.digest);
            headers.insert(ETAG, HeaderValue::try_from(tag).expect("a digest is printable ASCII"));
            (finished.content.size_bytes, finished.until_ms)
        }
    };
    headers.insert(OFFSET, HeaderValue::from(offset));
    let until = httpdate::fmt_http_date(UNIX_EPOCH + Duration::from_millis(until_ms));
    headers.insert("upload-expires", HeaderValue::try_from(until).expect("a date is printable ASCII"));
    spoken(response)
}

/// The answer to what was not done.
pub(super) fn refuse(caller: &Caller, refusal: Refusal) -> Response {
    let status = refusal.status.unwrap_or_else(|| status::http_status(refusal.error.code()));
    let mut response = status::problem_with(status, &refusal.error, &caller.request_id);
    if let Some(offset) = refusal.offset {
        response.headers_mut().insert(OFFSET, HeaderValue::from(offset));
    }
    if refusal.error.code() == ErrorCode::UnsupportedMediaType {
        response.headers_mut().insert(ACCEPT, HeaderValue::from_static(BYTES));
    }
    spoken(response)
}

fn spoken(mut response: Response) -> Response {
    response.headers_mut().insert(RESUMABLE, VERSION);
    response.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}
