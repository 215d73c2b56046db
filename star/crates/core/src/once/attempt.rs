//! A request under a key while it is under way.
//!
//! The [`Attempt`] travels inside the permit, so it lives exactly as long as anybody may still do
//! something for the message, also when nobody waits for it any more. When the last of them lets go
//! of it, its outcome is told to all who wait, and the key is free or remembered.

use std::fmt;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use star_wire::{ErrorCode, Outcome, Reply, StarError};
use tokio::sync::SetOnce;

use super::answer::Kept;
use super::identity::Identity;
use super::refusal;
use super::register::Register;
use super::row::{self, Found, Row};
use super::scope::{Place, Scope};
use crate::ports::clock::UnixMillis;
use crate::ports::meta::{Operation, Precondition};

/// What those who wait for a request share.
#[derive(Debug)]
pub(super) struct Pending {
    pub(super) identity: Identity,
    outcome: SetOnce<Result<Reply, StarError>>,
}

impl Pending {
    pub(super) fn of(identity: Identity) -> Pending {
        Pending { identity, outcome: SetOnce::new() }
    }

    /// Waits for the outcome. Safe to cancel.
    pub(super) async fn outcome(&self) -> Result<Reply, StarError> {
        self.outcome.wait().await.clone()
    }

    /// Tells it. The first word counts.
    pub(super) fn tell(&self, outcome: Result<Reply, StarError>) {
        if self.outcome.set(outcome).is_err() {
            tracing::trace!(to = %self.identity.to, "the outcome was told before");
        }
    }
}

/// What a new request found when it began.
pub(super) struct Terms {
    pub(super) scope: Arc<Scope>,
    pub(super) place: Place,
    /// The row of the same key that has run out.
    pub(super) seen: Option<Found>,
}

/// One request under a key, from its beginning to its end.
pub(crate) struct Attempt {
    pub(super) pending: Arc<Pending>,
    register: Arc<Register>,
    /// Set when it is to be done; not where the answer is known already.
    terms: OnceLock<Terms>,
    said: Mutex<Option<Result<Reply, StarError>>>,
    /// Until when its row is kept, once that is committed.
    kept: OnceLock<UnixMillis>,
}

impl Attempt {
    pub(super) fn of(pending: &Arc<Pending>, register: &Arc<Register>) -> Attempt {
        Attempt {
            pending: Arc::clone(pending),
            register: Arc::clone(register),
            terms: OnceLock::new(),
            said: Mutex::default(),
            kept: OnceLock::new(),
        }
    }

    pub(super) fn identity(&self) -> &Identity {
        &self.pending.identity
    }

    /// Begins to do it.
    pub(super) fn begin(&self, terms: Terms) {
        if self.terms.set(terms).is_err() {
            tracing::trace!(to = %self.identity().to, "it has begun before");
        }
    }

    /// What a batch needs to hold the answer: that nobody did it, the row, and those that go for it.
    /// Also until when the row is kept, for [`Attempt::committed`].
    pub(crate) fn row(
        &self,
        answer: Kept,
        now_ms: UnixMillis,
    ) -> Result<Option<(Precondition, Vec<Operation>, UnixMillis)>, StarError> {
        let Some(terms) = self.terms.get() else { return Ok(None) };
        let identity = self.identity();
        let row = Row::of(identity, answer, now_ms);
        let gone = terms.place.going.iter().map(|(_, key, _)| {
            let id = super::identity::KeyId { key: *key, ..identity.id.clone() };
            Operation::Delete(row::place(&id))
        });
        let put = Operation::Put(row::place(&identity.id), row.encode()?);
        let operations = gone.chain([put]).collect();
        Ok(Some((row::untouched(&identity.id, terms.seen.as_ref()), operations, row.until_ms)))
    }

    /// The row is in the store.
    pub(crate) fn committed(&self, until_ms: UnixMillis) {
        if self.kept.set(until_ms).is_err() {
            tracing::trace!(to = %self.identity().to, "its answer is kept already");
        }
    }

    /// Notes what came of it. The word of whoever handled the message counts more than that of
    /// somebody who stopped waiting for it.
    pub(crate) fn say(&self, outcome: Result<Reply, StarError>) {
        let mut said = self.said.lock().unwrap_or_else(PoisonError::into_inner);
        if said.as_ref().is_none_or(is_late) {
            *said = Some(outcome);
        }
    }

    /// Notes the answer that its sender gets, which counts more than what was said before, unless its
    /// sender only stopped waiting.
    pub(super) fn conclude(&self, outcome: Result<Reply, StarError>) {
        if is_late(&outcome) {
            return self.say(outcome);
        }
        *self.said.lock().unwrap_or_else(PoisonError::into_inner) = Some(outcome);
    }

    /// Whether the outcome has to be remembered in memory: it was begun, no row tells of it, and it
    /// may have had effects. What Starlane itself answers has a row or has had no effect.
    fn is_for_the_window(&self, outcome: &Result<Reply, StarError>) -> bool {
        let may_have_happened = match outcome {
            Ok(_) => true,
            Err(error) => error.code().outcome() == Outcome::Unknown,
        };
        self.terms.get().is_some() && self.kept.get().is_none() && !self.identity().built_in && may_have_happened
    }
}

/// Whether somebody only stopped waiting.
fn is_late(outcome: &Result<Reply, StarError>) -> bool {
    matches!(outcome, Err(error) if matches!(error.code(), ErrorCode::TimedOut | ErrorCode::ConnectionLost))
}

impl Drop for Attempt {
    fn drop(&mut self) {
        let said = self.said.get_mut().unwrap_or_else(PoisonError::into_inner).take();
        let outcome = said.unwrap_or_else(|| Err(refusal::cut_off(&self.identity().to, self.identity().built_in)));
        if let Some(terms) = self.terms.get() {
            let kept = self.kept.get().map(|until_ms| (*until_ms, self.identity().id.key));
            terms.scope.settle(&terms.place, kept);
        }
        let remember = self.is_for_the_window(&outcome);
        self.register.end(&self.pending, outcome, remember);
    }
}

impl fmt::Debug for Attempt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Attempt").field("identity", self.identity()).finish_non_exhaustive()
    }
}
