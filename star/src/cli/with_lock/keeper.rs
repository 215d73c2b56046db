//! Renewing a lock for as long as somebody works under it.

use std::time::Duration;

use star_client::{Class, Client, ClientError};
use star_path::ResourcePath;
use tokio::time::Instant;

use crate::cli::limits;

/// What renews one lock.
pub(super) struct Keeper {
    ttl: Duration,
    /// When the lock may have run out, by the clock that never jumps.
    good_until: Instant,
}

impl Keeper {
    /// The keeper of a lock that was just taken.
    pub(super) fn from_now(ttl: Duration) -> Keeper {
        Keeper { ttl, good_until: Instant::now() + ttl }
    }

    /// Renews until that is refused, or the lock may have run out; answers what stood in the way.
    ///
    /// A Star that does not answer is asked again and again until then: it may only be restarting.
    pub(super) async fn keep(mut self, client: &Client, path: &ResourcePath, fence: &str) -> ClientError {
        let often = self.ttl / limits::LOCK_RENEWALS;
        let mut pause = often;
        let mut last = ClientError::TimedOut { url: client.url().to_owned(), after: self.ttl };
        loop {
            tokio::time::sleep_until((Instant::now() + pause).min(self.good_until)).await;
            // Counted from before it is sent: the Star counts from later.
            let sent = Instant::now();
            let renewal = client.renew_lock(path, fence, self.ttl, often);
            match tokio::time::timeout_at(self.good_until, renewal).await {
                Ok(Ok(_)) => {
                    self.good_until = sent + self.ttl;
                    pause = often;
                }
                Ok(Err(error)) if !may_pass(&error) => return error,
                Ok(Err(error)) => {
                    last = error;
                    pause = self.ttl / limits::LOCK_RETRIES;
                }
                Err(_) => return last,
            }
        }
    }
}

/// Whether the Star may say something else a moment later.
fn may_pass(error: &ClientError) -> bool {
    let retryable = error.detail().is_some_and(|detail| detail.retryable);
    retryable || matches!(error.class(), Class::Unavailable | Class::Unexpected)
}
