//! Messages: as they come, as they are sent, and their answers.

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::{Error, Result};

pub(crate) const JSON: &str = "application/json";

/// A message as the mechtron receives it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Message {
    /// Unique; the same again when a caller repeats an ask with an idempotency key.
    pub id: String,
    /// The resource that it came from; `None` when it came from outside.
    pub sender: Option<String>,
    /// The User, App or Mechtron on whose behalf it was sent; `None` when nobody said.
    pub agent: Option<String>,
    /// What is asked for.
    pub method: String,
    /// Names and values.
    pub headers: Vec<(String, String)>,
    /// Media type of the body.
    pub content_type: String,
    /// The body.
    pub body: Vec<u8>,
}

impl Message {
    /// The first header of that name, whatever its case.
    pub fn header(&self, name: &str) -> Option<&str> {
        find(&self.headers, name)
    }
}

/// A message to send. The host adds id, sender, agent and deadline.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Outgoing {
    /// What is asked for.
    pub method: String,
    /// Names and values.
    pub headers: Vec<(String, String)>,
    /// Media type of the body.
    pub content_type: String,
    /// The body.
    pub body: Vec<u8>,
}

impl Outgoing {
    /// A message whose body is `input` in JSON.
    ///
    /// # Errors
    /// [`crate::Reason::Failed`] when `input` cannot be written as JSON.
    pub fn json<I: Serialize + ?Sized>(method: &str, input: &I) -> Result<Self> {
        Ok(Outgoing {
            method: method.into(),
            headers: Vec::new(),
            content_type: JSON.into(),
            body: serde_json::to_vec(input)?,
        })
    }
}

/// The answer to an ask.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Reply {
    /// Names and values.
    pub headers: Vec<(String, String)>,
    /// Media type of the body.
    pub content_type: String,
    /// The body.
    pub body: Vec<u8>,
}

impl Reply {
    /// An answer whose body is `output` in JSON.
    ///
    /// # Errors
    /// [`crate::Reason::Failed`] when `output` cannot be written as JSON.
    pub fn json<O: Serialize + ?Sized>(output: &O) -> Result<Self> {
        Ok(Reply { headers: Vec::new(), content_type: JSON.into(), body: serde_json::to_vec(output)? })
    }

    /// The body, read as JSON; an empty body reads as `null`.
    ///
    /// # Errors
    /// [`crate::Reason::Failed`] when it is not the JSON of a `T`.
    pub fn read<T: DeserializeOwned>(&self) -> Result<T> {
        parse(&self.body).map_err(|source| Error::failed(format!("the answer is not what was expected: {source}")))
    }

    /// The first header of that name, whatever its case.
    pub fn header(&self, name: &str) -> Option<&str> {
        find(&self.headers, name)
    }
}

/// Reads JSON; nothing at all stands for `null`.
pub(crate) fn parse<T: DeserializeOwned>(body: &[u8]) -> serde_json::Result<T> {
    serde_json::from_slice(if body.is_empty() { b"null" } else { body })
}

fn find<'a>(headers: &'a [(String, String)], name: &str) -> Option<&'a str> {
    headers.iter().find(|(key, _)| key.eq_ignore_ascii_case(name)).map(|(_, value)| value.as_str())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_empty_answer_reads_as_nothing() {
        assert_eq!(Reply::default().read::<Option<u32>>().ok(), Some(None));
        assert!(Reply::default().read::<u32>().is_err());
    }

    #[test]
    fn headers_are_found_whatever_their_case() {
        let reply = Reply { headers: vec![("X-Trace".into(), "7".into())], ..Reply::default() };
        assert_eq!(reply.header("x-trace"), Some("7"));
        assert_eq!(reply.header("x-other"), None);
    }
}
