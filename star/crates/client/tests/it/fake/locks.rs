//! Locks of the fake: that of `localhost:held` is never free, any other at the third request.

use connectrpc::{ErrorCode, RequestContext, Response, ServiceRequest, ServiceResult};
use star_api::v1;

use super::Shared;
use super::rpc::refuse;

/// The token of every lock that is taken.
pub(crate) const TOKEN: u64 = 17;

/// Requests for a lock before one is granted.
const REQUESTS: usize = 3;

pub(super) struct Locks(pub(super) Shared);

fn lock(path: &str) -> v1::Lock {
    v1::Lock { path: path.into(), token: TOKEN, ..Default::default() }
}

#[expect(refining_impl_trait, reason = "a handler that names its answer reads better than what it may return")]
impl v1::Locks for Locks {
    async fn lock(
        &self,
        _context: RequestContext,
        request: ServiceRequest<'_, v1::LockRequest>,
    ) -> ServiceResult<v1::LockResponse> {
        let mut kept = self.0.lock();
        kept.requests.push(format!("lock as {} for {} ms", request.holder, request.wait_ms));
        if request.path == "localhost:held" || kept.requests.len() < REQUESTS {
            return Err(refuse(ErrorCode::DeadlineExceeded, "S0504", request.path));
        }
        Response::ok(v1::LockResponse { lock: lock(request.path).into(), ..Default::default() })
    }

    async fn renew(
        &self,
        _context: RequestContext,
        request: ServiceRequest<'_, v1::RenewRequest>,
    ) -> ServiceResult<v1::RenewResponse> {
        if request.fence != TOKEN.to_string() {
            return Err(refuse(ErrorCode::FailedPrecondition, "S0409", request.path));
        }
        Response::ok(v1::RenewResponse { lock: lock(request.path).into(), ..Default::default() })
    }

    async fn unlock(
        &self,
        _context: RequestContext,
        request: ServiceRequest<'_, v1::UnlockRequest>,
    ) -> ServiceResult<v1::UnlockResponse> {
        self.0.lock().requests.push(format!("unlock {}", request.fence));
        Response::ok(v1::UnlockResponse { revision: 9, ..Default::default() })
    }
}
