//! Resumable uploads as the IETF drafts them: `draft-ietf-httpbis-resumable-upload`, up to -12.
//!
//! Clients say in `upload-draft-interop-version` which draft they follow: 3 (-01, whose header is
//! `upload-incomplete`) up to 8 (-09 and later); whoever follows the standard to come says none. No
//! interim answer `104` is sent, because the library under this server cannot: an upload whose
//! first request has all bytes is therefore a write like any other, and resuming begins with one that says
//! `upload-complete: ?0`.

use axum::body::Body;
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE, ETAG, HeaderName, LOCATION};
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use star_core::ports::clock::UnixMillis;
use star_core::uploads::{Found, Plan, Upload as Begun, UploadId};
use star_path::ResourcePath;
use star_wire::{ErrorCode, StarError};

use super::checksum::Checksum;
use super::fields::{LENGTH, OFFSET, number, truth};
use super::session::{Asking, End, Piece, Refusal};
use super::url;
use crate::auth::Caller;
use crate::files::upload::{self, Upload};
use crate::files::{conditions, fence, media};
use crate::limits;
use crate::status;

/// The media type of some bytes of a content.
pub(super) const PARTIAL: &str = "application/partial-upload";

const COMPLETE: &str = "upload-complete";
const INCOMPLETE: &str = "upload-incomplete";
const INTEROP: &str = "upload-draft-interop-version";
const LIMIT: HeaderName = HeaderName::from_static("upload-limit");

/// The first draft that is understood, which says the opposite of the others.
const INCOMPLETE_ONLY: u64 = 3;

/// The first draft in which bytes that are appended have a media type.
const TYPED: u64 = 6;

/// The last draft that is understood.
const LAST: u64 = 8;

/// How a request speaks of an upload.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::files) struct Draft {
    interop: Option<u64>,
    /// Whether all bytes are there when this request has ended.
    pub(in crate::files) complete: bool,
}

impl Draft {
    /// What a request says; none where it does not speak of uploads.
    ///
    /// # Errors
    /// `UnsupportedVersion` for some bytes of an upload in a draft that is not known: they must not be
    /// taken for all of them.
    pub(in crate::files) fn of(headers: &HeaderMap) -> Result<Option<Draft>, StarError> {
        let interop = number(headers, &HeaderName::from_static(INTEROP)).ok().flatten();
        let complete = match interop {
            Some(INCOMPLETE_ONLY) => truth(headers, INCOMPLETE).map(|incomplete| !incomplete),
            _ => truth(headers, COMPLETE),
        };
        let Some(complete) = complete else { return Ok(None) };
        let is_known = interop.is_none_or(|version| (INCOMPLETE_ONLY..=LAST).contains(&version));
        match (is_known, complete) {
            (true, _) => Ok(Some(Draft { interop, complete })),
            (false, true) => Ok(None),
            (false, false) => {
                Err(StarError::new(ErrorCode::UnsupportedVersion, "this draft of resumable uploads is not spoken here")
                    .hint(format!("`{INTEROP}` is {INCOMPLETE_ONLY} to {LAST}")))
            }
        }
    }

    /// How a request speaks that has no bytes, and so does not say whether they are all.
    pub(super) fn asking(headers: &HeaderMap) -> Draft {
        let interop = number(headers, &HeaderName::from_static(INTEROP)).ok().flatten();
        Draft { interop, complete: false }
    }

    /// Says in an answer whether all bytes are there.
    pub(in crate::files) fn mark(self, headers: &mut HeaderMap, complete: bool) {
        let (name, yes) = match self.interop {
            Some(INCOMPLETE_ONLY) => (INCOMPLETE, !complete),
            _ => (COMPLETE, complete),
        };
        headers.insert(name, HeaderValue::from_static(if yes { "?1" } else { "?0" }));
        if let Some(interop) = self.interop {
            headers.insert(INTEROP, HeaderValue::from(interop));
        }
    }
}

/// What is spoken, in the answer to OPTIONS.
pub(super) fn announce(headers: &mut HeaderMap) {
    headers.insert(
        "accept-patch",
        HeaderValue::from_static("application/partial-upload, application/offset+octet-stream"),
    );
    headers.insert(LIMIT, limit(limits::FILE_BYTES, star_core::limits::UPLOAD_LIFE.as_secs()));
}

