//! What is read out of requests before anybody knows who sends them, for tests that send anything.
//!
//! No part of the interface. Each function is the door to a reader of this crate and changes
//! nothing of what it says. What must be true of it is said in `tests/fuzz`.

use std::sync::Arc;

use axum::body::Body;
use axum::http::{HeaderMap, Uri};
use bytes::Bytes;
use futures::stream;
use star_core::command::Manifest;
use star_core::ports::content::ContentStore;
use star_path::{Digest, ResourcePath, Selector};
use star_wire::StarError;

use crate::bundles::{archive, documents};
use crate::events::query::EventsQuery;
use crate::events::{Cursor, Form};
use crate::files::range::Ranged;
use crate::files::resume::fields;
use crate::files::resume::metadata::Metadata;
use crate::files::upload::{self, Upload};
use crate::files::{address, conditions, encodings, range};
use crate::rpc;
use crate::versions::Spoken;
use crate::web::{accept, host};
use crate::{auth, idempotency};

/// The first byte and the length of the part that `Range` asks for; none where no part is sent.
pub fn range(value: &str, size_bytes: u64) -> Option<(u64, u64)> {
    match range::read(value, size_bytes) {
        Ranged::Part(part) => Some((part.start, part.len)),
        Ranged::Whole | Ranged::Outside => None,
    }
}

/// What becomes of a request to read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// It is answered.
    Go,
    /// The client has it already.
    NotModified,
    /// What the client wants to be true is not.
    Failed,
}

/// What becomes of a request to read this content, and whether a part of it may be sent.
pub fn conditions(headers: &HeaderMap, digest: &Digest, modified_ms: u64) -> (Verdict, bool) {
    let tag = conditions::tag_of(digest);
    let verdict = match conditions::judge(headers, &tag, modified_ms) {
        conditions::Verdict::Go => Verdict::Go,
        conditions::Verdict::NotModified => Verdict::NotModified,
        conditions::Verdict::Failed => Verdict::Failed,
    };
    (verdict, conditions::range_applies(headers, &tag, modified_ms))
}

/// Whether the conditions of a PUT and of a DELETE can be kept.
pub fn conditions_of_changes(headers: &HeaderMap) -> [Result<(), StarError>; 2] {
    [conditions::of_put(headers).map(drop), conditions::of_delete(headers).map(drop)]
}

/// What a body is announced to be.
pub fn announced(headers: &HeaderMap) -> (Option<u64>, Result<Option<Digest>, StarError>) {
    (upload::announced_bytes(headers), upload::announced_digest(headers))
}

/// What a request says of an upload in several requests: how far it has come, and its metadata as they came.
pub fn upload(headers: &HeaderMap) -> (Result<Option<u64>, StarError>, Result<String, StarError>) {
    (fields::number(headers, &fields::OFFSET), Metadata::of(headers).map(Metadata::into_text))
}

/// Whether a visitor wants JSON.
pub fn prefers_json(headers: &HeaderMap) -> bool {
    accept::prefers_json(headers)
}

/// Whether a content may be sent compressed.
pub fn takes_zstd(headers: &HeaderMap) -> bool {
    encodings::takes_zstd(headers)
}

/// The Space that a visitor means.
pub fn host(uri: &Uri, headers: &HeaderMap) -> Option<String> {
    host::of(uri, headers).ok().map(|host| host.space.into_owned())
}

/// The idempotency key, as far as it is one.
pub fn idempotency_key(headers: &HeaderMap) -> Result<Option<String>, StarError> {
    idempotency::key(headers).map(|key| key.map(|key| key.as_str().to_owned()))
}

/// The key of a caller.
pub fn key_of_caller(headers: &HeaderMap) -> Result<Option<String>, StarError> {
    auth::key(headers).map(|key| key.map(|key| key.as_str().to_owned()))
}

/// The path behind a prefix of a URL.
pub fn address(text: &str) -> Result<ResourcePath, StarError> {
    address::path(text)
}

/// The cursor of a page, and the path that it stands for.
pub fn list_cursor(selector: &Selector, text: &str) -> Result<Option<String>, StarError> {
    rpc::cursor::read(selector, text)
}

/// The cursor for a path of a page.
pub fn list_cursor_of(selector: &Selector, path: &str) -> String {
    rpc::cursor::written(selector, path)
}

/// A place in the log, printed again, with the position behind which it reads.
pub fn event_cursor(text: &str) -> Result<(String, u64, u64), StarError> {
    text.parse::<Cursor>().map(|cursor| (cursor.to_string(), cursor.position(), cursor.read_from()))
}

/// The query of a reader of the log: the deepest path that it asks about.
pub fn events_query(uri: &Uri, headers: &HeaderMap) -> Result<ResourcePath, StarError> {
    EventsQuery::parse(uri, headers, Form::asked_for(headers, Spoken::default()))
        .map(|query| query.filter.prefix().clone())
}

/// A bundle that came as these pieces of an archive: its files, and what its documents say.
///
/// # Errors
/// Those of the archive, of its names and of its `bundle.yaml`.
pub async fn bundle(
    store: &Arc<dyn ContentStore>,
    path: &ResourcePath,
    pieces: Vec<Bytes>,
) -> Result<(Manifest, Result<Vec<String>, StarError>), StarError> {
    let pieces = pieces.into_iter().map(Ok::<Bytes, std::io::Error>);
    let upload = Upload::new(Body::from_stream(stream::iter(pieces)));
    let unpacked = archive::unpack(store, path, upload).await?;
    let findings = documents::check(path, &unpacked.manifest, &unpacked.documents);
    Ok((unpacked.manifest, findings.map(|findings| findings.warnings)))
}
