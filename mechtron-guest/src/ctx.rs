//! What a mechtron can do while it handles a call.

use std::fmt;
use std::rc::Rc;
use std::time::Duration;

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::{Host, Level, Outgoing, Reply, Result};

/// The way from a mechtron to the rest of the Star, for the length of one call.
///
/// Every method that reaches another resource needs a line in the bind's `calls`; without one it
/// fails with [`crate::Reason::Denied`], and the hint of the error is the line to add. Paths may
/// be relative to the mechtron: `..:files:/readme.md` is a file beside it.
#[derive(Clone)]
pub struct Ctx {
    host: Rc<dyn Host>,
}

impl Ctx {
    /// A context over a host. The Star makes it for real calls, [`crate::MockHost::ctx`] in tests.
    pub fn new(host: Rc<dyn Host>) -> Self {
        Ctx { host }
    }

    /// Sends `input` as JSON and reads the answer as JSON.
    ///
    /// # Errors
    /// What the other resource or the Star answers instead; [`crate::Reason::Failed`] when the
    /// answer is not the JSON of a `T`.
    pub fn ask<T: DeserializeOwned>(&self, to: &str, method: &str, input: &(impl Serialize + ?Sized)) -> Result<T> {
        self.ask_raw(to, &Outgoing::json(method, input)?)?.read()
    }

    /// Sends a message of any type and gives the whole answer.
    ///
    /// # Errors
    /// What the other resource or the Star answers instead.
    pub fn ask_raw(&self, to: &str, message: &Outgoing) -> Result<Reply> {
        self.host.ask(to, message)
    }

    /// Sends `input` as JSON and does not wait; it arrives at most once.
    ///
    /// # Errors
    /// When the message is not accepted.
    pub fn tell(&self, to: &str, method: &str, input: &(impl Serialize + ?Sized)) -> Result<()> {
        self.host.tell(to, &Outgoing::json(method, input)?)
    }

    /// The value of a property, `None` when it is not set.
    ///
    /// # Errors
    /// When the resource is not there or may not be read.
    pub fn property(&self, at: &str, key: &str) -> Result<Option<String>> {
        self.host.get_property(at, key)
    }

    /// Sets a property.
    ///
    /// # Errors
    /// When the resource is not there, may not be written, or does not take the value.
    pub fn set_property(&self, at: &str, key: &str, value: &str) -> Result<()> {
        self.host.set_property(at, key, Some(value))
    }

    /// Removes a property; removing one that is not set is no error.
    ///
    /// # Errors
    /// When the resource is not there or may not be written.
    pub fn remove_property(&self, at: &str, key: &str) -> Result<()> {
        self.host.set_property(at, key, None)
    }

    /// The whole content of a File or Artifact.
    ///
    /// # Errors
    /// [`crate::Reason::TooLarge`] when it is more than the host gives at once.
    pub fn read(&self, at: &str) -> Result<Vec<u8>> {
        self.host.read(at, 0, None)
    }

    /// At most `length` bytes from `offset` on; fewer only at the end.
    ///
    /// # Errors
    /// When the resource is not there or may not be read.
    pub fn read_range(&self, at: &str, offset: u64, length: u64) -> Result<Vec<u8>> {
        self.host.read(at, offset, Some(length))
    }

    /// Replaces the content of a File, or creates it. Without a `content_type` it is taken for
    /// bytes of no known type.
    ///
    /// # Errors
    /// When it may not be written, or the bytes are more than the host takes at once.
    pub fn write(&self, at: &str, content_type: Option<&str>, bytes: &[u8]) -> Result<()> {
        self.host.write(at, content_type, bytes)
    }

    /// A value of `config` in the `mechtron.yaml`.
    pub fn config(&self, key: &str) -> Option<String> {
        self.host.config(key)
    }

    /// All of `config`, ordered by key.
    pub fn config_entries(&self) -> Vec<(String, String)> {
        self.host.config_entries()
    }

    /// The path of this mechtron.
    pub fn me(&self) -> String {
        self.host.me()
    }

    /// The resource that the call came from; for a web request the one whose routes led here.
    /// `None` when it came from outside.
    pub fn sender(&self) -> Option<String> {
        self.host.sender()
    }

    /// On whose behalf the call is made; `None` when nobody said who they are.
    pub fn agent(&self) -> Option<String> {
        self.host.agent()
    }

    /// The time until the caller stops waiting.
    pub fn remaining(&self) -> Duration {
        self.host.remaining()
    }

    /// Adds a line to the log.
    pub fn log(&self, level: Level, text: impl AsRef<str>) {
        self.host.log(level, text.as_ref());
    }

    /// Adds a line about something that happened.
    pub fn info(&self, text: impl AsRef<str>) {
        self.log(Level::Info, text);
    }

    /// Adds a line about something odd.
    pub fn warn(&self, text: impl AsRef<str>) {
        self.log(Level::Warn, text);
    }
}

impl fmt::Debug for Ctx {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Ctx").field("me", &self.me()).finish_non_exhaustive()
    }
}
