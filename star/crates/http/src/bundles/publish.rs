//! The way of a publish: look first, take the files in, then one message to the series.

use axum::Json;
use axum::extract::{Request, State};
use axum::http::StatusCode;
use axum::http::request::Parts;
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use star_core::command::{Command, Create, Described, Info, Publish, Strategy, Tag};
use star_core::gate::Right;
use star_core::kind::Kind;
use star_core::lock::fence::fenced;
use star_core::once::{IdempotencyKey, keyed};
use star_core::ports::content::{ContentRef, Expected};
use star_path::ResourcePath;
use star_wire::{ErrorCode, StarError};

use super::archive::{self, Unpacked};
use super::documents;
use super::target::Target;
use crate::auth::Caller;
use crate::files;
use crate::files::upload::{self, Upload};
use crate::idempotency;
use crate::state::ApiState;

/// What a publish is answered with.
#[derive(Debug, Serialize)]
struct Published {
    /// The path of the version.
    path: String,
    /// How many files it has.
    files: usize,
    /// Their bytes.
    bytes: u64,
    /// Bytes of files that were held before.
    known: u64,
    /// Bytes that were taken on for it.
    stored: u64,
    /// The digest of its manifest.
    digest: String,
    /// The tags that point at it now.
    tags: Vec<String>,
    /// What its author should know, though it is no error.
    warnings: Vec<String>,
}

/// Publishes the archive that comes as the body.
pub(super) async fn publish(
    State(state): State<ApiState>,
    caller: Result<Caller, Response>,
    request: Request,
) -> Response {
    let (parts, body) = request.into_parts();
    // Before anything is refused, so that whoever is refused gets to read why.
    let upload = Upload::new(body);
    let caller = match caller {
        Ok(caller) => caller,
        Err(refusal) => return refusal,
    };
    match add(&state, &caller, &parts, upload).await {
        Ok(published) => (StatusCode::CREATED, Json(published)).into_response(),
        Err(error) => caller.refuse(&error),
    }
}

async fn add(state: &ApiState, caller: &Caller, parts: &Parts, upload: Upload) -> Result<Published, StarError> {
    let target = Target::of(parts)?;
    state.tree().gate.allow(&caller.authority, Right::Write, &target.series).await?;
    let fence = files::fence(&parts.headers)?;
    let key = idempotency::key(&parts.headers)?;
    let done_before = was_done(state, caller, &target, key.as_ref()).await?;
    // What was published under this key is not in its own way.
    let series_exists = done_before || look(state, caller, &target).await?;
    if series_exists && !done_before {
        check_lock(state, caller, &target, fence).await?;
    }
    let content = &state.tree().ports.content;
    let Unpacked { manifest, documents, known_bytes, stored_bytes } =
        archive::unpack(content, &target.bundle, upload).await?;
    let findings = documents::check(&target.bundle, &manifest, &documents)?;
    let encoded = manifest.encode()?;
    let files = manifest.files.len();
    let contents: Vec<ContentRef> = manifest.files.into_values().map(|entry| entry.body.content).collect();
    let manifest = keep(state, &target.bundle, encoded).await?;
    content.keep_with(&contents, &manifest).await.map_err(|error| upload::refused(&target.bundle, &error))?;

    if !series_exists {
        make_series(state, caller, &target.series, fence).await?;
    }
    let publish = Publish { version: target.version, manifest, properties: findings.properties, tags: target.tags };
    let envelope = keyed(fenced(publish.envelope(&target.series)?, fence), key.as_ref());
    let permit = caller.admit(state, envelope).await?;
    let published = Publish::answer(&state.tree().ask(permit).await?)?;
    Ok(Published {
        path: published.path.to_string(),
        files,
        bytes: known_bytes + stored_bytes,
        known: known_bytes,
        stored: stored_bytes,
        digest: published.digest.to_string(),
        tags: published.tags,
        warnings: findings.warnings,
    })
}

/// Refuses what cannot succeed before the archive is read; answers whether the series is there.
async fn look(state: &ApiState, caller: &Caller, target: &Target) -> Result<bool, StarError> {
    if described(state, caller, &target.bundle).await?.is_some() {
        let message = format!("{} was published before, and versions never change", target.bundle);
        return Err(StarError::new(ErrorCode::VersionExists, message)
            .at(&target.bundle)
            .hint("publish under a new version, and move a tag to it"));
    }
    if let Some(series) = described(state, caller, &target.series).await? {
        let kind = series.record.kind;
        if kind == Kind::ArtifactBundleSeries {
            return Ok(true);
        }
        let message = format!("{} is a {kind} and holds no versions", target.series);
        return Err(StarError::new(ErrorCode::WrongParent, message).at(&target.series));
    }
    let Some(parent) = target.series.parent() else { return Ok(false) };
    if described(state, caller, &parent).await?.is_none() {
        let hint = match parent.parent().is_some_and(|above| above.is_root()) {
            true => format!("star create Space {parent}"),
            false => format!("make {parent} first, e.g. star create Base {parent}"),
        };
        return Err(StarError::new(ErrorCode::ParentNotFound, format!("the parent {parent} does not exist"))
            .at(&parent)
            .hint(hint));
    }
    Ok(false)
}

async fn described(state: &ApiState, caller: &Caller, path: &ResourcePath) -> Result<Option<Described>, StarError> {
    let permit = caller.admit(state, Info.envelope(path)?).await?;
    match state.tree().ask(permit).await {
        Ok(reply) => Info::answer(&reply).map(Some),
        Err(error) if matches!(error.code(), ErrorCode::NotFound | ErrorCode::VersionNotFound) => Ok(None),
        Err(error) => Err(error),
    }
}

async fn keep(state: &ApiState, bundle: &ResourcePath, bytes: bytes::Bytes) -> Result<ContentRef, StarError> {
    let refused = |error| upload::refused(bundle, &error);
    let expected = Expected { size_bytes: Some(bytes.len() as u64), ..Expected::default() };
    let mut ingest = state.tree().ports.content.ingest(expected).await.map_err(refused)?;
    ingest.write(bytes).await.map_err(refused)?;
    ingest.finish().await.map_err(refused)
}

/// Whether something was done to the series under this key already.
async fn was_done(
    state: &ApiState,
    caller: &Caller,
    target: &Target,
    key: Option<&IdempotencyKey>,
) -> Result<bool, StarError> {
    let look = Tag { tag: String::new(), version: None, if_version: None };
    let permit = caller.admit(state, keyed(look.envelope(&target.series)?, key)).await?;
    state.tree().was_done(&permit).await
}

/// Refuses what a lock keeps out before the archive is read. The series looks again.
async fn check_lock(state: &ApiState, caller: &Caller, target: &Target, fence: &str) -> Result<(), StarError> {
    let look = Tag { tag: String::new(), version: None, if_version: None };
    let permit = caller.admit(state, fenced(look.envelope(&target.series)?, fence)).await?;
    state.tree().check_lock(&permit).await
}

async fn make_series(state: &ApiState, caller: &Caller, series: &ResourcePath, fence: &str) -> Result<(), StarError> {
    let create = Create {
        path: series.clone(),
        kind: Kind::ArtifactBundleSeries,
        properties: Default::default(),
        labels: Default::default(),
        owner: None,
        strategy: Strategy::Ensure,
    };
    state.tree().create_fenced(&caller.authority, create, fence, None).await.map(drop)
}
