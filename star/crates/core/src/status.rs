//! What state a resource is in, and why.

use std::fmt;

use serde::{Deserialize, Serialize};
use star_path::ResourcePath;
use star_wire::codec::{self, CodecError};
use star_wire::{ErrorCode, StarError};

use crate::ports::clock::UnixMillis;
use crate::ports::meta::Operation;
use crate::{keys, limits};

/// The states of a resource.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum State {
    /// Nothing is known, e.g. because its Star does not answer.
    Unknown,
    /// Registered; something that it needs is not there yet.
    Pending,
    /// Being made.
    Creating {
        /// The step under way, from 1.
        step: u32,
        /// How many steps there are.
        total: u32,
    },
    /// In service.
    Ready,
    /// Taken out of service by somebody.
    Paused {
        /// By whom.
        by: String,
    },
    /// Out of service until a moment.
    Tripped {
        /// Until when.
        until_ms: UnixMillis,
    },
    /// Its handler failed.
    Panic {
        /// How.
        code: ErrorCode,
    },
    /// Being removed.
    Destroying,
    /// Removed.
    Destroyed,
    /// Finished, with a code of its own.
    Done {
        /// 0 is success.
        code: i32,
    },
}

impl State {
    /// The word for it, as it is written everywhere.
    pub fn word(&self) -> &'static str {
        match self {
            State::Unknown => "Unknown",
            State::Pending => "Pending",
            State::Creating { .. } => "Creating",
            State::Ready => "Ready",
            State::Paused { .. } => "Paused",
            State::Tripped { .. } => "Tripped",
            State::Panic { .. } => "Panic",
            State::Destroying => "Destroying",
            State::Destroyed => "Destroyed",
            State::Done { .. } => "Done",
        }
    }
}

/// A state, since when, and the reason in words.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Status {
    /// The state.
    pub state: State,
    /// Since when.
    pub since_ms: UnixMillis,
    /// Why; empty where the state says it all.
    pub message: String,
}

impl Status {
    /// In service since a moment.
    pub fn ready(since_ms: UnixMillis) -> Status {
        Status { state: State::Ready, since_ms, message: String::new() }
    }

    /// Failed at a moment, with the reason.
    pub fn panicked(code: ErrorCode, message: String, since_ms: UnixMillis) -> Status {
        Status { state: State::Panic { code }, since_ms, message }
    }
}

/// The former statuses of a resource, oldest first; the oldest are forgotten.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct History(Vec<Status>);

/// The version of the stored form of a history.
const HISTORY_SCHEMA: u8 = 1;

impl History {
    /// Adds a status that is over.
    pub fn push(&mut self, status: Status) {
        self.0.push(status);
        // The present one is remembered beside these.
        let too_many = self.0.len().saturating_sub(limits::STATUS_HISTORY - 1);
        self.0.drain(..too_many);
    }

    /// The statuses.
    pub fn into_statuses(self) -> Vec<Status> {
        self.0
    }

    /// Reads stored bytes.
    pub fn decode(bytes: &[u8]) -> Result<History, CodecError> {
        codec::decode(HISTORY_SCHEMA, bytes)
    }

    /// What writes it.
    pub(crate) fn put(&self, path: &ResourcePath) -> Result<Operation, StarError> {
        let bytes = codec::encode(HISTORY_SCHEMA, self).map_err(|error| {
            StarError::new(ErrorCode::TooLarge, "the former statuses cannot be written").at(path).because(&error)
        })?;
        Ok(Operation::Put(keys::history(path), bytes.into()))
    }
}

impl fmt::Display for Status {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.state.word())?;
        match &self.state {
            State::Creating { step, total } => write!(f, " {step}/{total}")?,
            State::Paused { by } => write!(f, " by {by}")?,
            State::Panic { code } => write!(f, " {code}")?,
            State::Done { code } => write!(f, " {code}")?,
            _ => {}
        }
        if self.message.is_empty() { Ok(()) } else { write!(f, ": {}", self.message) }
    }
}
