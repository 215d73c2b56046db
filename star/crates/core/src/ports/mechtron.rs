//! The host of mechtrons: code that is loaded from a content and answers messages and web
//! requests inside its limits.
//!
//! Core gives the host what it may use ([`MechtronSpec`], [`Outbox`]) and takes back something
//! callable ([`LoadedMechtron`]). How code is compiled, isolated and killed is the host's affair;
//! what it may reach is not: every outgoing call passes the [`Outbox`], behind which stands the
//! gate.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use star_path::ResourcePath;
use star_wire::{Agent, Envelope, Reply, StarError};

use super::content::{ByteStream, ContentRef};
use crate::vitals::Vitals;

/// What one call of a mechtron may use at most. From the `limits` of its bind.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MechtronLimits {
    /// Wall-clock time until the answer, waiting included.
    pub respond: Duration,
    /// Time on a processor, waiting for the host not included.
    pub exec: Duration,
    /// Linear memory in bytes.
    pub memory_bytes: u64,
    /// Calls beside each other; more wait, and then get `Busy`.
    pub concurrent: u32,
    /// Longest reply in bytes.
    pub reply_bytes: u64,
}

/// Everything the host needs to know of a mechtron besides its code.
#[derive(Clone)]
pub struct MechtronSpec {
    /// The resource that the code is bound to.
    pub path: ResourcePath,
    /// Its name inside the component (one component may hold several).
    pub name: String,
    /// The `config` of its document.
    pub config: BTreeMap<String, String>,
    /// What each call may use.
    pub limits: MechtronLimits,
    /// The way out.
    pub outbox: Arc<dyn Outbox>,
}

/// What a component turned out to answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Roles {
    /// It handles messages.
    pub messages: bool,
    /// It answers web requests.
    pub web: bool,
}

/// A web request as a mechtron gets it. Names of headers are lower case.
pub struct WebRequest {
    /// `GET`, `POST` …
    pub method: String,
    /// `http` or `https`.
    pub scheme: String,
    /// Host and port as the visitor wrote them.
    pub authority: String,
    /// Path and query as the mechtron shall see them.
    pub path_and_query: String,
    /// Names and values, hop-by-hop headers taken out.
    pub headers: Vec<(String, Bytes)>,
    /// The body as it comes.
    pub body: ByteStream,
    /// When the answer is of no use any more.
    pub deadline: tokio::time::Instant,
    /// The resource whose routes led here.
    pub sender: ResourcePath,
    /// On whose behalf, when the visitor is known.
    pub agent: Option<ResourcePath>,
    /// For logs, and for what the mechtron asks of others.
    pub request_id: Arc<str>,
}

/// The head of a mechtron's answer, and its body as it comes.
pub struct WebResponse {
    /// 100 to 599.
    pub status: u16,
    /// Names and values, as the mechtron gave them; whoever passes them on must not trust them.
    pub headers: Vec<(String, Bytes)>,
    /// The body as it comes. An error in it means that the mechtron was stopped: abort.
    pub body: ByteStream,
}

/// A mechtron that can be called. Calls run beside each other, each in an instance of its own.
///
/// Errors carry the code of what ended the call (`MechtronTimeout`, `MechtronTrapped`,
/// `MechtronMemory`, `MechtronReplyInvalid`, `MechtronRejected`, `Busy`), and the next call finds
/// a fresh instance.
#[async_trait]
pub trait LoadedMechtron: Send + Sync + 'static {
    /// What it answers.
    fn roles(&self) -> Roles;

    /// Hands it a message sent on behalf of an agent and waits for its answer. `None` when it has
    /// nothing to say.
    async fn message(&self, agent: &Agent, envelope: &Envelope) -> Result<Option<Reply>, StarError>;

    /// Hands it a web request.
    async fn web(&self, request: WebRequest) -> Result<WebResponse, StarError>;
}

/// Where loaded code comes from: the host asks for the bytes only when it has not compiled them
/// before.
#[async_trait]
pub trait CodeSource: Send + Sync {
    /// The whole component.
    async fn bytes(&self) -> Result<Bytes, StarError>;
}

/// Numbers of the host for people and metrics; all but the first count since the start.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct HostStatus {
    /// Components that are in memory now.
    pub loaded: u64,
    /// Components that were compiled.
    pub compiled: u64,
    /// Components whose compiled code was found on disk.
    pub cached: u64,
    /// Calls.
    pub calls: u64,
    /// Calls that ended at a limit or in a trap.
    pub killed: u64,
}

/// Loads code.
#[async_trait]
pub trait MechtronHost: Send + Sync + 'static {
    /// Compiles (or finds compiled) and checks a component: it must be one, must import nothing
    /// that is not offered, and must export a handler of messages or of web requests. Otherwise
    /// `InvalidComponent`, with what is missing and the remedy.
    async fn load(
        &self,
        content: &ContentRef,
        code: &dyn CodeSource,
        spec: MechtronSpec,
    ) -> Result<Arc<dyn LoadedMechtron>, StarError>;

    /// The host's own numbers.
    fn status(&self) -> HostStatus;

    /// Its queues and caches, and how long it takes; nothing where it has none.
    fn vitals(&self) -> Vitals {
        Vitals::default()
    }
}

/// What a running mechtron may do to the world. Each call is made on behalf of the mechtron,
/// checked against the `calls` of its bind, and refused with the line to add
/// (`CallNotGranted`).
#[async_trait]
pub trait Outbox: Send + Sync + 'static {
    /// Sends a message and waits for the answer. `to` may be relative to the mechtron. The hops
    /// and the deadline of `cause` go on shrinking.
    async fn ask(&self, cause: &CallContext, message: OutgoingMessage) -> Result<Reply, StarError>;

    /// Sends a message without waiting.
    async fn tell(&self, cause: &CallContext, message: OutgoingMessage) -> Result<(), StarError>;

    /// The text of a property, if it is set.
    async fn get_property(&self, cause: &CallContext, path: &str, key: &str) -> Result<Option<String>, StarError>;

    /// Sets a property, or removes it (`None`).
    async fn set_property(
        &self,
        cause: &CallContext,
        path: &str,
        key: &str,
        value: Option<&str>,
    ) -> Result<(), StarError>;

    /// Bytes of a File or Artifact, at most `limit_bytes` from `offset` on.
    async fn read_file(
        &self,
        cause: &CallContext,
        path: &str,
        offset: u64,
        limit_bytes: u64,
    ) -> Result<Bytes, StarError>;

    /// Writes a File whole.
    async fn write_file(
        &self,
        cause: &CallContext,
        path: &str,
        content_type: Option<&str>,
        bytes: Bytes,
    ) -> Result<(), StarError>;
}

/// The call of a mechtron that an outgoing message comes from.
#[derive(Debug, Clone)]
pub struct CallContext {
    /// Hops so far.
    pub hops: u8,
    /// When the call of the mechtron ends; nothing it starts outlives that.
    pub deadline: tokio::time::Instant,
    /// Resources on whose behalf this call runs, nearest last; a call back into one is refused.
    pub chain: Arc<[ResourcePath]>,
    /// The id of the request that all this serves, for logs.
    pub request_id: Arc<str>,
}

/// A message that a mechtron wants to send.
#[derive(Debug, Clone)]
pub struct OutgoingMessage {
    /// Where to; absolute, or relative to the mechtron.
    pub to: String,
    /// The method.
    pub method: String,
    /// Headers.
    pub headers: Vec<(String, String)>,
    /// Type of the body.
    pub content_type: String,
    /// The body.
    pub body: Bytes,
}
