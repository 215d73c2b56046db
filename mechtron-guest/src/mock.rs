//! A host for tests: a small Star in memory that a mechtron can be called through and that
//! remembers what it did. It behaves like the real one where a mechtron can tell: what was
//! written can be read, what is not there is not found, what is forbidden is denied.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;
use std::time::Duration;

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::message::JSON;
use crate::{Ctx, Error, Host, Level, Message, Messages, Outgoing, Reason, Reply, Request, Response, Result, Web};

type Answer = Box<dyn Fn(&Outgoing) -> Result<Reply>>;

/// A message that the mechtron sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sent {
    /// Where to.
    pub to: String,
    /// What.
    pub message: Outgoing,
}

/// A line that the mechtron logged.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Logged {
    /// How loud.
    pub level: Level,
    /// The line.
    pub text: String,
}

#[derive(Default)]
struct State {
    config: BTreeMap<String, String>,
    answers: BTreeMap<(String, String), Answer>,
    properties: BTreeMap<(String, String), String>,
    files: BTreeMap<String, Vec<u8>>,
    denied: BTreeSet<String>,
    sent: Vec<Sent>,
    log: Vec<Logged>,
    agent: Option<String>,
}

/// A host in memory. Clones share the same state.
///
/// ```
/// # use mechtron_guest::prelude::*;
/// let host = MockHost::new()
///     .with_file("acme:files:/motto.txt", "per aspera")
///     .with_answer("acme:counter", "next", |_: u32| Ok(8));
/// let ctx = host.ctx();
/// assert_eq!(ctx.read("acme:files:/motto.txt").unwrap(), b"per aspera");
/// assert_eq!(ctx.ask::<u32>("acme:counter", "next", &7).unwrap(), 8);
/// assert!(ctx.read("acme:files:/none").is_err());
/// ```
#[derive(Clone, Default)]
pub struct MockHost {
    state: Rc<RefCell<State>>,
}

impl MockHost {
    /// A host that knows nothing.
    pub fn new() -> Self {
        Self::default()
    }

    /// Sets a value of the mechtron's configuration.
    #[must_use]
    pub fn with_config(self, key: &str, value: &str) -> Self {
        self.state.borrow_mut().config.insert(key.into(), value.into());
        self
    }

    /// Puts a file in place.
    #[must_use]
    pub fn with_file(self, path: &str, bytes: impl Into<Vec<u8>>) -> Self {
        self.state.borrow_mut().files.insert(path.into(), bytes.into());
        self
    }

    /// Sets a property.
    #[must_use]
    pub fn with_property(self, path: &str, key: &str, value: &str) -> Self {
        self.state.borrow_mut().properties.insert((path.into(), key.into()), value.into());
        self
    }

    /// Makes a resource that answers one method. What the closure takes and gives is JSON.
    #[must_use]
    pub fn with_answer<I, O>(self, path: &str, method: &str, answer: impl Fn(I) -> Result<O> + 'static) -> Self
    where
        I: DeserializeOwned,
        O: Serialize,
    {
        let answer: Answer = Box::new(move |message| Reply::json(&answer(crate::message::parse(&message.body)?)?));
        self.state.borrow_mut().answers.insert((path.into(), method.into()), answer);
        self
    }

    /// Refuses everything that reaches for `path`, as a bind does that does not grant it.
    #[must_use]
    pub fn without_grant(self, path: &str) -> Self {
        self.state.borrow_mut().denied.insert(path.into());
        self
    }

    /// Calls are made on behalf of `agent`.
    #[must_use]
    pub fn with_agent(self, agent: &str) -> Self {
        self.state.borrow_mut().agent = Some(agent.into());
        self
    }

    /// The context that a mechtron under test gets.
    pub fn ctx(&self) -> Ctx {
        Ctx::new(Rc::new(self.clone()))
    }

    /// Sends a message to a mechtron and reads its answer.
    ///
    /// # Errors
    /// What the mechtron answers instead; [`Reason::NotFound`] when it has no such method.
    pub fn ask<T: DeserializeOwned>(
        &self,
        mechtron: &impl Messages,
        method: &str,
        input: &(impl Serialize + ?Sized),
    ) -> Result<T> {
        let message = Message {
            id: "test".into(),
            sender: self.sender(),
            agent: self.agent(),
            method: method.into(),
            headers: Vec::new(),
            content_type: JSON.into(),
            body: serde_json::to_vec(input)?,
        };
        match mechtron.handle(&self.ctx(), &message) {
            Some(answer) => answer?.read(),
            None => Err(Error::not_found(format!("the mechtron has no method `{method}`"))),
        }
    }

    /// Sends a web request to a mechtron; an error becomes the page that a visitor would see.
    pub fn request(&self, mechtron: &impl Web, request: Request) -> Response {
        mechtron.http(&self.ctx(), request).unwrap_or_else(|error| Response::from(&error))
    }

    /// `GET` of a path.
    pub fn get(&self, mechtron: &impl Web, target: &str) -> Response {
        self.request(mechtron, Request::new("GET", target))
    }

    /// The bytes of a file as they are now.
    pub fn file(&self, path: &str) -> Option<Vec<u8>> {
        self.state.borrow().files.get(path).cloned()
    }

    /// What the mechtron sent by `tell` and `ask`, oldest first.
    pub fn sent(&self) -> Vec<Sent> {
        self.state.borrow().sent.clone()
    }

    /// What the mechtron logged, oldest first.
    pub fn logged(&self) -> Vec<Logged> {
        self.state.borrow().log.clone()
    }

    fn check(&self, path: &str) -> Result<()> {
        match self.state.borrow().denied.contains(path) {
            true => Err(Error::new(Reason::Denied, "the bind does not grant this call").at(path)),
            false => Ok(()),
        }
    }
}

impl Host for MockHost {
    fn ask(&self, to: &str, message: &Outgoing) -> Result<Reply> {
        self.tell(to, message)?;
        let state = self.state.borrow();
        match state.answers.get(&(to.to_owned(), message.method.clone())) {
            Some(answer) => answer(message),
            None => Err(Error::not_found(format!("nobody answers `{}`", message.method)).at(to)),
        }
    }

