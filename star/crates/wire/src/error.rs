//! The one error of the project: a stable code, words for people, and what to do next.

use std::fmt;

use serde::{Deserialize, Serialize};
use star_path::ResourcePath;

use crate::limits;

/// Whether what was asked for happened, as far as the sender of an error can tell.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// It did not happen. Safe to try again where that makes sense.
    Rejected,
    /// It may have happened. Look, or retry with an idempotency key only.
    Unknown,
}

macro_rules! codes {
    ($($(#[doc = $doc:literal])* $name:ident = $number:literal, $retry:ident;)*) => {
        /// What went wrong, one code per meaning. The numbers never change.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
        #[non_exhaustive]
        pub enum ErrorCode {
            $($(#[doc = $doc])* $name,)*
        }

        impl ErrorCode {
            /// Every code there is, in the order of their numbers.
            pub const ALL: &[ErrorCode] = &[$(ErrorCode::$name),*];

            /// The number behind the `S`.
            pub fn number(self) -> u16 {
                match self { $(ErrorCode::$name => $number,)* }
            }

            /// The name, as in this list.
            pub fn name(self) -> &'static str {
                match self { $(ErrorCode::$name => stringify!($name),)* }
            }

            /// What the code means, in a sentence.
            pub fn meaning(self) -> &'static str {
                match self { $(ErrorCode::$name => concat!($($doc),*).trim_ascii(),)* }
            }

            /// Whether trying the same again later can help.
            pub fn is_retryable(self) -> bool {
                match self { $(ErrorCode::$name => retryable!($retry),)* }
            }
        }
    };
}

macro_rules! retryable {
    (later) => {
        true
    };
    (never) => {
        false
    };
}

codes! {
    /// A fault of Starlane itself.
    Internal = 100, never;
    /// The text is no path.
    MalformedPath = 101, never;
    /// There is no such kind.
    UnknownKind = 102, never;
    /// The kind has no such property, or the value does not fit it.
    InvalidProperty = 103, never;
    /// A document (`bundle.yaml`, `app.yaml` and so on) is not valid.
    InvalidDocument = 104, never;
    /// The routes are not valid.
    InvalidRoutes = 105, never;
    /// The body of a message is not what the receiver accepts.
    InvalidMessage = 106, never;
    /// The resource does not understand this method.
    UnsupportedMethod = 107, never;
    /// The bundle is not valid.
    InvalidBundle = 108, never;
    /// The component cannot be used as a mechtron.
    InvalidComponent = 109, never;
    /// An argument of a request is not valid.
    InvalidArgument = 110, never;
    /// The range asked for lies outside of the content.
    RangeNotSatisfiable = 111, never;
    /// The bytes that came are not those that were announced, or were cut off.
    IncompleteUpload = 112, later;
    /// A Space may not be addressed like this from here.
    UnknownRemote = 113, never;
    /// The version of the API that was asked for is not spoken here.
    UnsupportedVersion = 114, never;
    /// The body of a request is of a type that is not read here.
    UnsupportedMediaType = 115, never;
    /// No credentials came, or they are not valid.
    LoginNeeded = 201, never;
    /// The agent may not do this.
    Denied = 202, never;
    /// The mechtron's bind does not grant this call.
    CallNotGranted = 203, never;
    /// There is no such resource, or the agent may not know of it.
    NotFound = 301, never;
    /// The parent of the resource does not exist.
    ParentNotFound = 302, never;
    /// The series has no version that fits.
    VersionNotFound = 303, never;
    /// The property is not set.
    PropertyNotSet = 304, never;
    /// The resource exists already.
    AlreadyExists = 401, never;
    /// The version exists already, and versions never change.
    VersionExists = 402, never;
    /// The resource is not in the state that the request expects.
    PreconditionFailed = 403, never;
    /// The resource has children.
    NotEmpty = 404, never;
    /// The parent may not hold this kind.
    WrongParent = 405, never;
    /// The resource is needed by Starlane itself.
    Protected = 406, never;
    /// Too many others changed the same thing at the same time.
    Contended = 407, later;
    /// Somebody else holds the lock that guards the resource.
    Locked = 408, later;
    /// The fencing token is not that of the lock: it passed on, or was given back.
    StaleFence = 409, never;
    /// The idempotency key came with another request before.
    KeyReused = 410, never;
    /// Something is longer or larger than allowed.
    TooLarge = 501, never;
    /// The receiver has too much to do.
    Busy = 502, later;
    /// The disk is full.
    DiskFull = 503, later;
    /// The deadline passed before the work began.
    Expired = 504, later;
    /// The message was passed on too often.
    TooManyHops = 505, never;
    /// The call leads back to a resource that waits for it.
    Reentrant = 506, never;
    /// The caller has as many idempotency keys remembered as it may.
    TooManyKeys = 507, later;
    /// The answer did not come in time; the work may have been done.
    TimedOut = 601, later;
    /// The Star cannot be reached or is shutting down.
    Unavailable = 602, later;
    /// The resource does not take requests in its present state.
    NotRunning = 603, later;
    /// The connection was lost before the answer; the work may have been done.
    ConnectionLost = 604, later;
    /// The mechtron stopped with a fault of its own.
    MechtronTrapped = 701, never;
    /// The mechtron took longer than its bind allows.
    MechtronTimeout = 702, never;
    /// The mechtron used more memory than its bind allows.
    MechtronMemory = 703, never;
    /// The mechtron refused the request.
    MechtronRejected = 704, never;
    /// The mechtron's answer is not what its bind promises.
    MechtronReplyInvalid = 705, never;
    /// The resource's own handler failed; its status says how.
    Panicked = 706, never;
    /// Bytes on disk are not what was written.
    Corrupt = 801, never;
    /// The disk failed.
    StorageFailed = 802, later;
}

impl ErrorCode {
    /// The code with this number.
    pub fn from_number(number: u16) -> Option<ErrorCode> {
        ErrorCode::ALL.iter().copied().find(|code| code.number() == number)
    }

    /// The code written like `S0301`.
    pub fn parse(text: &str) -> Option<ErrorCode> {
        let digits = text.strip_prefix('S').filter(|digits| digits.len() == 4)?;
        ErrorCode::from_number(digits.parse().ok()?)
    }

    /// Whether the work may have been done in spite of the error.
    pub fn outcome(self) -> Outcome {
        match self {
            ErrorCode::TimedOut
            | ErrorCode::ConnectionLost
            | ErrorCode::Internal
            | ErrorCode::Panicked
            | ErrorCode::MechtronTrapped
            | ErrorCode::MechtronTimeout
            | ErrorCode::MechtronMemory
            | ErrorCode::MechtronReplyInvalid => Outcome::Unknown,
            _ => Outcome::Rejected,
        }
    }
}

impl fmt::Display for ErrorCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "S{:04}", self.number())
    }
}

