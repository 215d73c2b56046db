//! Taking, renewing and giving back locks.

use std::time::{Duration, Instant};

use star_api::v1;
use star_path::ResourcePath;

use crate::client::Client;
use crate::error::ClientError;
use crate::limits;
use crate::once::Since;

/// The code of a wait that was in vain.
const WAITED_IN_VAIN: &str = "S0504";

impl Client {
    /// Takes the lock of a resource, and waits at most `request.wait_ms` while somebody else holds
    /// it, in as many requests as that takes. They are one holder if `request.holder` says who.
    pub async fn lock(&self, request: v1::LockRequest) -> Result<v1::Lock, ClientError> {
        let start = Instant::now();
        let wait = Duration::from_millis(request.wait_ms);
        loop {
            let left = wait.saturating_sub(start.elapsed());
            let step = left.min(limits::LOCK_WAIT);
            let wait_ms = u64::try_from(step.as_millis()).unwrap_or(u64::MAX);
            let step_request = v1::LockRequest { wait_ms, ..request.clone() };
            let limit = self.timeout().saturating_add(step);
            let locking = self.once(limit, Since::Begin, async |change| {
                self.unary_marked::<v1::LockResponse>(change.left, "Locks/Lock", &step_request, Some(change)).await
            });
            let error = match locking.await {
                Ok(response) => {
                    return response.lock.into_option().ok_or_else(|| self.protocol("Lock without a lock"));
                }
                Err(error) => error,
            };
            let waited_in_vain = error.detail().is_some_and(|detail| detail.code == WAITED_IN_VAIN);
            if !waited_in_vain || left <= step {
                return Err(error);
            }
        }
    }

    /// Holds a lock on for `ttl` from now. `fence` is its token, as for [`Client::with_fence`].
    /// Waits at most `limit` for the answer.
    pub async fn renew_lock(
        &self,
        path: &ResourcePath,
        fence: &str,
        ttl: Duration,
        limit: Duration,
    ) -> Result<v1::Lock, ClientError> {
        let ttl_ms = u64::try_from(ttl.as_millis()).unwrap_or(u64::MAX);
        let request =
            v1::RenewRequest { path: path.to_string(), fence: fence.to_owned(), ttl_ms, ..Default::default() };
        let response: v1::RenewResponse = self.unary_within(limit, "Locks/Renew", &request).await?;
        response.lock.into_option().ok_or_else(|| self.protocol("Renew without a lock"))
    }

    /// Gives a lock back. `fence` is its token, as for [`Client::with_fence`].
    pub async fn unlock(&self, path: &ResourcePath, fence: &str) -> Result<(), ClientError> {
        let request = v1::UnlockRequest { path: path.to_string(), fence: fence.to_owned(), ..Default::default() };
        let _: v1::UnlockResponse = self.unary_once("Locks/Unlock", &request).await?;
        Ok(())
    }
}
