//! Answers as they are kept: written before the revision is known that they tell of.
//!
//! A row is written by the batch whose revision stands in the answer, so that number is left open
//! and read off the row itself, which knows when it was written.

use bytes::Bytes;
use serde::{Deserialize, Serialize};
use star_path::ResourcePath;
use star_wire::{ErrorCode, Method, Reply, StarError};

use crate::command::{self, Changed, Command, Deleted, Moved, Published, Tagged, Unlocked};
use crate::limits;
use crate::lock::Held;
use crate::ports::meta::{Position, Revision};

/// A revision that is not known yet.
pub const OPEN: Revision = Revision::MAX;

/// An answer in which open revisions can be filled in.
pub trait Answer {
    /// Fills in the revision.
    fn close(&mut self, revision: Revision);

    /// The resource whose state it tells, where that is nearly all of it.
    fn resource(&self) -> Option<&ResourcePath> {
        None
    }
}

fn close(open: &mut Revision, revision: Revision) {
    if *open == OPEN {
        *open = revision;
    }
}

impl Answer for Changed {
    fn close(&mut self, revision: Revision) {
        close(&mut self.resource.created, revision);
        close(&mut self.resource.modified, revision);
    }

    fn resource(&self) -> Option<&ResourcePath> {
        Some(&self.resource.path)
    }
}

impl Answer for Moved {
    fn close(&mut self, revision: Revision) {
        close(&mut self.resource.created, revision);
        close(&mut self.resource.modified, revision);
    }
}

impl Answer for Held {
    fn close(&mut self, revision: Revision) {
        close(&mut self.token, revision);
        close(&mut self.written, revision);
    }
}

impl Answer for Tagged {
    fn close(&mut self, revision: Revision) {
        close(&mut self.revision, revision);
    }
}

impl Answer for Unlocked {
    fn close(&mut self, revision: Revision) {
        close(&mut self.revision, revision);
    }
}

impl Answer for Deleted {
    fn close(&mut self, _: Revision) {}
}

impl Answer for Published {
    fn close(&mut self, _: Revision) {}
}

/// What is kept of an answer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Kept {
    /// The answer of a method, with open revisions.
    Whole(Method, Bytes),
    /// The answer was too long: the resource is told as it stands when it is asked for again.
    Resource(ResourcePath),
    /// The answer was too long, and there is no other.
    Nothing,
    /// The place of an event in the log, which is behind this one.
    Position(Position),
}

impl Kept {
    /// What is kept of the answer to a command.
    pub(crate) fn of<C: Command<Answer: Answer>>(answer: &C::Answer) -> Result<Kept, StarError> {
        let body = C::reply(answer)?.body;
        if body.len() <= limits::KEY_ANSWER_BYTES {
            return Ok(Kept::Whole(C::METHOD, body));
        }
        Ok(answer.resource().map_or(Kept::Nothing, |path| Kept::Resource(path.clone())))
    }
}

/// The answer of a method with the revision filled in.
pub(super) fn closed(method: &Method, body: Bytes, revision: Revision) -> Result<Reply, StarError> {
    let reply = Reply::new(command::CONTENT_TYPE, body);
    match method.as_str() {
        "star.create" | "star.set" | "star.put" | "star.copy" => closed_as::<command::Set>(&reply, revision),
        "star.move" => closed_as::<command::Move>(&reply, revision),
        "star.delete" => closed_as::<command::Delete>(&reply, revision),
        "star.publish" => closed_as::<command::Publish>(&reply, revision),
        "star.tag" => closed_as::<command::Tag>(&reply, revision),
        "star.lock" => closed_as::<command::Lock>(&reply, revision),
        "star.unlock" => closed_as::<command::Unlock>(&reply, revision),
        _ => Err(StarError::new(ErrorCode::Corrupt, format!("an answer of `{method}` was kept, which has none"))),
    }
}

fn closed_as<C: Command<Answer: Answer>>(reply: &Reply, revision: Revision) -> Result<Reply, StarError> {
    let mut answer = C::answer(reply)?;
    answer.close(revision);
    C::reply(&answer)
}

/// The answer that tells the place of an event in the log.
pub fn of_position(position: Position) -> Reply {
    Reply::new("application/json", format!("{{\"position\":{position}}}"))
}