impl Serialize for ErrorCode {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_u16(self.number())
    }
}

impl<'de> Deserialize<'de> for ErrorCode {
    /// A number that this release does not know reads as [`ErrorCode::Internal`]: an error of a
    /// newer Star is still an error.
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<ErrorCode, D::Error> {
        u16::deserialize(deserializer).map(|number| ErrorCode::from_number(number).unwrap_or(ErrorCode::Internal))
    }
}

/// An error as it reaches whoever asked, the same over every way out.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StarError(Box<Parts>);

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Parts {
    code: ErrorCode,
    message: String,
    causes: Vec<String>,
    path: Option<ResourcePath>,
    hint: Option<String>,
    excerpt: Option<String>,
    retry_after_ms: Option<u32>,
}

impl StarError {
    /// An error with a message: a lower-case fragment that names what is wrong.
    pub fn new(code: ErrorCode, message: impl Into<String>) -> StarError {
        StarError(Box::new(Parts {
            code,
            message: message.into(),
            causes: Vec::new(),
            path: None,
            hint: None,
            excerpt: None,
            retry_after_ms: None,
        }))
    }

    /// The error for a resource that is not there, or may not be known to be.
    pub fn not_found(path: &ResourcePath) -> StarError {
        StarError::new(ErrorCode::NotFound, format!("there is no resource {path}")).at(path)
    }

