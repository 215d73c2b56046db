//! Reading resources from the metadata store, and writing changes of them.

use std::sync::Arc;

use star_path::ResourcePath;
use star_wire::{ErrorCode, MessageId, StarError};

use crate::command::Command;
use crate::event::Event;
use crate::find::term;
use crate::gate::Permit;
use crate::keys;
use crate::once::{Answer, Attempt, Kept};
use crate::ports::clock::UnixMillis;
use crate::ports::content::{ContentError, ContentRef, Reference};
use crate::ports::meta::{
    Batch, CommitError, Committed, MetaStore, Operation, Position, Precondition, ReadError, Revision,
};
use crate::record::{Record, Resource};
use crate::status::History;
use crate::tree::Ports;
use crate::turn::Sending;

/// Reads a resource.
pub async fn load(meta: &Arc<dyn MetaStore>, path: &ResourcePath) -> Result<Option<Resource>, StarError> {
    let rows = meta.read(&[keys::record(path)]).await.map_err(|error| read_failed(path, &error))?;
    rows.into_iter().next().flatten().map(|row| Resource::from_row(path.clone(), &row)).transpose()
}

/// Reads a resource that must be there.
pub async fn require(meta: &Arc<dyn MetaStore>, path: &ResourcePath) -> Result<Resource, StarError> {
    load(meta, path).await?.ok_or_else(|| StarError::not_found(path))
}

/// Reads the former statuses of a resource.
pub async fn history(meta: &Arc<dyn MetaStore>, path: &ResourcePath) -> Result<History, StarError> {
    let rows = meta.read(&[keys::history(path)]).await.map_err(|error| read_failed(path, &error))?;
    let row = rows.into_iter().next().flatten();
    row.map_or_else(
        || Ok(History::default()),
        |row| History::decode(&row.value).map_err(|error| unreadable(path, &error)),
    )
}

/// Whether a resource has children.
pub async fn has_children(meta: &Arc<dyn MetaStore>, path: &ResourcePath) -> Result<bool, StarError> {
    let page = meta.scan(keys::children(path), 1).await.map_err(|error| read_failed(path, &error))?;
    Ok(!page.rows.is_empty())
}

/// A revision of the shard of a path: what is read behind it is as new as that. It is taken by a
/// batch that changes nothing.
pub async fn revision_of_shard(
    meta: &Arc<dyn MetaStore>,
    path: &ResourcePath,
    now_ms: UnixMillis,
) -> Result<Revision, StarError> {
    let committed = Change::of(path, now_ms).commit(meta).await?;
    let committed = committed.ok_or_else(|| {
        StarError::new(ErrorCode::Internal, "a batch without conditions was in conflict with something").at(path)
    })?;
    Ok(committed.revision)
}

/// What a change has to say that makes a resource refer to a content.
pub async fn reference(ports: &Ports, path: &ResourcePath, content: &ContentRef) -> Result<Reference, StarError> {
    ports.content.refer(content).await.map_err(|error| {
        let (code, message) = match &error {
            ContentError::Unknown(digest) => (ErrorCode::NotFound, format!("there is no content {digest} for {path}")),
            _ => (ErrorCode::StorageFailed, format!("the content of {path} could not be looked up")),
        };
        StarError::new(code, message).at(path).because(&error)
    })
}

/// A change that is being put together.
#[derive(Debug)]
pub struct Change {
    batch: Batch,
    path: ResourcePath,
    /// Whose answer it keeps, and until when.
    once: Option<(Arc<Attempt>, UnixMillis)>,
}

impl Change {
    /// An empty change around a resource, whose shard it belongs to.
    pub fn of(path: &ResourcePath, now_ms: UnixMillis) -> Change {
        let batch = Batch {
            id: MessageId::next().as_u128(),
            shard: keys::shard(path),
            preconditions: Vec::new(),
            operations: Vec::new(),
            events: Vec::new(),
            at: now_ms,
        };
        Change { batch, path: path.clone(), once: None }
    }

    /// Only if this holds.
    pub fn only_if(&mut self, precondition: Precondition) -> &mut Change {
        self.batch.preconditions.push(precondition);
        self
    }

    /// Does this.
    pub fn then(&mut self, operation: Operation) -> &mut Change {
        self.batch.operations.push(operation);
        self
    }

    /// Makes a resource that must not exist, and lists it under its parent.
    pub fn make(&mut self, path: &ResourcePath, record: &Record) -> Result<&mut Change, StarError> {
        self.only_if(Precondition::Absent(keys::record(path)));
        self.write(path, record)?;
        if let Some(parent) = path.parent() {
            let number = record.kind.spec().number;
            self.then(Operation::Put(keys::child(&parent, path), vec![number].into()));
        }
        Ok(self)
    }

    /// Writes the record of a resource, whatever was there before. What was there is known mostly, and
    /// [`rewrite`](Change::rewrite) writes less.
    pub fn write(&mut self, path: &ResourcePath, record: &Record) -> Result<&mut Change, StarError> {
        self.batch.operations.extend(term::enter(path, record));
        self.put(path, record)
    }

