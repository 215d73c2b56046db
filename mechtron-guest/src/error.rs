//! The one error type of mechtrons: what it is for the caller, and how `?` makes it of others.

use std::fmt;

use crate::limits;

/// `std::result::Result` with this crate's [`Error`].
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// What kind of no it is. The same list as `reason` in the WIT package.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Reason {
    /// No such resource, property or method.
    NotFound,
    /// Not granted.
    Denied,
    /// The request itself is wrong.
    Invalid,
    /// Somebody else changed it first, or it exists already.
    Conflict,
    /// A limit or quota was reached.
    TooLarge,
    /// Not executed; try again later.
    Busy,
    /// The deadline passed; it may have been executed or not.
    TimedOut,
    /// The resource cannot answer now.
    Unavailable,
    /// The call would have come back to a resource that is waiting for it.
    LoopDetected,
    /// Anything else.
    Failed,
}

/// Why a mechtron, or something that it asked for, could not answer.
///
/// Like the well-known catch-all error types it does not implement [`std::error::Error`], so that
/// `?` can turn every error that does into a [`Reason::Failed`]. An error of the host keeps its
/// code, path and hint on the way to the caller.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Error {
    pub(crate) reason: Reason,
    pub(crate) code: String,
    pub(crate) message: String,
    pub(crate) path: Option<String>,
    pub(crate) hint: Option<String>,
    pub(crate) retry_ms: u32,
}

impl Error {
    /// An error made by the mechtron itself.
    pub fn new(reason: Reason, message: impl Into<String>) -> Self {
        Error {
            reason,
            code: String::new(),
            message: message.into(),
            path: None,
            hint: None,
            retry_ms: limits::BUSY_RETRY_MS,
        }
    }

    /// What was sent is wrong; `message` says what to mend.
    pub fn invalid(message: impl Into<String>) -> Self {
        Self::new(Reason::Invalid, message)
    }

    /// There is no such thing.
    pub fn not_found(message: impl Into<String>) -> Self {
        Self::new(Reason::NotFound, message)
    }

    /// Not executed; the caller may try again after so many milliseconds.
    pub fn busy(retry_ms: u32) -> Self {
        Error { retry_ms, ..Self::new(Reason::Busy, "busy") }
    }

    /// It did not work.
    pub fn failed(message: impl Into<String>) -> Self {
        Self::new(Reason::Failed, message)
    }

    /// The same error about the resource at `path`.
    #[must_use]
    pub fn at(mut self, path: impl Into<String>) -> Self {
        self.path = Some(path.into());
        self
    }

    /// The same error with advice.
    #[must_use]
    pub fn with_hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    /// What kind of no it is.
    pub fn reason(&self) -> Reason {
        self.reason
    }

    /// The stable code of the Star, such as `S0301`; empty for errors of the mechtron itself.
    pub fn code(&self) -> &str {
        &self.code
    }

    /// A lower-case fragment.
    pub fn message(&self) -> &str {
        &self.message
    }

    /// The resource that it is about.
    pub fn path(&self) -> Option<&str> {
        self.path.as_deref()
    }

    /// What to do about it.
    pub fn hint(&self) -> Option<&str> {
        self.hint.as_deref()
    }

    /// Whether the Star said it, and not the mechtron.
    pub(crate) fn is_of_host(&self) -> bool {
        !self.code.is_empty()
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.is_of_host() {
            write!(f, "{}: ", self.code)?;
        }
        f.write_str(&self.message)
    }
}

impl<E: std::error::Error> From<E> for Error {
    fn from(error: E) -> Self {
        let mut message = error.to_string();
        let mut cause = error.source();
        while let Some(inner) = cause {
            message.push_str(": ");
            message.push_str(&inner.to_string());
            cause = inner.source();
        }
        Self::failed(message)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn any_standard_error_becomes_a_failure_by_the_question_mark() {
        fn parse(text: &str) -> Result<u8> {
            Ok(text.parse::<u8>()?)
        }
        assert_eq!(parse("7").ok(), Some(7));
        let error = parse("seven").expect_err("not a number");
        assert_eq!(error.reason(), Reason::Failed);
        assert_eq!(error.message(), "invalid digit found in string");
    }

    #[test]
    fn the_code_of_the_host_stands_before_the_message() {
        let mut error = Error::not_found("no such file").at("acme:files:/x");
        assert_eq!(error.to_string(), "no such file");
        error.code = "S0301".into();
        assert_eq!(error.to_string(), "S0301: no such file");
    }
}
