//! A mechtron that can be called: its code, its bind, and its places.

use std::sync::Arc;

use async_trait::async_trait;
use star_core::ports::mechtron::{LoadedMechtron, MechtronSpec, Roles, WebRequest, WebResponse};
use star_path::ResourcePath;
use star_wire::{Agent, Envelope, ErrorCode, Reply, StarError};
use tokio::time::Instant;
use tokio_util::task::TaskTracker;
use wasmtime::{Engine, Store};

use crate::admission::Admission;
use crate::code::Code;
use crate::failure::{Ended, from_guest};
use crate::host::LogGate;
use crate::host::bindings::exports::starlane::mechtron::handler::Failure;
use crate::host::bindings::starlane::mechtron::log::Level;
use crate::host::bindings::starlane::mechtron::types;
use crate::meters::Meters;
use crate::run::Until;
use crate::store::{self, Call, State};

/// What the calls of a mechtron share.
pub(crate) struct Bound {
    /// What core says of it.
    pub(crate) spec: MechtronSpec,
    /// Its lines in the log.
    pub(crate) log: LogGate,
}

/// A mechtron that can be called.
pub(crate) struct Mechtron {
    pub(crate) engine: Engine,
    pub(crate) code: Arc<Code>,
    pub(crate) bound: Arc<Bound>,
    pub(crate) admission: Admission,
    /// Where guests go on that have answered and are not done.
    pub(crate) tasks: TaskTracker,
    pub(crate) meters: Meters,
}

#[async_trait]
impl LoadedMechtron for Mechtron {
    fn roles(&self) -> Roles {
        self.code.roles()
    }

    async fn message(&self, agent: &Agent, envelope: &Envelope) -> Result<Option<Reply>, StarError> {
        let Some((instance, handler)) = &self.code.messages else { return Err(self.cannot("answers no messages")) };
        let until = Until::new(envelope.deadline.instant().into(), &self.bound.spec.limits);
        let mut store = self.store(self.call_of(agent, envelope, until)).await?;
        let message = message(agent, envelope);
        let answer = until.run(async {
            let answered = async {
                let instance = instance.instantiate_async(&mut store).await?;
                handler.load(&mut store, &instance)?.call_handle(&mut store, &message).await
            };
            answered.await.map_err(|error| ended(&store, error))
        });
        let answer = answer.await;
        self.meters.count(&answer);
        match answer {
            Ok(answer) => self.reply(answer, envelope),
            Err(ended) => Err(ended.into_error(&self.bound.spec)),
        }
    }

    async fn web(&self, request: WebRequest) -> Result<WebResponse, StarError> {
        self.answer(request).await
    }
}

impl Mechtron {
    /// A store for a call, once there is a place for it.
    pub(crate) async fn store(&self, call: Call) -> Result<Store<State>, StarError> {
        let path = &self.bound.spec.path;
        if call.deadline <= Instant::now() {
            return Err(
                StarError::new(ErrorCode::Expired, "the deadline passed before the mechtron was called").at(path)
            );
        }
        let admitted = self.admission.admit(path, call.deadline).await?;
        Ok(store::open(&self.engine, &self.bound, call, admitted))
    }

    /// The error for a role that the component does not have.
    pub(crate) fn cannot(&self, what: &str) -> StarError {
        StarError::new(ErrorCode::UnsupportedMethod, format!("the mechtron {what}")).at(&self.bound.spec.path)
    }

    fn call_of(&self, agent: &Agent, envelope: &Envelope, until: Until) -> Call {
        Call {
            sender: envelope.from.clone(),
            agent: path_of(agent).cloned(),
            deadline: until.deadline,
            hops: envelope.hops,
            chain: Arc::clone(&envelope.chain),
            request_id: envelope.traced_as(),
        }
    }

    fn reply(
        &self,
        answer: Result<Option<types::Reply>, Failure>,
        envelope: &Envelope,
    ) -> Result<Option<Reply>, StarError> {
        let spec = &self.bound.spec;
        let Some(reply) = answer.map_err(|failure| from_guest(failure, envelope.method.as_str(), spec))? else {
            return Ok(None);
        };
        if reply.body.len() as u64 > spec.limits.reply_bytes {
            return Err(too_long(reply.body.len() as u64, spec));
        }
        let headers =
            reply.headers.into_iter().map(|header| (header.name.to_ascii_lowercase(), header.value)).collect();
        Ok(Some(Reply { headers, content_type: reply.content_type, body: reply.body.into() }))
    }
}

/// The error for an answer that is longer than the bind allows.
pub(crate) fn too_long(length: u64, spec: &MechtronSpec) -> StarError {
    let message = format!("the mechtron's answer has {length} bytes, its bind allows {}", spec.limits.reply_bytes);
    StarError::new(ErrorCode::MechtronReplyInvalid, message)
        .at(&spec.path)
        .hint("answer with less, or raise `limits.reply` in its bind")
}

/// What an error of guest code means. A program that was refused memory fails of its own, with
/// whatever its language does then. The way to the fault goes to the log.
pub(crate) fn ended(store: &Store<State>, error: wasmtime::Error) -> Ended {
    let state = store.data();
    state.log(Level::Warn, &format!("{error:?}"));
    if state.refused_memory() { Ended::OutOfMemory } else { Ended::Trapped(error) }
}

fn path_of(agent: &Agent) -> Option<&ResourcePath> {
    match agent {
        Agent::Anonymous => None,
        Agent::Resource(path) => Some(path),
    }
}

fn message(agent: &Agent, envelope: &Envelope) -> types::Message {
    types::Message {
        id: envelope.id.to_string(),
        sender: envelope.from.as_ref().map(ToString::to_string),
        agent: path_of(agent).map(ToString::to_string),
        method: envelope.method.to_string(),
        headers: envelope
            .headers
            .iter()
            .map(|(name, value)| types::Header { name: name.clone(), value: value.clone() })
            .collect(),
        content_type: envelope.content_type.clone(),
        body: envelope.body.to_vec(),
    }
}
