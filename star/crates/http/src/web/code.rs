//! Targets that are code: a Mechtron, or the main one of an App.

use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use axum::http::header::{CONTENT_LENGTH, HeaderValue};
use axum::http::{Method, StatusCode};
use axum::response::Response;
use star_core::ports::content::ContentError;
use star_core::ports::mechtron::{WebRequest, WebResponse};
use star_kinds::routes::{self, RouteOptions};
use star_path::ResourcePath;
use star_wire::{Deadline, Envelope, ErrorCode, StarError};
use tokio::time::Instant;

use super::body::{self, Answer, Exceeded};
use super::guest::{self, Head};
use super::headers;
use super::visit::Visit;
use crate::files::upload;
use crate::limits;

/// What a rule says that the code sees in place of what the visitor asked for.
pub(super) type Rewrite = Option<(Option<routes::Method>, String)>;

/// Hands a request to the code at a path and passes its answer on.
pub(super) async fn call(
    visit: &Visit<'_>,
    path: &ResourcePath,
    rewrite: Rewrite,
    options: &RouteOptions,
    body: Body,
) -> Result<Response, StarError> {
    let limit_bytes = options.limit.map_or(limits::WEB_BODY_BYTES, |limit| limit.as_bytes());
    if upload::announced_bytes(&visit.parts.headers).is_some_and(|bytes| bytes > limit_bytes) {
        return Err(too_long(path, limit_bytes));
    }
    let timeout = options.timeout.unwrap_or(limits::WEB_TIMEOUT);
    let exceeded = Exceeded::default();
    let body = body::limited(body, limit_bytes, &exceeded);
    let answered = deliver(visit, path, request(visit, rewrite, body, timeout), timeout).await;
    match answered {
        // The mechtron saw a broken body and gave up; that is not what went wrong.
        Err(_) if exceeded.get() => Err(too_long(path, limit_bytes)),
        Err(error) => Err(error),
        Ok(answer) => passed_on(visit, path, answer).await,
    }
}

async fn deliver(
    visit: &Visit<'_>,
    path: &ResourcePath,
    request: WebRequest,
    timeout: Duration,
) -> Result<WebResponse, StarError> {
    let tree = visit.state.tree();
    let mut envelope = Envelope::new(path.clone(), star_wire::Method::WEB).with_deadline(Deadline::within(timeout));
    envelope.request_id = Some(Arc::clone(&request.request_id));
    envelope.from = Some(visit.site.space.clone());
    let permit = tree.admit(&visit.site.visitor, envelope).await?;
    // The host of mechtrons keeps the deadline; this is for what waits before it gets there.
    let last = request.deadline + limits::WEB_GRACE;
    match tokio::time::timeout_at(last, tree.web(permit, request)).await {
        Ok(answered) => answered,
        Err(_) => Err(StarError::new(ErrorCode::TimedOut, format!("{path} did not answer in time")).at(path)),
    }
}

fn request(
    visit: &Visit<'_>,
    rewrite: Rewrite,
    body: star_core::ports::content::ByteStream,
    timeout: Duration,
) -> WebRequest {
    let uri = &visit.parts.uri;
    let (method, path) = match rewrite {
        Some((method, path)) => (method, path),
        None => (None, uri.path().to_owned()),
    };
    let path_and_query = match uri.query() {
        Some(query) => format!("{path}?{query}"),
        None => path,
    };
    WebRequest {
        method: method.map_or(visit.parts.method.as_str(), |method| method.as_str()).to_owned(),
        scheme: "http".to_owned(),
        authority: visit.authority.to_owned(),
        path_and_query,
        headers: headers::for_code(&visit.parts.headers, visit.request_id),
        body,
        deadline: Instant::now() + timeout,
        sender: visit.site.space.clone(),
        agent: None,
        request_id: visit.request_id.as_str().into(),
    }
}

/// The answer of a mechtron as the visitor gets it.
async fn passed_on(visit: &Visit<'_>, path: &ResourcePath, answer: WebResponse) -> Result<Response, StarError> {
    let Head { status, headers, announced_bytes } =
        guest::read(answer.status, &answer.headers).map_err(|error| invalid(path, &error))?;
    let no_body = matches!(status, StatusCode::NO_CONTENT | StatusCode::RESET_CONTENT | StatusCode::NOT_MODIFIED);
    let of_head = visit.parts.method == Method::HEAD;
    let (body, length) = if no_body || of_head {
        (Body::empty(), announced_bytes.filter(|_| of_head && !no_body))
    } else {
        match (body::look(answer.body).await.map_err(|error| cut(path, &error))?, announced_bytes) {
            (Answer::Whole(bytes), Some(announced)) if announced != bytes.len() as u64 => {
                return Err(StarError::new(
                    ErrorCode::MechtronReplyInvalid,
                    format!("the answer of {path} is not as long as it announced"),
                )
                .at(path));
            }
            (Answer::Whole(bytes), _) => {
                let length = bytes.len() as u64;
                (Body::from(bytes), Some(length))
            }
            (Answer::Coming(stream), None) => (Body::from_stream(stream), None),
            (Answer::Coming(stream), Some(announced)) => {
                (Body::from_stream(body::exactly(stream, announced)), Some(announced))
            }
        }
    };
    let mut response = Response::new(body);
    *response.status_mut() = status;
    *response.headers_mut() = headers;
    if let Some(length) = length {
        response.headers_mut().insert(CONTENT_LENGTH, HeaderValue::from(length));
    }
    Ok(response)
}

fn too_long(path: &ResourcePath, limit_bytes: u64) -> StarError {
    StarError::new(ErrorCode::TooLarge, format!("the body of the request is longer than {limit_bytes} bytes")).at(path)
}

fn invalid(path: &ResourcePath, error: &guest::BadHead) -> StarError {
    StarError::new(ErrorCode::MechtronReplyInvalid, format!("the answer of {path} cannot be passed on"))
        .at(path)
        .because(error)
}

/// The error behind a body that broke off before anything was sent.
fn cut(path: &ResourcePath, error: &ContentError) -> StarError {
    if let ContentError::Io { source, .. } = error
        && let Some(own) = source.get_ref().and_then(|inner| inner.downcast_ref::<StarError>())
    {
        return own.clone();
    }
    StarError::new(ErrorCode::MechtronTrapped, format!("{path} broke its answer off")).at(path).because(error)
}