    /// The same, about this resource.
    #[must_use]
    pub fn at(mut self, path: &ResourcePath) -> StarError {
        self.0.path = Some(path.clone());
        self
    }

    /// The same, with what to do about it.
    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> StarError {
        self.0.hint = Some(hint.into());
        self
    }

    /// The same, with the text that is wrong and a caret under the place.
    #[must_use]
    pub fn excerpt(mut self, excerpt: impl Into<String>) -> StarError {
        self.0.excerpt = Some(excerpt.into());
        self
    }

    /// The same, with the reason behind it and the reasons behind that.
    #[must_use]
    pub fn because(mut self, source: &(dyn std::error::Error + 'static)) -> StarError {
        let mut next = Some(source);
        while let Some(cause) = next.filter(|_| self.0.causes.len() < limits::CAUSES) {
            self.0.causes.push(cause.to_string());
            next = cause.source();
        }
        self
    }

    /// The same, with the reasons in words, nearest first.
    #[must_use]
    pub fn with_causes(mut self, causes: impl IntoIterator<Item = String>) -> StarError {
        self.0.causes.extend(causes.into_iter().take(limits::CAUSES));
        self
    }

    /// The same, saying when to try again.
    #[must_use]
    pub fn retry_after(mut self, time: std::time::Duration) -> StarError {
        self.0.retry_after_ms = Some(u32::try_from(time.as_millis()).unwrap_or(u32::MAX));
        self
    }

    /// The code.
    pub fn code(&self) -> ErrorCode {
        self.0.code
    }

    /// What is wrong.
    pub fn message(&self) -> &str {
        &self.0.message
    }

    /// Why, nearest first.
    pub fn causes(&self) -> &[String] {
        &self.0.causes
    }

    /// The resource it is about.
    pub fn path(&self) -> Option<&ResourcePath> {
        self.0.path.as_ref()
    }

    /// What to do about it.
    pub fn hint_text(&self) -> Option<&str> {
        self.0.hint.as_deref()
    }

    /// The text that is wrong, with a caret.
    pub fn excerpt_text(&self) -> Option<&str> {
        self.0.excerpt.as_deref()
    }

    /// After how many milliseconds to try again.
    pub fn retry_after_ms(&self) -> Option<u32> {
        self.0.retry_after_ms
    }
}

impl fmt::Display for StarError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({})", self.0.message, self.0.code)
    }
}

impl fmt::Debug for StarError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl std::error::Error for StarError {}

impl From<star_path::PathError> for StarError {
    fn from(error: star_path::PathError) -> StarError {
        let excerpt = error.excerpt();
        let suggestion = error.suggestion.clone();
        let base = StarError::new(ErrorCode::MalformedPath, error.to_string()).excerpt(excerpt);
        match suggestion {
            Some(suggestion) => base.hint(suggestion),
            None => base,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_are_unique_ordered_and_read_back_from_their_text() {
        for pair in ErrorCode::ALL.windows(2) {
            assert!(pair[0].number() < pair[1].number(), "{pair:?}");
        }
        for code in ErrorCode::ALL {
            assert_eq!(ErrorCode::parse(&code.to_string()), Some(*code));
            assert!(code.meaning().ends_with('.'), "{code:?}");
        }
        assert_eq!(ErrorCode::parse("S9999"), None);
        assert_eq!(ErrorCode::parse("301"), None);
    }

    #[test]
    fn the_causes_of_an_error_are_its_chain_of_sources() {
        let source = crate::codec::decode::<u64>(1, &[1, 1, 0]).unwrap_err();
        let error = StarError::new(ErrorCode::Corrupt, "the record cannot be read").because(&source);
        assert_eq!(error.causes()[0], "the value cannot be read");
        assert!(error.causes().len() >= 2);
    }
}
