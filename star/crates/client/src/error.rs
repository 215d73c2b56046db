//! What stands in the way of a call, one variant per decision of the caller.

use std::fmt;
use std::io;
use std::path::PathBuf;
use std::time::Duration;

use star_api::v1::ErrorDetail;
use star_api::version::ApiVersion;

use crate::tree::TreeError;
use crate::version::{range, remedy};

/// A cause from the layers below, of no type that callers should depend on.
pub type Cause = Box<dyn std::error::Error + Send + Sync>;

/// Why a call did not give what was asked for.
#[derive(Debug, thiserror::Error)]
pub enum ClientError {
    /// The Star answered that it will not or cannot: show what it says.
    #[error(transparent)]
    Api(#[from] ApiError),

    /// Nothing was sent, because no connection came about: check the address, start the Star,
    /// try again.
    #[error("no connection to {url}")]
    Unreachable {
        /// Where to.
        url: String,
        /// Why not.
        source: Cause,
    },

    /// The connection broke after something was sent: look whether it was done before trying
    /// again.
    #[error("the connection to {url} was lost")]
    Lost {
        /// Where to.
        url: String,
        /// How.
        source: Cause,
    },

    /// No answer, or no progress, within the time: look whether it was done, allow more time.
    #[error("{url} did not answer within {} s", after.as_secs_f32())]
    TimedOut {
        /// Where to.
        url: String,
        /// How long was waited.
        after: Duration,
    },

    /// What answered does not speak as a Star of this release does: check the address and the
    /// versions.
    #[error("the answer of {url} is not that of a Star: {reason}")]
    Protocol {
        /// Where to.
        url: String,
        /// The HTTP status, if that is what was wrong.
        status: Option<u16>,
        /// What was wrong with the answer.
        reason: String,
    },

    /// The Star speaks another version of the API than this needs: update the older of the two.
    #[error("{url} speaks version {spoken} of the API, and this needs {}: {}", range(*oldest, *newest), remedy(spoken, *newest))]
    Version {
        /// Where to.
        url: String,
        /// The version that it says.
        spoken: String,
        /// The oldest that would do.
        oldest: ApiVersion,
        /// The newest that this client knows.
        newest: ApiVersion,
    },

    /// The bytes that arrived are not those that were sent: transfer them again.
    #[error("{name} arrived damaged: expected {expected}, got {actual}")]
    Damaged {
        /// What was transferred.
        name: String,
        /// Digest or length that was announced.
        expected: String,
        /// Digest or length that was found.
        actual: String,
    },

    /// A file of this machine cannot be read or written.
    #[error("{}", path.display())]
    Io {
        /// Which one.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },

    /// A directory of this machine cannot be sent as it is: mend the tree.
    #[error(transparent)]
    Tree(#[from] TreeError),

    /// The address or the key given cannot be used at all.
    #[error("{0}")]
    Endpoint(String),
}

impl ClientError {
    /// What kind of obstacle it is.
    pub fn class(&self) -> Class {
        match self {
            ClientError::Api(error) => error.class(),
            ClientError::Unreachable { .. } | ClientError::Lost { .. } => Class::Unavailable,
            ClientError::TimedOut { .. } => Class::Unavailable,
            // Proxies answer with these in place of a Star.
            ClientError::Protocol { status: Some(status @ (401 | 403 | 502..=504)), .. } => Class::of_status(*status),
            ClientError::Protocol { .. } | ClientError::Damaged { .. } => Class::Unexpected,
            ClientError::Io { source, .. } if source.kind() == io::ErrorKind::NotFound => Class::NotFound,
            ClientError::Io { .. } => Class::Unexpected,
            ClientError::Tree(_) | ClientError::Endpoint(_) | ClientError::Version { .. } => Class::Invalid,
        }
    }

    /// Whether what was asked for may have been done all the same. If not, it is safe to ask
    /// again.
    pub fn may_have_happened(&self) -> bool {
        match self {
            ClientError::Api(error) => error.detail.outcome == "unknown",
            ClientError::Lost { .. } | ClientError::TimedOut { .. } | ClientError::Protocol { .. } => true,
            // One that is too old is found out before anything is sent to it.
            ClientError::Version { spoken, newest, .. } => remedy(spoken, *newest) != "update the Star",
            ClientError::Unreachable { .. }
            | ClientError::Damaged { .. }
            | ClientError::Io { .. }
            | ClientError::Tree(_)
            | ClientError::Endpoint(_) => false,
        }
    }

    /// The words of the Star, if it is the Star that refused.
    pub fn detail(&self) -> Option<&ErrorDetail> {
        match self {
            ClientError::Api(error) => Some(&error.detail),
            _ => None,
        }
    }

    pub(crate) fn io(path: impl Into<PathBuf>) -> impl FnOnce(io::Error) -> ClientError {
        let path = path.into();
        |source| ClientError::Io { path, source }
    }
}

/// An answer of the Star that says no, or that something failed.
#[derive(Debug, Clone, PartialEq)]
pub struct ApiError {
    /// All that the Star said.
    pub detail: Box<ErrorDetail>,
    /// The HTTP status that belongs to it, for errors whose code this release does not know.
    pub status: u16,
}

impl ApiError {
    /// What kind of obstacle it is, by the family of the code: its first two digits.
    pub fn class(&self) -> Class {
        match self.detail.code.get(..3) {
            Some("S01") if self.detail.code != "S0100" => Class::Invalid,
            Some("S02") if self.detail.code == "S0201" => Class::LoginNeeded,
            Some("S02") => Class::Denied,
            Some("S03") => Class::NotFound,
            Some("S04") => Class::Conflict,
            Some("S05") => Class::Limit,
            Some("S06") => Class::Unavailable,
            Some(_) if self.detail.code.starts_with('S') => Class::Unexpected,
            _ => Class::of_status(self.status),
        }
    }
}

impl fmt::Display for ApiError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.detail.code.is_empty() {
            return write!(f, "{}", self.detail.message);
        }
        write!(f, "{} ({})", self.detail.message, self.detail.code)
    }
}

impl std::error::Error for ApiError {}

/// Kinds of obstacles, coarse enough to choose an exit code by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Class {
    /// The request itself is wrong.
    Invalid,
    /// No or no valid credentials.
    LoginNeeded,
    /// The agent may not.
    Denied,
    /// It is not there.
    NotFound,
    /// It is not in the state that the request expects.
    Conflict,
    /// Too large, too many, too busy, no room.
    Limit,
    /// Nobody answers, or not in time.
    Unavailable,
    /// A fault.
    Unexpected,
}

