//! The Contents service: taking away what nobody needs, and finding what is damaged.
//!
//! Whoever may write to the Space `star` may ask for it: it concerns the bytes of all Spaces.
#![expect(refining_impl_trait, reason = "the traits leave the type of an answer open; naming it reads better")]

use std::time::Duration;

use connectrpc::{RequestContext, ServiceRequest, ServiceResult};
use star_api::v1;
use star_core::gate::Right;
use star_core::ports::content::{Check, Collect, Collected, ContentError, Damaged, Upkeep, UpkeepError, Why};
use star_core::{limits, stored};
use star_path::{Digest, ResourcePath};
use star_wire::{ErrorCode, StarError};

use super::call::Call;
use crate::state::ApiState;

/// The Contents service.
pub(super) struct ContentsService {
    pub(super) state: ApiState,
}

impl v1::Contents for ContentsService {
    async fn collect(
        &self,
        context: RequestContext,
        request: ServiceRequest<'_, v1::CollectRequest>,
    ) -> ServiceResult<v1::CollectResponse> {
        let call = Call::of(&self.state, &context);
        call.answer(collect(&call, request.to_owned_message()).await)
    }

    async fn why(
        &self,
        context: RequestContext,
        request: ServiceRequest<'_, v1::WhyRequest>,
    ) -> ServiceResult<v1::WhyResponse> {
        let call = Call::of(&self.state, &context);
        call.answer(why(&call, request.to_owned_message()).await)
    }

    async fn check(
        &self,
        context: RequestContext,
        _: ServiceRequest<'_, v1::CheckRequest>,
    ) -> ServiceResult<v1::CheckResponse> {
        let call = Call::of(&self.state, &context);
        call.answer(check(&call).await)
    }
}

/// What looks after the bytes, for whoever may ask for it.
async fn upkeep<'c>(call: &'c Call<'_>) -> Result<&'c dyn Upkeep, StarError> {
    let star = ResourcePath::parse("star").expect("`star` is a path");
    call.state.tree().gate.allow(&call.caller.authority, Right::Write, &star).await?;
    let none =
        || StarError::new(ErrorCode::InvalidArgument, "the content store of this Star never takes anything away");
    call.state.tree().ports.content.upkeep().ok_or_else(none)
}

async fn collect(call: &Call<'_>, request: v1::CollectRequest) -> Result<v1::CollectResponse, StarError> {
    let upkeep = upkeep(call).await?;
    let v1::CollectRequest { plan, force, grace_ms, .. } = request;
    let grace = grace_ms.map_or(limits::COLLECT_GRACE, Duration::from_millis);
    let done = upkeep.collect(Collect { plan, force, grace }).await.map_err(|error| refused(&error))?;
    let Collected { contents, bytes, extents, condemned, condemned_bytes, waiting, revived, removed, .. } = done;
    let Collected { packs, pack_bytes, live_bytes, packs_removed, freed_bytes, packs_copied, copied_bytes, .. } = done;
    Ok(v1::CollectResponse {
        contents,
        bytes,
        condemned,
        condemned_bytes,
        waiting,
        revived,
        removed,
        packs,
        pack_bytes,
        live_bytes,
        packs_removed,
        freed_bytes,
        packs_copied,
        copied_bytes,
        extents,
        ..Default::default()
    })
}

async fn why(call: &Call<'_>, request: v1::WhyRequest) -> Result<v1::WhyResponse, StarError> {
    let upkeep = upkeep(call).await?;
    let digest = named(call, &request).await?;
    let unknown = || StarError::new(ErrorCode::NotFound, format!("there is no content {digest}"));
    let why = upkeep.why(&digest).await.map_err(|error| refused(&error))?;
    let Why { resources, named_by, awaited, condemned } = why.ok_or_else(unknown)?;
    Ok(v1::WhyResponse {
        digest: digest.to_string(),
        resources: resources.iter().map(ToString::to_string).collect(),
        named_by: named_by.iter().map(ToString::to_string).collect(),
        awaited,
        condemned,
        ..Default::default()
    })
}

/// The content that is asked about.
async fn named(call: &Call<'_>, request: &v1::WhyRequest) -> Result<Digest, StarError> {
    let v1::WhyRequest { path, digest, .. } = request;
    let invalid = |message: &str| StarError::new(ErrorCode::InvalidArgument, message);
    match (path.as_str(), digest.as_str()) {
        ("", "") => Err(invalid("name a resource or a digest")),
        ("", digest) => Digest::parse(digest)
            .map_err(|error| invalid("the digest cannot be read").because(&error).hint("like sha256:0123…")),
        (path, "") => {
            let path = ResourcePath::parse(path)?;
            let found = stored::require(&call.state.tree().ports.meta, &path).await?;
            let none = || invalid("it has no bytes").at(&path);
            Ok(found.record.body.ok_or_else(none)?.content.digest)
        }
        _ => Err(invalid("name a resource or a digest, not both")),
    }
}

async fn check(call: &Call<'_>) -> Result<v1::CheckResponse, StarError> {
    let Check { packs, frames, bytes, damaged } = upkeep(call).await?.check().await.map_err(|error| refused(&error))?;
    let damaged = damaged.into_iter().map(|Damaged { file, what, contents }| v1::DamagedPack {
        file: file.display().to_string(),
        what,
        contents: contents
            .into_iter()
            .map(|(digest, resources)| v1::DamagedContent {
                digest: digest.to_string(),
                resources: resources.iter().map(ToString::to_string).collect(),
                ..Default::default()
            })
            .collect(),
        ..Default::default()
    });
    Ok(v1::CheckResponse { packs, frames, bytes, damaged: damaged.collect(), ..Default::default() })
}

fn refused(error: &UpkeepError) -> StarError {
    match error {
        UpkeepError::TooMuch { .. } => StarError::new(ErrorCode::PreconditionFailed, error.to_string())
            .hint("look at `star gc plan`; `star gc run --force` does it all the same"),
        UpkeepError::Referring(error) => error.clone(),
        UpkeepError::Content(ContentError::DiskFull) => {
            StarError::new(ErrorCode::DiskFull, "the disk is full, and there is no room to copy what is still needed")
        }
        UpkeepError::Content(error) => {
            StarError::new(ErrorCode::StorageFailed, "looking after the bytes failed").because(error)
        }
    }
}