    /// Writes the record of a resource in place of the one that is there. The caller makes sure that it
    /// is, by [`Precondition::ModifiedAt`].
    pub fn rewrite(&mut self, path: &ResourcePath, before: &Record, after: &Record) -> Result<&mut Change, StarError> {
        self.batch.operations.extend(term::change(path, before, after));
        self.put(path, after)
    }

    fn put(&mut self, path: &ResourcePath, record: &Record) -> Result<&mut Change, StarError> {
        let bytes = record.encode().map_err(|error| {
            StarError::new(ErrorCode::TooLarge, format!("the record of {path} cannot be written"))
                .at(path)
                .because(&error)
        })?;
        Ok(self.then(Operation::Put(keys::record(path), bytes)))
    }

    /// Refers to a content, whose store says what that takes.
    pub fn refer(&mut self, reference: Reference) -> &mut Change {
        self.batch.preconditions.extend(reference.preconditions);
        self.batch.operations.extend(reference.operations);
        self
    }

    /// Tells of it.
    pub fn tell(&mut self, event: &Event) -> Result<&mut Change, StarError> {
        let encoded = event.encode().map_err(|error| {
            StarError::new(ErrorCode::TooLarge, "the event cannot be written").at(&self.path).because(&error)
        })?;
        self.batch.events.push(encoded);
        Ok(self)
    }

    /// Keeps the answer with it, if the message that asked for it came with an idempotency key, and
    /// lets it happen only if nobody did it under that key before. Revisions that the change will
    /// have are [`OPEN`](crate::once::OPEN) in the answer.
    pub fn remember<C: Command<Answer: Answer>>(
        &mut self,
        permit: &Permit,
        answer: &C::Answer,
    ) -> Result<&mut Change, StarError> {
        self.keep(permit, || Kept::of::<C>(answer))
    }

    /// The same where the answer is the place of the event in the log, which is behind `head`.
    pub fn remember_position(&mut self, permit: &Permit, head: Position) -> Result<&mut Change, StarError> {
        self.keep(permit, || Ok(Kept::Position(head)))
    }

    fn keep(
        &mut self,
        permit: &Permit,
        answer: impl FnOnce() -> Result<Kept, StarError>,
    ) -> Result<&mut Change, StarError> {
        let Some(attempt) = permit.attempt() else { return Ok(self) };
        if let Some((untouched, operations, until_ms)) = attempt.row(answer()?, self.batch.at)? {
            self.batch.preconditions.push(untouched);
            self.batch.operations.extend(operations);
            self.once = Some((Arc::clone(attempt), until_ms));
        }
        Ok(self)
    }

    /// Makes it durable. `Ok(None)` when a precondition does not hold: read again, decide again.
    pub async fn commit(self, meta: &Arc<dyn MetaStore>) -> Result<Option<Committed>, StarError> {
        let sending = Sending::note(self.batch.shard, || *meta.head().borrow());
        let outcome = meta.commit(self.batch).await;
        if !matches!(outcome, Err(CommitError::Ambiguous)) {
            sending.answered(outcome.as_ref().ok().copied());
        }
        match outcome {
            Ok(committed) => {
                if let Some((attempt, until_ms)) = self.once {
                    attempt.committed(until_ms);
                }
                Ok(Some(committed))
            }
            Err(CommitError::Conflict { .. }) => Ok(None),
            Err(error) => Err(commit_failed(&self.path, &error)),
        }
    }
}

/// The error for a change that others kept from happening again and again.
pub fn contended(path: &ResourcePath) -> StarError {
    StarError::new(ErrorCode::Contended, format!("{path} is changed by too many others at the same time")).at(path)
}

/// The error for bytes of the store that cannot be read.
pub fn unreadable(path: &ResourcePath, error: &(dyn std::error::Error + 'static)) -> StarError {
    StarError::new(ErrorCode::Corrupt, format!("the record of {path} cannot be read")).at(path).because(error)
}

/// The error for a read that failed.
pub fn read_failed(path: &ResourcePath, error: &ReadError) -> StarError {
    let code = match error {
        ReadError::Corrupt { .. } => ErrorCode::Corrupt,
        ReadError::Closed => ErrorCode::Unavailable,
        ReadError::Failed(_) | ReadError::Compacted { .. } => ErrorCode::StorageFailed,
    };
    StarError::new(code, format!("{path} could not be read")).at(path).because(error)
}

fn commit_failed(path: &ResourcePath, error: &CommitError) -> StarError {
    match error {
        CommitError::DiskFull => {
            StarError::new(ErrorCode::DiskFull, "the disk of the store is full; nothing was changed")
                .at(path)
                .hint("free some space; the Star goes on by itself")
        }
        CommitError::TooLarge { .. } => StarError::new(ErrorCode::TooLarge, error.to_string()).at(path),
        CommitError::Closed => StarError::new(ErrorCode::Unavailable, "the Star is shutting down").at(path),
        CommitError::Ambiguous | CommitError::Conflict { .. } => {
            StarError::new(ErrorCode::ConnectionLost, "whether the change happened is not known")
                .at(path)
                .because(error)
        }
    }
}
