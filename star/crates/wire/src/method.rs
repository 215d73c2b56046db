//! Names of what a message asks for.

use std::borrow::Cow;
use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::limits;

/// What a message asks of a resource: one of the verbs that Starlane itself understands
/// (`star.…`), or a name that the resource's mechtron handles.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Method(Cow<'static, str>);

/// A text that is no name of a method.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("a method is a lower-case word of letters, digits, `.`, `_` and `-`, at most {max} bytes: `{text}`", max = limits::METHOD_BYTES)]
pub struct MethodError {
    /// What was given.
    pub text: String,
}

macro_rules! verbs {
    ($($(#[$doc:meta])* $name:ident = $text:literal;)*) => {
        impl Method {
            $($(#[$doc])* pub const $name: Method = Method(Cow::Borrowed($text));)*
        }
    };
}

verbs! {
    /// Makes a child.
    CREATE = "star.create";
    /// Tells everything about a resource.
    INFO = "star.info";
    /// Changes properties and labels.
    SET = "star.set";
    /// Removes a resource, with or without what is below it.
    DELETE = "star.delete";
    /// Moves a resource with everything below it.
    MOVE = "star.move";
    /// Begins the actor of a resource anew.
    RESTART = "star.restart";
    /// Names the content behind a File or Artifact.
    OPEN = "star.open";
    /// Makes a content the body of a File.
    PUT = "star.put";
    /// Makes what another resource holds the body of a File.
    COPY = "star.copy";
    /// Adds a version to a series.
    PUBLISH = "star.publish";
    /// Points a tag at a version.
    TAG = "star.tag";
    /// Takes, renews or steals the lock of a resource.
    LOCK = "star.lock";
    /// Gives the lock of a resource back.
    UNLOCK = "star.unlock";
    /// A web request on its way to a mechtron.
    WEB = "star.web";
}

impl Method {
    /// Reads a name.
    pub fn parse(text: &str) -> Result<Method, MethodError> {
        let first_is_letter = text.starts_with(|c: char| c.is_ascii_lowercase());
        let rest_is_name = text.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b"._-".contains(&b));
        if first_is_letter && rest_is_name && text.len() <= limits::METHOD_BYTES {
            Ok(Method(Cow::Owned(text.to_owned())))
        } else {
            Err(MethodError { text: text.chars().take(limits::METHOD_BYTES).collect() })
        }
    }

    /// The name.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether Starlane itself answers it, on every resource.
    pub fn is_built_in(&self) -> bool {
        self.0.starts_with("star.")
    }
}

impl fmt::Display for Method {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl FromStr for Method {
    type Err = MethodError;
    fn from_str(text: &str) -> Result<Method, MethodError> {
        Method::parse(text)
    }
}

impl TryFrom<String> for Method {
    type Error = MethodError;
    fn try_from(text: String) -> Result<Method, MethodError> {
        Method::parse(&text)
    }
}

impl From<Method> for String {
    fn from(method: Method) -> String {
        method.0.into_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_lower_case_words() {
        for good in ["greet", "star.create", "a-b_c.d2"] {
            assert_eq!(Method::parse(good).map(|m| m.to_string()), Ok(good.to_owned()));
        }
        for bad in ["", "Greet", "2x", "a b", ".a", "é", &"x".repeat(65)] {
            assert!(Method::parse(bad).is_err(), "{bad}");
        }
    }
}
