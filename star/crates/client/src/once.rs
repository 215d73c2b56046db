//! Sending a change until it is answered, so that it is done once however often it is sent.
//!
//! Each change goes out under an idempotency key, its own or one that the caller named. When the
//! answer is lost, it goes out again under the same key, later each time, until a Star that started
//! again would be there: it answers as before if it was done. What a Star refuses is refused at once.

use std::time::Duration;

use reqwest::RequestBuilder;
use tokio::time::Instant;

use crate::client::Client;
use crate::error::{Class, ClientError};
use crate::limits;

/// The header that names the key.
const KEY: &str = "idempotency-key";

/// The header that says for how many seconds it is needed.
const KEEP: &str = "idempotency-keep";

/// One change on its way, which may take several requests.
#[derive(Debug, Clone)]
pub(crate) struct Change {
    key: String,
    /// For how many seconds the key is needed; as long as any, where the caller named it.
    keep_s: Option<u64>,
    /// How long an answer is of use from now on.
    pub(crate) left: Duration,
}

impl Change {
    /// The request with the key.
    pub(crate) fn mark(&self, request: RequestBuilder) -> RequestBuilder {
        let request = request.header(KEY, self.key.as_str());
        match self.keep_s {
            Some(keep_s) => request.header(KEEP, keep_s),
            None => request,
        }
    }
}

/// When the time for sending again begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Since {
    /// With the first request.
    Begin,
    /// When the first one failed: bytes take as long as they take.
    Failure,
}

impl Client {
    /// The same client with a key for the one change that is made with it. Whoever makes the same
    /// change again with the same key, also in another process and within 24 hours, gets the same
    /// answer, and it is done once.
    #[must_use]
    pub fn with_idempotency_key(mut self, key: impl Into<String>) -> Client {
        self.idempotency_key = Some(key.into());
        self
    }

    /// Makes a change once: `send` sends it, again and again if need be.
    pub(crate) async fn once<T>(
        &self,
        limit: Duration,
        since: Since,
        send: impl AsyncFn(&Change) -> Result<T, ClientError>,
    ) -> Result<T, ClientError> {
        let mut change = self.begin(limit);
        let mut deadline = (since == Since::Begin).then(|| Instant::now() + limit);
        let mut again_until = None;
        let mut pause = limits::AGAIN_FIRST;
        let mut lost = None;
        if self.is_fenced() {
            self.refuse_to_be_unfenced().await?;
        }
        loop {
            let sent = match &lost {
                None => send(&change).await,
                Some(_) => match self.keeps_promises().await {
                    Ok(true) => send(&change).await,
                    // A Star of the first release would do it twice.
                    Ok(false) => return Err(lost.take().unwrap_or_else(|| self.timed_out(limit))),
                    Err(error) => Err(error),
                },
            };
            let error = match sent {
                Ok(answer) => return Ok(answer),
                Err(error) => error,
            };
            let again = is_open(&error) || lost.is_some() && is_away(&error);
            if !again {
                return Err(error);
            }
            let deadline = *deadline.get_or_insert_with(|| Instant::now() + limit);
            let again_until = *again_until.get_or_insert_with(|| deadline.min(Instant::now() + limits::AGAIN_FOR));
            // What was lost first says more than that nobody is there now: it may have been done.
            let first = lost.get_or_insert(error);
            if Instant::now() + pause >= again_until {
                return Err(std::mem::replace(first, self.timed_out(limit)));
            }
            tokio::time::sleep(pause).await;
            pause = (pause * 2).min(limits::AGAIN_MAX);
            change.left = deadline.saturating_duration_since(Instant::now());
        }
    }

    pub(crate) fn begin(&self, limit: Duration) -> Change {
        match &self.idempotency_key {
            Some(key) => Change { key: key.clone(), keep_s: None, left: limit },
            None => {
                let keep_s = limit.saturating_add(limits::KEY_GRACE).as_secs();
                Change { key: uuid::Uuid::now_v7().to_string(), keep_s: Some(keep_s), left: limit }
            }
        }
    }
}

/// Whether it may have been done, and asking again may tell.
fn is_open(error: &ClientError) -> bool {
    match error {
        ClientError::Lost { .. } => true,
        ClientError::Protocol { status: Some(502..=504), .. } => true,
        ClientError::Api(error) => error.detail.outcome == "unknown" && error.detail.retryable,
        _ => false,
    }
}

/// Whether there is nobody at the moment who could tell.
fn is_away(error: &ClientError) -> bool {
    let passes = |error: &ClientError| error.detail().is_some_and(|detail| detail.retryable);
    matches!(error, ClientError::Unreachable { .. }) || error.class() == Class::Unavailable && passes(error)
}