/// POST or PUT of some bytes: begins an upload with them.
pub(super) async fn create(asking: Asking, draft: Draft, parts: &Parts, body: Upload) -> Response {
    let caller = asking.caller.clone();
    let (path, begun, checksum) = match begin(&asking, parts).await {
        Ok(begun) => begun,
        Err(error) => return refuse(&caller, draft, error.into()),
    };
    let now_ms = asking.state.tree().ports.clock.now_ms();
    let announced = upload::announced_bytes(&parts.headers);
    let piece = Piece { at: 0, announced, length: None, checksum, end: End::Later };
    let mut response = match asking.append(begun.id, piece, body).await {
        Ok(found) => answered(StatusCode::CREATED, draft, &found, now_ms),
        Err(refusal) => refuse(&caller, draft, refusal),
    };
    response.headers_mut().insert(LOCATION, url::of(&path, begun.id));
    response
}

async fn begin(asking: &Asking, parts: &Parts) -> Result<(ResourcePath, Begun, Option<Checksum>), StarError> {
    let headers = &parts.headers;
    let plan = Plan {
        content_type: media::given(headers)?.unwrap_or_else(|| media::guess(asking.path.last())),
        digest: upload::digest_in(headers, &["repr-digest"])?,
        only_if: conditions::of_put(headers)?,
        fence: fence(headers)?.to_owned(),
        metadata: String::new(),
    };
    let checksum = checksum(headers)?;
    let begun = asking.begin(number(headers, &LENGTH)?, plan).await?;
    Ok((asking.path.clone(), begun, checksum))
}

fn checksum(headers: &HeaderMap) -> Result<Option<Checksum>, StarError> {
    Ok(upload::digest_in(headers, &["content-digest"])?.map(Checksum::Sha256))
}

/// HEAD: how far an upload has come.
pub(super) async fn look(asking: Asking, draft: Draft, id: UploadId) -> Response {
    let (caller, now_ms) = (asking.caller.clone(), asking.state.tree().ports.clock.now_ms());
    let found = match asking.look(id).await {
        Ok(found) => found,
        Err(refusal) => return refuse(&caller, draft, refusal),
    };
    let mut response = answered(StatusCode::NO_CONTENT, draft, &found, now_ms);
    let length = match &found {
        Found::Open(upload) => upload.session.length,
        Found::Finished(finished) => Some(finished.content.size_bytes),
    };
    if let Some(length) = length {
        response.headers_mut().insert(LENGTH, HeaderValue::from(length));
    }
    response
}

/// PATCH: bytes behind those that are there.
pub(super) async fn append(asking: Asking, draft: Draft, id: UploadId, parts: &Parts, body: Upload) -> Response {
    let (caller, now_ms) = (asking.caller.clone(), asking.state.tree().ports.clock.now_ms());
    let outcome = match piece(&asking.path, draft, &parts.headers) {
        Ok(piece) => asking.append(id, piece, body).await,
        Err(error) => Err(error.into()),
    };
    match outcome {
        Ok(found) => {
            // As the File would have been answered to one request.
            let is_made = matches!(&found, Found::Finished(finished) if finished.made);
            let status = if is_made { StatusCode::CREATED } else { StatusCode::NO_CONTENT };
            answered(status, draft, &found, now_ms)
        }
        Err(refusal) => refuse(&caller, draft, refusal),
    }
}

fn piece(path: &ResourcePath, draft: Draft, headers: &HeaderMap) -> Result<Piece, StarError> {
    let is_typed =
        headers.get(CONTENT_TYPE).is_some_and(|given| given.as_bytes().eq_ignore_ascii_case(PARTIAL.as_bytes()));
    if !is_typed && draft.interop.is_none_or(|version| version >= TYPED) {
        let message = format!("the `content-type` of bytes for an upload is `{PARTIAL}`");
        return Err(StarError::new(ErrorCode::UnsupportedMediaType, message).at(path));
    }
    let at = number(headers, &OFFSET)?
        .ok_or_else(|| StarError::new(ErrorCode::InvalidArgument, "the header `upload-offset` is missing").at(path))?;
    let announced = upload::announced_bytes(headers);
    let all = announced.filter(|_| draft.complete).map(|bytes| at.saturating_add(bytes));
    let said = number(headers, &LENGTH)?;
    if let (Some(all), Some(said)) = (all, said)
        && all != said
    {
        let message = "`upload-length` is not where the bytes of this request end";
        return Err(StarError::new(ErrorCode::InvalidArgument, message).at(path));
    }
    let end = if draft.complete { End::WithBody } else { End::Later };
    Ok(Piece { at, announced, length: said.or(all), checksum: checksum(headers)?, end })
}

