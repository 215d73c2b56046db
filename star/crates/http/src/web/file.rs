//! Targets that are files: of a FileSystem, or of a bundle by version, tag or requirement.

use axum::http::header::{CACHE_CONTROL, HeaderValue};
use axum::http::{Method, StatusCode};
use axum::response::Response;
use star_core::command::{Command, Open, Opened};
use star_kinds::routes::RouteOptions;
use star_path::ResourcePath;
use star_wire::{ErrorCode, StarError};

use super::refusal;
use super::visit::Visit;
use crate::files::{answer, media};

/// What is behind a path.
enum Found {
    File(Opened),
    /// A directory with an index, asked for without its slash.
    Directory,
}

/// Answers with the file at a path.
pub(super) async fn serve(
    visit: &Visit<'_>,
    path: &ResourcePath,
    options: &RouteOptions,
) -> Result<Response, StarError> {
    let method = &visit.parts.method;
    if method != Method::GET && method != Method::HEAD {
        return Ok(refusal::other_method(visit, "GET, HEAD, OPTIONS"));
    }
    let opened = match find(visit, path, options).await? {
        Found::File(opened) => opened,
        Found::Directory => return Ok(with_slash(visit)),
    };
    let content_type = media::header_for_browsers(&opened.content_type);
    let store = visit.state.tree().ports.content.as_ref();
    match answer::answer(store, method, &visit.parts.headers, &opened, content_type).await {
        Ok(mut response) => {
            // Without a word, browsers keep pages for as long as they like, and a moved tag would
            // not be seen.
            response.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("no-cache"));
            Ok(response)
        }
        Err(refused) => {
            let mut response = refusal::error(visit, &refused.error);
            refused.mark(response.headers_mut());
            Ok(response)
        }
    }
}

async fn find(visit: &Visit<'_>, path: &ResourcePath, options: &RouteOptions) -> Result<Found, StarError> {
    let index = options.index.as_deref();
    let first = match (path.is_directory(), index) {
        (false, _) => open(visit, path).await,
        (true, Some(index)) => open(visit, &inside(path, index)?).await,
        (true, None) => Err(StarError::not_found(path)),
    };
    let error = match first {
        Ok(opened) => return Ok(Found::File(opened)),
        Err(error) if error.code() == ErrorCode::NotFound => error,
        Err(error) => return Err(error),
    };
    if let Some(index) = index.filter(|_| !path.is_directory())
        && open(visit, &inside(path, index)?).await.is_ok()
    {
        return Ok(Found::Directory);
    }
    match &options.spa {
        Some(page) => open(visit, &path.without_files().with_files(page)?).await.map(Found::File),
        None => Err(error),
    }
}

/// The file of this name in a directory, which may be written without its slash.
fn inside(directory: &ResourcePath, name: &str) -> Result<ResourcePath, StarError> {
    let files = directory.files_decoded().unwrap_or_default();
    let files = format!("{}/{name}", files.trim_end_matches('/'));
    Ok(directory.without_files().with_files(&files)?)
}

async fn open(visit: &Visit<'_>, path: &ResourcePath) -> Result<Opened, StarError> {
    let tree = visit.state.tree();
    let permit = tree.gate.admit(&visit.site.visitor, Open.envelope(path)?).await?;
    tree.open(permit).await
}

/// Sends a visitor to the same place with a slash, where relative links of the index work. For
/// now only: what is a directory today may be a file in the next version.
fn with_slash(visit: &Visit<'_>) -> Response {
    let uri = &visit.parts.uri;
    let location = match uri.query() {
        Some(query) => format!("{}/?{query}", uri.path()),
        None => format!("{}/", uri.path()),
    };
    refusal::redirect(StatusCode::TEMPORARY_REDIRECT, &location)
}
