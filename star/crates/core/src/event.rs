//! What the log tells of changes: one event per thing that happened, in words that stay.

use std::collections::BTreeMap;

use bytes::Bytes;
use serde::{Deserialize, Serialize};
use star_path::ResourcePath;
use star_wire::codec::{self, CodecError};
use star_wire::{Agent, ErrorCode, StarError};

use crate::kind::Kind;
use crate::ports::clock::UnixMillis;
use crate::ports::meta::{LoggedEvent, NewEvent, Position, Revision};

/// What happened.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum EventType {
    /// A resource was made.
    Created,
    /// Properties or labels were changed.
    Changed,
    /// The body of a File was written.
    Written,
    /// The status changed.
    Status,
    /// A resource was removed, with everything below it.
    Deleted,
    /// A version was added to a series.
    Published,
    /// A tag was made or moved.
    Tagged,
    /// Somebody spoke to everyone who watches.
    Broadcast,
    /// Routes that are not valid were left aside; the former ones stay in force.
    RoutesRejected,
    /// A lock passed to a holder, because it was free or had run out.
    Locked,
    /// A lock was given back, or ran out and was written over.
    Unlocked,
    /// A lock was taken from its holder.
    LockStolen,
    /// A message that nobody waited for came to nothing.
    DeadLetter,
    /// A resource was moved, with everything below it: told where it was and where it is.
    Moved,
}

impl EventType {
    /// Every type, in the order of the stored form.
    pub const ALL: [EventType; 14] = [
        EventType::Created,
        EventType::Changed,
        EventType::Written,
        EventType::Status,
        EventType::Deleted,
        EventType::Published,
        EventType::Tagged,
        EventType::Broadcast,
        EventType::RoutesRejected,
        EventType::Locked,
        EventType::Unlocked,
        EventType::LockStolen,
        EventType::DeadLetter,
        EventType::Moved,
    ];

    /// The word for it, as clients see it.
    pub fn word(self) -> &'static str {
        match self {
            EventType::Created => "created",
            EventType::Changed => "changed",
            EventType::Written => "written",
            EventType::Status => "status",
            EventType::Deleted => "deleted",
            EventType::Published => "published",
            EventType::Tagged => "tagged",
            EventType::Broadcast => "broadcast",
            EventType::RoutesRejected => "routes-rejected",
            EventType::Locked => "locked",
            EventType::Unlocked => "unlocked",
            EventType::LockStolen => "lock-stolen",
            EventType::DeadLetter => "dead-letter",
            EventType::Moved => "moved",
        }
    }
}

/// Something that happened to a resource.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Event {
    /// What.
    pub what: EventType,
    /// To which resource.
    pub path: ResourcePath,
    /// Of which kind.
    pub kind: Kind,
    /// On whose behalf.
    pub agent: Agent,
    /// More, by name: `version`, `tag`, `digest`, the keys that changed …
    pub detail: BTreeMap<String, String>,
}

/// The version of the stored form.
const SCHEMA: u8 = 1;

impl Event {
    /// An event without detail.
    pub fn new(what: EventType, path: &ResourcePath, kind: Kind, agent: &Agent) -> Event {
        Event { what, path: path.clone(), kind, agent: agent.clone(), detail: BTreeMap::new() }
    }

    /// The same with one more detail.
    #[must_use]
    pub fn with(mut self, name: &str, value: impl Into<String>) -> Event {
        self.detail.insert(name.to_owned(), value.into());
        self
    }

    /// Whether the resource is there since this event.
    pub fn makes_its_resource(&self) -> bool {
        match self.what {
            EventType::Created | EventType::Published => true,
            EventType::Moved => self.detail.get("to").is_some_and(|to| to == self.path.as_str()),
            EventType::Written => self.detail.get("created").is_some_and(|created| created == "true"),
            _ => false,
        }
    }

    /// Whether the resource is not there any more since this event.
    pub fn takes_its_resource_away(&self) -> bool {
        match self.what {
            EventType::Deleted => true,
            EventType::Moved => !self.makes_its_resource(),
            _ => false,
        }
    }

    /// What the log takes.
    pub fn encode(&self) -> Result<NewEvent, CodecError> {
        Ok(NewEvent { body: Bytes::from(codec::encode(SCHEMA, self)?), leaf: None })
    }
}

/// An event with its place in the log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Happened {
    /// The place of its batch in the log; a watcher resumes behind it.
    pub position: Position,
    /// The shard of its batch.
    pub shard: u16,
    /// The revision of its batch in that shard.
    pub revision: Revision,
    /// Its number within the batch.
    pub index: u16,
    /// Whether it is the last of its batch.
    pub is_last: bool,
    /// How long its stored form is: a measure of what it takes in memory.
    pub encoded_bytes: usize,
    /// When.
    pub at_ms: UnixMillis,
    /// What.
    pub event: Event,
}

impl Happened {
    /// Reads an event of the log; the caller sees whether another one of its batch follows.
    pub fn from_log(logged: &LoggedEvent, is_last: bool) -> Result<Happened, StarError> {
        let event = codec::decode(SCHEMA, &logged.body).map_err(|error| {
            StarError::new(ErrorCode::Corrupt, format!("the event at position {} cannot be read", logged.position))
                .because(&error)
        })?;
        Ok(Happened {
            position: logged.position,
            shard: logged.shard.number(),
            revision: logged.revision,
            index: logged.index,
            is_last,
            encoded_bytes: logged.body.len(),
            at_ms: logged.at,
            event,
        })
    }
}