/// DELETE: an upload is forgotten.
pub(super) async fn cancel(asking: Asking, id: UploadId) -> Response {
    match asking.cancel(id).await {
        Ok(()) => StatusCode::NO_CONTENT.into_response(),
        Err(refusal) => asking.caller.refuse(&refusal.error),
    }
}

/// An answer that says how far an upload has come, and until when it is kept.
fn answered(status: StatusCode, draft: Draft, found: &Found, now_ms: UnixMillis) -> Response {
    let mut response = Response::new(Body::empty());
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    let (offset, until_ms) = match found {
        Found::Open(upload) => (upload.session.offset, upload.session.until_ms),
        Found::Finished(finished) => {
            let tag = conditions::tag_of(&finished.content.digest);
            headers.insert(ETAG, HeaderValue::try_from(tag).expect("a digest is printable ASCII"));
            (finished.content.size_bytes, finished.until_ms)
        }
    };
    headers.insert(OFFSET, HeaderValue::from(offset));
    headers.insert(LIMIT, limit(limits::FILE_BYTES, until_ms.saturating_sub(now_ms) / 1000));
    draft.mark(headers, matches!(found, Found::Finished(_)));
    response
}

fn limit(max_size: u64, max_age_s: u64) -> HeaderValue {
    HeaderValue::try_from(format!("max-size={max_size}, max-age={max_age_s}")).expect("numbers are printable ASCII")
}

/// The answer to what was not done.
fn refuse(caller: &Caller, draft: Draft, refusal: Refusal) -> Response {
    // The status of a checksum is one of tus.
    let own = refusal.status.filter(|status| *status == StatusCode::LOCKED);
    let status = own.unwrap_or_else(|| status::http_status(refusal.error.code()));
    let mut response = status::problem_with(status, &refusal.error, &caller.request_id);
    let headers = response.headers_mut();
    draft.mark(headers, refusal.whole);
    if let Some(offset) = refusal.offset {
        headers.insert(OFFSET, HeaderValue::from(offset));
    }
    match refusal.error.code() {
        ErrorCode::UnsupportedMediaType => headers.insert("accept-patch", HeaderValue::from_static(PARTIAL)),
        ErrorCode::TooLarge => {
            headers.insert(LIMIT, limit(limits::FILE_BYTES, star_core::limits::UPLOAD_LIFE.as_secs()))
        }
        _ => None,
    };
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(pairs: &[(&'static str, &'static str)]) -> Result<Option<(Option<u64>, bool)>, ErrorCode> {
        let headers =
            pairs.iter().map(|(name, value)| (HeaderName::from_static(name), HeaderValue::from_static(value)));
        let read = Draft::of(&headers.collect()).map_err(|error| error.code())?;
        Ok(read.map(|draft| (draft.interop, draft.complete)))
    }

    #[test]
    fn every_draft_that_clients_follow_is_understood() {
        for (pairs, expected) in [
            (&[][..], None),
            (&[(COMPLETE, "?1")], Some((None, true))),
            (&[(COMPLETE, "?0"), (INTEROP, "8")], Some((Some(8), false))),
            (&[(COMPLETE, "?1"), (INTEROP, "6")], Some((Some(6), true))),
            (&[(INCOMPLETE, "?1"), (INTEROP, "3")], Some((Some(3), false))),
            (&[(INCOMPLETE, "?0"), (INTEROP, "3")], Some((Some(3), true))),
            (&[(INCOMPLETE, "?1"), (INTEROP, "4")], None),
            (&[(COMPLETE, "yes")], None),
            (&[(COMPLETE, "?1"), (INTEROP, "99")], None),
        ] {
            assert_eq!(read(pairs), Ok(expected), "{pairs:?}");
        }
        assert_eq!(read(&[(COMPLETE, "?0"), (INTEROP, "99")]), Err(ErrorCode::UnsupportedVersion));
    }

    #[test]
    fn an_answer_speaks_as_its_request_did() {
        for (interop, name, value) in [(None, COMPLETE, "?0"), (Some(8), COMPLETE, "?0"), (Some(3), INCOMPLETE, "?1")] {
            let mut headers = HeaderMap::new();
            Draft { interop, complete: true }.mark(&mut headers, false);
            assert_eq!(headers.get(name).and_then(|said| said.to_str().ok()), Some(value));
            assert_eq!(headers.contains_key(INTEROP), interop.is_some());
        }
    }
}
