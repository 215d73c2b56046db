//! The way out of a mechtron: every call goes through the gate, in the mechtron's name.

use std::sync::{Arc, Weak};

use async_trait::async_trait;
use bytes::Bytes;
use futures::TryStreamExt;
use star_path::{PropertyKey, Reference, ResourcePath};
use star_wire::{Deadline, Envelope, ErrorCode, Method, Reply, StarError};

use crate::command::{Command, Info, Open, Put, PutIf, Set};
use crate::gate::{Authority, CallGrant};
use crate::ports::content::{ByteRange, Expected, Reading};
use crate::ports::mechtron::{CallContext, Outbox, OutgoingMessage};
use crate::record::Body;
use crate::tree::Tree;

/// The media type of a File whose writer does not say what it is.
const UNKNOWN_TYPE: &str = "application/octet-stream";

/// The outbox of one mechtron.
pub struct GatedOutbox {
    /// Weak, because the mechtron is held by an actor that the tree holds.
    tree: Weak<Tree>,
    mechtron: ResourcePath,
    authority: Arc<Authority>,
}

impl GatedOutbox {
    /// The outbox of a mechtron with the `calls` of its bind.
    pub fn new(tree: &Arc<Tree>, mechtron: &ResourcePath, calls: Arc<[CallGrant]>) -> GatedOutbox {
        let authority = Arc::new(Authority::Mechtron { path: mechtron.clone(), calls });
        GatedOutbox { tree: Arc::downgrade(tree), mechtron: mechtron.clone(), authority }
    }

    fn tree(&self) -> Result<Arc<Tree>, StarError> {
        self.tree.upgrade().ok_or_else(|| StarError::new(ErrorCode::Unavailable, "the Star is shutting down"))
    }

    fn path(&self, text: &str) -> Result<ResourcePath, StarError> {
        Ok(Reference::parse(text)?.resolve(&self.mechtron)?)
    }

    /// A message that this mechtron sends because of a call that it answers.
    fn caused(&self, cause: &CallContext, mut envelope: Envelope) -> Envelope {
        envelope.from = Some(self.mechtron.clone());
        envelope.request_id = Some(Arc::clone(&cause.request_id));
        envelope.deadline = Deadline::at(cause.deadline.into_std());
        envelope.hops = cause.hops.saturating_add(1);
        envelope.chain = cause.chain.iter().cloned().chain([self.mechtron.clone()]).collect();
        envelope
    }

    fn message(&self, cause: &CallContext, message: OutgoingMessage) -> Result<Envelope, StarError> {
        let to = self.path(&message.to)?;
        let method = Method::parse(&message.method)
            .map_err(|error| StarError::new(ErrorCode::InvalidMessage, error.to_string()).at(&to))?;
        if method.is_built_in() {
            return Err(
                StarError::new(ErrorCode::UnsupportedMethod, format!("`{method}` is not sent as a message")).at(&to)
            );
        }
        let mut envelope = Envelope::new(to, method).with_body(message.content_type, message.body);
        envelope.headers = message.headers;
        Ok(self.caused(cause, envelope))
    }

    async fn command<C: Command>(
        &self,
        cause: &CallContext,
        to: &ResourcePath,
        command: &C,
    ) -> Result<C::Answer, StarError> {
        let tree = self.tree()?;
        let envelope = self.caused(cause, command.envelope(to)?);
        let permit = tree.gate.admit(&self.authority, envelope).await?;
        C::answer(&tree.ask(permit).await?)
    }
}

#[async_trait]
impl Outbox for GatedOutbox {
    async fn ask(&self, cause: &CallContext, message: OutgoingMessage) -> Result<Reply, StarError> {
        let tree = self.tree()?;
        let permit = tree.gate.admit(&self.authority, self.message(cause, message)?).await?;
        tree.ask(permit).await
    }

    async fn tell(&self, cause: &CallContext, message: OutgoingMessage) -> Result<(), StarError> {
        let tree = self.tree()?;
        let permit = tree.gate.admit(&self.authority, self.message(cause, message)?).await?;
        tree.tell(permit).await
    }

    async fn get_property(&self, cause: &CallContext, path: &str, key: &str) -> Result<Option<String>, StarError> {
        let described = self.command(cause, &self.path(path)?, &Info).await?;
        Ok(described.record.property(key).map(str::to_owned))
    }

    async fn set_property(
        &self,
        cause: &CallContext,
        path: &str,
        key: &str,
        value: Option<&str>,
    ) -> Result<(), StarError> {
        let key = PropertyKey::parse(key)?;
        let set = match value {
            Some(value) => Set { properties: [(key, value.to_owned())].into(), ..Set::default() },
            None => Set { remove: vec![key], ..Set::default() },
        };
        self.command(cause, &self.path(path)?, &set).await.map(drop)
    }

    async fn read_file(
        &self,
        cause: &CallContext,
        path: &str,
        offset: u64,
        limit_bytes: u64,
    ) -> Result<Bytes, StarError> {
        let tree = self.tree()?;
        let path = self.path(path)?;
        let permit = tree.gate.admit(&self.authority, self.caused(cause, Open.envelope(&path)?)).await?;
        let opened = tree.open(permit).await?;
        let start = offset.min(opened.content.size_bytes);
        let len = limit_bytes.min(opened.content.size_bytes - start);
        let unreadable = |error: crate::ports::content::ContentError| {
            StarError::new(ErrorCode::StorageFailed, format!("{path} could not be read")).at(&path).because(&error)
        };
        match tree.ports.content.read(&opened.content, Some(ByteRange { start, len })).await.map_err(unreadable)? {
            Reading::Whole(bytes) => Ok(bytes),
            Reading::Stream(stream) => {
                let pieces: Vec<Bytes> = stream.try_collect().await.map_err(unreadable)?;
                Ok(pieces.concat().into())
            }
        }
    }

    async fn write_file(
        &self,
        cause: &CallContext,
        path: &str,
        content_type: Option<&str>,
        bytes: Bytes,
    ) -> Result<(), StarError> {
        let tree = self.tree()?;
        let path = self.path(path)?;
        // Before any byte is taken in: whoever may not write must not fill the disk either.
        tree.gate.allow(&self.authority, crate::gate::Right::Write, &path).await?;
        let unwritable = |error: crate::ports::content::ContentError| {
            StarError::new(ErrorCode::StorageFailed, format!("{path} could not be written")).at(&path).because(&error)
        };
        let expected = Expected { size_bytes: Some(bytes.len() as u64), ..Expected::default() };
        let mut ingest = tree.ports.content.ingest(expected).await.map_err(unreadable_as_full(&path))?;
        ingest.write(bytes).await.map_err(unwritable)?;
        let content = ingest.finish().await.map_err(unreadable_as_full(&path))?;
        let body = Body { content, content_type: content_type.unwrap_or(UNKNOWN_TYPE).into() };
        self.command(cause, &path, &Put { body: Some(body), only_if: PutIf::Any }).await.map(drop)
    }
}

fn unreadable_as_full(path: &ResourcePath) -> impl Fn(crate::ports::content::ContentError) -> StarError {
    move |error| {
        let code = match error {
            crate::ports::content::ContentError::DiskFull => ErrorCode::DiskFull,
            _ => ErrorCode::StorageFailed,
        };
        StarError::new(code, format!("{path} could not be written")).at(path).because(&error)
    }
}
