//! The Locks service: taking, renewing and giving back locks.
#![expect(refining_impl_trait, reason = "the traits leave the type of an answer open; naming it reads better")]

use std::time::Duration;

use connectrpc::{RequestContext, ServiceRequest, ServiceResult};
use star_api::v1;
use star_core::command::{Claim, Lock, Unlock};
use star_core::limits as core_limits;
use star_core::lock::fence::guardian;
use star_core::lock::{Fences, FencingToken};
use star_path::ResourcePath;
use star_wire::{ErrorCode, MessageId, StarError};

use super::call::Call;
use crate::state::ApiState;
use crate::{limits, schema};

/// The Locks service.
pub(super) struct LocksService {
    pub(super) state: ApiState,
}

impl v1::Locks for LocksService {
    async fn lock(
        &self,
        context: RequestContext,
        request: ServiceRequest<'_, v1::LockRequest>,
    ) -> ServiceResult<v1::LockResponse> {
        let call = Call::of(&self.state, &context);
        call.answer(lock(&call, request.to_owned_message()).await)
    }

    async fn renew(
        &self,
        context: RequestContext,
        request: ServiceRequest<'_, v1::RenewRequest>,
    ) -> ServiceResult<v1::RenewResponse> {
        let call = Call::of(&self.state, &context);
        call.answer(renew(&call, request.to_owned_message()).await)
    }

    async fn unlock(
        &self,
        context: RequestContext,
        request: ServiceRequest<'_, v1::UnlockRequest>,
    ) -> ServiceResult<v1::UnlockResponse> {
        let call = Call::of(&self.state, &context);
        call.answer(unlock(&call, request.to_owned_message()).await)
    }
}

async fn lock(call: &Call<'_>, request: v1::LockRequest) -> Result<v1::LockResponse, StarError> {
    let path = ResourcePath::parse(&request.path)?;
    let key = call.key()?;
    let holder = match (request.holder, key) {
        (said, _) if !said.is_empty() => said,
        // The same holder when the request comes again.
        (_, Some(key)) => key.fingerprint(),
        (_, None) => MessageId::next().to_string(),
    };
    let claim = if request.steal { Claim::Steal(holder) } else { Claim::IfFree(holder) };
    let command = Lock { claim, ttl_ms: ttl_ms(request.ttl_ms), note: request.note };
    let wait = Duration::from_millis(request.wait_ms).min(core_limits::LOCK_WAIT);
    // The last request may begin when the wait is over.
    let patience = wait.saturating_add(limits::CALL_DEFAULT);
    let deadline = call.deadline(u64::try_from(patience.as_millis()).unwrap_or(u64::MAX));
    let held = call.state.tree().lock(&call.caller.authority, &path, &command, key, wait, deadline).await?;
    Ok(v1::LockResponse { lock: schema::lock(&path, &held).into(), ..Default::default() })
}

async fn renew(call: &Call<'_>, request: v1::RenewRequest) -> Result<v1::RenewResponse, StarError> {
    let path = ResourcePath::parse(&request.path)?;
    let claim = Claim::Renew(token(&path, &request.fence)?);
    let held = call.command(&path, &Lock { claim, ttl_ms: ttl_ms(request.ttl_ms), note: String::new() }).await?;
    Ok(v1::RenewResponse { lock: schema::lock(&path, &held).into(), ..Default::default() })
}

async fn unlock(call: &Call<'_>, request: v1::UnlockRequest) -> Result<v1::UnlockResponse, StarError> {
    let path = ResourcePath::parse(&request.path)?;
    let unlocked = call.fenced(&path, &Unlock { token: token(&path, &request.fence)? }, "").await?;
    Ok(v1::UnlockResponse { revision: unlocked.revision, ..Default::default() })
}

fn ttl_ms(said: u64) -> u64 {
    match said {
        0 => u64::try_from(core_limits::LOCK_TTL_DEFAULT.as_millis()).unwrap_or(u64::MAX),
        said => said,
    }
}

/// The token for the lock of a path.
fn token(path: &ResourcePath, fence: &str) -> Result<FencingToken, StarError> {
    Fences::parse(fence)?.token(&guardian(path)).ok_or_else(|| {
        StarError::new(ErrorCode::InvalidArgument, format!("no token for the lock of {path} is named"))
            .at(path)
            .hint("`fence` holds the token that came with the lock")
    })
}
