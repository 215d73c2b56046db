//! The Star as a [`Host`]: the imports of the WIT package.

use std::time::Duration;

use super::bindings::starlane::mechtron as wit;
use crate::{Error, Host, Level, Outgoing, Reason, Reply, Result};

/// The Star that runs this component.
pub(super) struct Star;

impl Host for Star {
    fn ask(&self, to: &str, message: &Outgoing) -> Result<Reply> {
        wit::resources::ask(to, &outgoing(message)).map(Reply::from).map_err(said)
    }

    fn tell(&self, to: &str, message: &Outgoing) -> Result<()> {
        wit::resources::tell(to, &outgoing(message)).map_err(said)
    }

    fn get_property(&self, at: &str, key: &str) -> Result<Option<String>> {
        wit::resources::get_property(at, key).map_err(said)
    }

    fn set_property(&self, at: &str, key: &str, value: Option<&str>) -> Result<()> {
        wit::resources::set_property(at, key, value).map_err(said)
    }

    fn read(&self, at: &str, offset: u64, length: Option<u64>) -> Result<Vec<u8>> {
        wit::resources::read(at, offset, length).map_err(said)
    }

    fn write(&self, at: &str, content_type: Option<&str>, bytes: &[u8]) -> Result<()> {
        wit::resources::write(at, content_type, bytes).map_err(said)
    }

    fn log(&self, level: Level, text: &str) {
        let level = match level {
            Level::Error => wit::log::Level::Error,
            Level::Warn => wit::log::Level::Warn,
            Level::Info => wit::log::Level::Info,
            Level::Debug => wit::log::Level::Debug,
        };
        wit::log::write(level, text);
    }

    fn config(&self, key: &str) -> Option<String> {
        wit::config::get(key)
    }

    fn config_entries(&self) -> Vec<(String, String)> {
        wit::config::entries()
    }

    fn me(&self) -> String {
        wit::context::me()
    }

    fn sender(&self) -> Option<String> {
        wit::context::sender()
    }

    fn agent(&self) -> Option<String> {
        wit::context::agent()
    }

    fn remaining(&self) -> Duration {
        Duration::from_millis(wit::context::remaining_ms())
    }
}

fn outgoing(message: &Outgoing) -> wit::types::Outgoing {
    wit::types::Outgoing {
        method: message.method.clone(),
        headers: headers(message.headers.clone()),
        content_type: message.content_type.clone(),
        body: message.body.clone(),
    }
}

pub(super) fn headers(pairs: Vec<(String, String)>) -> Vec<wit::types::Header> {
    pairs.into_iter().map(|(name, value)| wit::types::Header { name, value }).collect()
}

pub(super) fn pairs(headers: Vec<wit::types::Header>) -> Vec<(String, String)> {
    headers.into_iter().map(|header| (header.name, header.value)).collect()
}

impl From<wit::types::Reply> for Reply {
    fn from(reply: wit::types::Reply) -> Self {
        Reply { headers: pairs(reply.headers), content_type: reply.content_type, body: reply.body }
    }
}

/// What the host said. Generated errors implement the standard trait, so that `?` would keep no
/// more than their text; this keeps code, path and hint.
fn said(error: wit::types::Error) -> Error {
    use wit::types::Reason as Wit;
    let reason = match error.reason {
        Wit::NotFound => Reason::NotFound,
        Wit::Denied => Reason::Denied,
        Wit::Invalid => Reason::Invalid,
        Wit::Conflict => Reason::Conflict,
        Wit::TooLarge => Reason::TooLarge,
        Wit::Busy => Reason::Busy,
        Wit::TimedOut => Reason::TimedOut,
        Wit::Unavailable => Reason::Unavailable,
        Wit::LoopDetected => Reason::LoopDetected,
        Wit::Failed => Reason::Failed,
    };
    Error { code: error.code, path: error.path, hint: error.hint, ..Error::new(reason, error.message) }
}

/// An error of a call as the host takes it back, so that the caller sees what stood behind it.
pub(super) fn said_back(error: Error) -> wit::types::Error {
    use wit::types::Reason as Wit;
    let reason = match error.reason {
        Reason::NotFound => Wit::NotFound,
        Reason::Denied => Wit::Denied,
        Reason::Invalid => Wit::Invalid,
        Reason::Conflict => Wit::Conflict,
        Reason::TooLarge => Wit::TooLarge,
        Reason::Busy => Wit::Busy,
        Reason::TimedOut => Wit::TimedOut,
        Reason::Unavailable => Wit::Unavailable,
        Reason::LoopDetected => Wit::LoopDetected,
        Reason::Failed => Wit::Failed,
    };
    wit::types::Error { reason, code: error.code, message: error.message, path: error.path, hint: error.hint }
}