impl Class {
    fn of_status(status: u16) -> Class {
        match status {
            400 | 405 | 415 | 416 | 422 | 501 => Class::Invalid,
            401 => Class::LoginNeeded,
            403 => Class::Denied,
            404 | 410 => Class::NotFound,
            409 | 412 => Class::Conflict,
            413 | 429 | 431 | 507 => Class::Limit,
            408 | 502 | 503 | 504 => Class::Unavailable,
            _ => Class::Unexpected,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn error(code: &str, status: u16) -> ClientError {
        let detail = ErrorDetail { code: code.into(), message: "it is so".into(), ..Default::default() };
        ApiError { detail: Box::new(detail), status }.into()
    }

    #[test]
    fn the_family_of_the_code_decides_the_class() {
        let table = [
            ("S0100", Class::Unexpected),
            ("S0101", Class::Invalid),
            ("S0201", Class::LoginNeeded),
            ("S0202", Class::Denied),
            ("S0203", Class::Denied),
            ("S0301", Class::NotFound),
            ("S0403", Class::Conflict),
            ("S0502", Class::Limit),
            ("S0601", Class::Unavailable),
            ("S0701", Class::Unexpected),
            ("S0801", Class::Unexpected),
        ];
        for (code, class) in table {
            assert_eq!(error(code, 400).class(), class, "{code}");
        }
    }

    #[test]
    fn an_error_without_a_code_is_classed_by_its_status() {
        assert_eq!(error("", 401).class(), Class::LoginNeeded);
        assert_eq!(error("", 404).class(), Class::NotFound);
        assert_eq!(error("", 503).class(), Class::Unavailable);
        assert_eq!(error("", 418).class(), Class::Unexpected);
    }

    #[test]
    fn what_was_never_sent_cannot_have_happened() {
        let refused = || io::Error::from(io::ErrorKind::ConnectionRefused);
        let url = || "http://localhost:1".to_owned();
        assert!(!ClientError::Unreachable { url: url(), source: refused().into() }.may_have_happened());
        assert!(ClientError::Lost { url: url(), source: refused().into() }.may_have_happened());
        assert!(ClientError::TimedOut { url: url(), after: Duration::ZERO }.may_have_happened());
    }

    #[test]
    fn an_error_reads_as_its_message_and_its_code() {
        assert_eq!(error("S0301", 404).to_string(), "it is so (S0301)");
        assert_eq!(error("", 404).to_string(), "it is so");
    }
}