    fn tell(&self, to: &str, message: &Outgoing) -> Result<()> {
        self.check(to)?;
        self.state.borrow_mut().sent.push(Sent { to: to.into(), message: message.clone() });
        Ok(())
    }

    fn get_property(&self, at: &str, key: &str) -> Result<Option<String>> {
        self.check(at)?;
        Ok(self.state.borrow().properties.get(&(at.to_owned(), key.to_owned())).cloned())
    }

    fn set_property(&self, at: &str, key: &str, value: Option<&str>) -> Result<()> {
        self.check(at)?;
        let properties = &mut self.state.borrow_mut().properties;
        match value {
            Some(value) => properties.insert((at.into(), key.into()), value.into()),
            None => properties.remove(&(at.to_owned(), key.to_owned())),
        };
        Ok(())
    }

    fn read(&self, at: &str, offset: u64, length: Option<u64>) -> Result<Vec<u8>> {
        self.check(at)?;
        let state = self.state.borrow();
        let bytes = state.files.get(at).ok_or_else(|| Error::not_found("no such file").at(at))?;
        let start = usize::try_from(offset).unwrap_or(usize::MAX).min(bytes.len());
        let most = usize::try_from(length.unwrap_or(u64::MAX)).unwrap_or(usize::MAX);
        Ok(bytes[start..].iter().copied().take(most).collect())
    }

    fn write(&self, at: &str, _content_type: Option<&str>, bytes: &[u8]) -> Result<()> {
        self.check(at)?;
        self.state.borrow_mut().files.insert(at.into(), bytes.to_vec());
        Ok(())
    }

    fn log(&self, level: Level, text: &str) {
        self.state.borrow_mut().log.push(Logged { level, text: text.into() });
    }

    fn config(&self, key: &str) -> Option<String> {
        self.state.borrow().config.get(key).cloned()
    }

    fn config_entries(&self) -> Vec<(String, String)> {
        self.state.borrow().config.iter().map(|(key, value)| (key.clone(), value.clone())).collect()
    }

    fn me(&self) -> String {
        "test:mechtron".into()
    }

    fn sender(&self) -> Option<String> {
        Some("test".into())
    }

    fn agent(&self) -> Option<String> {
        self.state.borrow().agent.clone()
    }

    fn remaining(&self) -> Duration {
        Duration::from_secs(1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_written_can_be_read_whole_and_in_part() {
        let host = MockHost::new();
        let ctx = host.ctx();
        ctx.write("a:files:/x", None, b"abcdef").unwrap();
        assert_eq!(ctx.read("a:files:/x").unwrap(), b"abcdef");
        assert_eq!(ctx.read_range("a:files:/x", 2, 3).unwrap(), b"cde");
        assert_eq!(ctx.read_range("a:files:/x", 9, 3).unwrap(), b"");
        assert_eq!(host.file("a:files:/x").as_deref(), Some(&b"abcdef"[..]));
    }

    #[test]
    fn what_is_not_granted_is_denied_before_anything_is_sent() {
        let host = MockHost::new().without_grant("a:db");
        let error = host.ctx().tell("a:db", "wipe", &()).unwrap_err();
        assert_eq!((error.reason(), error.path()), (Reason::Denied, Some("a:db")));
        assert!(host.sent().is_empty());
    }

    #[test]
    fn a_removed_property_is_not_set() {
        let ctx = MockHost::new().with_property("a:x", "title", "T").ctx();
        assert_eq!(ctx.property("a:x", "title").unwrap().as_deref(), Some("T"));
        ctx.remove_property("a:x", "title").unwrap();
        assert_eq!(ctx.property("a:x", "title").unwrap(), None);
    }
}
