//! What a mechtron needs of whatever runs it: the Star, or [`crate::MockHost`] in tests.

use std::time::Duration;

use crate::{Outgoing, Reply, Result};

/// How loud a line of the log is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Level {
    /// Something is broken.
    Error,
    /// Something is odd.
    Warn,
    /// Something happened.
    Info,
    /// For whoever looks for a fault.
    Debug,
}

/// The host's side of a call; the interfaces `resources`, `log`, `config` and `context` of the
/// WIT package, in Rust. Authors use it through [`crate::Ctx`].
pub trait Host {
    /// Sends a message and waits for the answer.
    fn ask(&self, to: &str, message: &Outgoing) -> Result<Reply>;
    /// Sends a message without waiting.
    fn tell(&self, to: &str, message: &Outgoing) -> Result<()>;
    /// The value of a property, if it is set.
    fn get_property(&self, at: &str, key: &str) -> Result<Option<String>>;
    /// Sets a property, or removes it.
    fn set_property(&self, at: &str, key: &str, value: Option<&str>) -> Result<()>;
    /// Bytes from `offset` on, at most `length`, all when `None`.
    fn read(&self, at: &str, offset: u64, length: Option<u64>) -> Result<Vec<u8>>;
    /// Replaces the content of a File, or creates it.
    fn write(&self, at: &str, content_type: Option<&str>, bytes: &[u8]) -> Result<()>;
    /// Adds a line to the log.
    fn log(&self, level: Level, text: &str);
    /// A value of the mechtron's configuration.
    fn config(&self, key: &str) -> Option<String>;
    /// All of the configuration, ordered by key.
    fn config_entries(&self) -> Vec<(String, String)>;
    /// The path of the mechtron.
    fn me(&self) -> String;
    /// The resource that the call came from; `None` when it came from outside.
    fn sender(&self) -> Option<String>;
    /// On whose behalf; `None` when nobody said.
    fn agent(&self) -> Option<String>;
    /// Until the caller stops waiting.
    fn remaining(&self) -> Duration;
}
