//! A call under way: who makes it, until when, and how its errors leave.

use std::time::{Duration, Instant};

use axum::http::HeaderName;
use connectrpc::{ConnectError, RequestContext};
use star_core::command::Command;
use star_core::lock::fence::fenced;
use star_core::once::{IdempotencyKey, keyed};
use star_path::ResourcePath;
use star_wire::{Deadline, Envelope, Reply, StarError};

use crate::auth::Caller;
use crate::idempotency;
use crate::limits;
use crate::request_id::RequestId;
use crate::state::ApiState;
use crate::status;
use crate::versions::asked::LOSSY;
use crate::versions::downgrade::Lossy;
use crate::versions::{Downgrade, Spoken};

/// The headers in which the protocols say how long their caller waits.
const TIMEOUTS: [HeaderName; 2] =
    [HeaderName::from_static("connect-timeout-ms"), HeaderName::from_static("grpc-timeout")];

/// A call: its caller, and until when the answer is of use.
pub(super) struct Call<'s> {
    pub(super) state: &'s ApiState,
    pub(super) caller: Caller,
    deadline: Option<Instant>,
    says_how_long: bool,
    key: Result<Option<IdempotencyKey>, StarError>,
    pub(super) spoken: Spoken,
}

impl<'s> Call<'s> {
    /// The call that a handler answers.
    pub(super) fn of(state: &'s ApiState, context: &RequestContext) -> Call<'s> {
        let caller = context.extensions().get::<Caller>().cloned();
        // The door puts it there; without it nobody is known, and nobody may do anything.
        let caller = caller.unwrap_or_else(|| Caller {
            authority: star_core::gate::Authority::Anonymous.into(),
            request_id: RequestId::made(),
        });
        let says_how_long = TIMEOUTS.iter().any(|name| context.headers().contains_key(name));
        let key = idempotency::key(context.headers());
        let spoken = context.extensions().get::<Spoken>().copied().unwrap_or_default();
        Call { state, caller, deadline: context.deadline(), says_how_long, key, spoken }
    }

    /// The key under which the call may be made again.
    pub(super) fn key(&self) -> Result<Option<&IdempotencyKey>, StarError> {
        self.key.as_ref().map(Option::as_ref).map_err(StarError::clone)
    }

    /// Until when the answer is of use. `timeout_ms` is what the message itself says, 0 for
    /// nothing.
    pub(super) fn deadline(&self, timeout_ms: u64) -> Deadline {
        let own = match timeout_ms {
            0 if self.says_how_long => limits::CALL_MAX,
            0 => limits::CALL_DEFAULT,
            said => Duration::from_millis(said).min(limits::CALL_MAX),
        };
        let own = Instant::now() + own;
        Deadline::at(self.deadline.map_or(own, |outer| outer.min(own)))
    }

    /// Sends a message through the gate and the tree.
    pub(super) async fn send(&self, envelope: Envelope) -> Result<Reply, StarError> {
        let permit = self.caller.admit(self.state, envelope).await?;
        self.state.tree().ask(permit).await
    }

    /// Sends one of the messages that Starlane itself understands.
    pub(super) async fn command<C: Command>(&self, to: &ResourcePath, command: &C) -> Result<C::Answer, StarError> {
        C::answer(&self.send(command.envelope(to)?.with_deadline(self.deadline(0))).await?)
    }

    /// The same under locks, whose tokens are those of the field `fence`, and under the key of the
    /// call.
    pub(super) async fn fenced<C: Command>(
        &self,
        to: &ResourcePath,
        command: &C,
        fence: &str,
    ) -> Result<C::Answer, StarError> {
        let envelope = keyed(fenced(command.envelope(to)?, fence), self.key()?).with_deadline(self.deadline(0));
        C::answer(&self.send(envelope).await?)
    }

    /// What the protocol says for the outcome, in the version that the caller asked for.
    pub(super) fn answer<T: Downgrade>(&self, outcome: Result<T, StarError>) -> connectrpc::ServiceResult<T> {
        let (answer, lossy) =
            outcome.and_then(|answer| answer.to(self.spoken.minor())).map_err(|error| self.error(&error))?;
        Ok(lossy_said(connectrpc::Response::new(answer), &lossy))
    }

    /// The same for what is told alike in all versions.
    pub(super) fn answer_as_it_is<T>(&self, outcome: Result<T, StarError>) -> connectrpc::ServiceResult<T> {
        outcome.map(connectrpc::Response::new).map_err(|error| self.error(&error))
    }

    /// What the protocol says for an error.
    pub(super) fn error(&self, error: &StarError) -> ConnectError {
        status::connect_error(error, &self.caller.request_id)
    }
}

/// The answer, which names what was left out of it.
pub(super) fn lossy_said<T>(answer: connectrpc::Response<T>, lossy: &Lossy) -> connectrpc::Response<T> {
    match lossy.header() {
        Some(names) => answer.with_header(LOSSY, names),
        None => answer,
    }
}
