//! Errors across the boundary: what ended a call, what a guest answered instead, and what the
//! Star answers to a guest.

use std::time::Duration;

use star_core::ports::mechtron::MechtronSpec;
use star_wire::{ErrorCode, StarError};

use crate::host::bindings::exports::starlane::mechtron::handler::Failure;
use crate::host::bindings::starlane::mechtron::types::{Error, Reason};
use crate::limits;
use crate::text::tame;

/// What ended a call that did not end by itself.
#[derive(Debug)]
pub(crate) enum Ended {
    /// It used up its time on the processor.
    OutOfExec,
    /// It used up the time that the bind gives it to answer.
    OutOfRespond,
    /// The caller does not wait any longer.
    OutOfPatience,
    /// It wanted more memory than it may have, and failed for want of it.
    OutOfMemory,
    /// It failed.
    Trapped(wasmtime::Error),
}

impl Ended {
    /// The error that the caller gets.
    pub(crate) fn into_error(self, spec: &MechtronSpec) -> StarError {
        let limits = &spec.limits;
        match self {
            Ended::OutOfExec => {
                let message = format!(
                    "the mechtron was stopped: it used more than {} ms of processor time",
                    limits.exec.as_millis()
                );
                StarError::new(ErrorCode::MechtronTimeout, message)
                    .hint("mend the mechtron, or raise `limits.exec_ms` in its bind")
            }
            Ended::OutOfRespond => {
                let message =
                    format!("the mechtron was stopped: it did not answer within {} ms", limits.respond.as_millis());
                StarError::new(ErrorCode::MechtronTimeout, message)
                    .hint("mend the mechtron, or raise `limits.respond_ms` in its bind")
            }
            Ended::OutOfPatience => StarError::new(
                ErrorCode::TimedOut,
                "the mechtron did not answer before the caller's deadline and was stopped",
            ),
            Ended::OutOfMemory => {
                let message =
                    format!("the mechtron was stopped: it needs more than {} bytes of memory", limits.memory_bytes);
                StarError::new(ErrorCode::MechtronMemory, message)
                    .hint("mend the mechtron, or raise `limits.memory` in its bind")
            }
            Ended::Trapped(error) => StarError::new(
                ErrorCode::MechtronTrapped,
                format!("the mechtron stopped with a fault: {}", fault(&error)),
            )
            .hint("its log says more"),
        }
        .at(&spec.path)
    }
}

/// The innermost reason, which is the one that names the fault.
fn fault(error: &wasmtime::Error) -> String {
    if let Some(exit) = error.downcast_ref::<wasmtime_wasi::I32Exit>() {
        return format!("it exited with code {}", exit.0);
    }
    match error.downcast_ref::<wasmtime::Trap>() {
        Some(wasmtime::Trap::StackOverflow) => "its recursion is too deep".into(),
        Some(wasmtime::Trap::UnreachableCodeReached) => "it panicked or gave up".into(),
        Some(trap) => trap.to_string(),
        None => tame(&error.root_cause().to_string(), limits::GUEST_ERROR_BYTES),
    }
}

/// What a mechtron answered instead of a reply, as the caller gets it.
pub(crate) fn from_guest(failure: Failure, method: &str, spec: &MechtronSpec) -> StarError {
    let say = |text: &str| tame(text, limits::GUEST_ERROR_BYTES);
    match failure {
        Failure::UnknownMethod => {
            StarError::new(ErrorCode::UnsupportedMethod, format!("the mechtron has no method `{method}`"))
        }
        Failure::Invalid(text) => StarError::new(ErrorCode::InvalidMessage, say(&text)),
        Failure::Busy(ms) => {
            let time = Duration::from_millis(u64::from(ms));
            StarError::new(ErrorCode::Busy, "the mechtron is busy").retry_after(time)
        }
        Failure::Failed(text) => StarError::new(ErrorCode::MechtronRejected, say(&text)),
        Failure::Because(error) => because(error),
    }
    .at(&spec.path)
}

/// An error that the mechtron passed on. Only its own refusals choose the code; what the Star
/// once said to it might be forged, and stays a cause. A missing grant keeps its code and hint,
/// because whoever calls is likely to be the one who can add the line.
fn because(error: Error) -> StarError {
    let message = tame(&error.message, limits::GUEST_ERROR_BYTES);
    let hint = error.hint.map(|hint| tame(&hint, limits::GUEST_ERROR_BYTES));
    let said = ErrorCode::parse(&error.code);
    let made = match (said, error.reason) {
        (Some(ErrorCode::CallNotGranted), _) => StarError::new(ErrorCode::CallNotGranted, message),
        (Some(code), _) => {
            let at =
                error.path.map(|path| format!(" at {}", tame(&path, limits::GUEST_ERROR_BYTES))).unwrap_or_default();
            StarError::new(ErrorCode::MechtronRejected, "a call of the mechtron failed")
                .with_causes([format!("{message}{at} ({code})")])
        }
        (None, Reason::NotFound) => StarError::new(ErrorCode::NotFound, message),
        (None, Reason::Denied) => StarError::new(ErrorCode::Denied, message),
        (None, Reason::Invalid) => StarError::new(ErrorCode::InvalidMessage, message),
        (None, Reason::Conflict) => StarError::new(ErrorCode::PreconditionFailed, message),
        (None, Reason::TooLarge) => StarError::new(ErrorCode::TooLarge, message),
        (None, Reason::Busy) => StarError::new(ErrorCode::Busy, message).retry_after(limits::BUSY_RETRY),
        (None, Reason::TimedOut | Reason::Unavailable | Reason::LoopDetected | Reason::Failed) => {
            StarError::new(ErrorCode::MechtronRejected, message)
        }
    };
    match hint {
        Some(hint) => made.hint(hint),
        None => made,
    }
}

/// What the Star answers to a call of a mechtron.
pub(crate) fn to_guest(error: StarError) -> Error {
    let hint = error.hint_text().map(ToOwned::to_owned);
    Error {
        reason: reason(error.code()),
        code: error.code().to_string(),
        message: error.message().to_owned(),
        path: error.path().map(ToString::to_string),
        hint,
    }
}

fn reason(code: ErrorCode) -> Reason {
    use ErrorCode::*;
    match code {
        NotFound | ParentNotFound | VersionNotFound | PropertyNotSet | UnsupportedMethod => Reason::NotFound,
        LoginNeeded | Denied | CallNotGranted => Reason::Denied,
        MalformedPath | UnknownKind | InvalidProperty | InvalidDocument | InvalidRoutes | InvalidMessage
        | InvalidBundle | InvalidComponent | InvalidArgument | RangeNotSatisfiable | UnknownRemote => Reason::Invalid,
        AlreadyExists | VersionExists | PreconditionFailed | NotEmpty | WrongParent | Protected | Contended
        | StaleFence => Reason::Conflict,
        TooLarge | DiskFull => Reason::TooLarge,
        Busy | Locked => Reason::Busy,
        Expired | TimedOut | MechtronTimeout => Reason::TimedOut,
        Unavailable | NotRunning | ConnectionLost => Reason::Unavailable,
        TooManyHops | Reentrant => Reason::LoopDetected,
        _ => Reason::Failed,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(code: &str, reason: Reason) -> Error {
        Error {
            reason,
            code: code.into(),
            message: "no\u{7}".into(),
            path: Some("acme:x".into()),
            hint: Some("add it".into()),
        }
    }

    #[test]
    fn a_missing_grant_reaches_the_caller_with_the_line_to_add() {
        let error = because(said("S0203", Reason::Denied));
        assert_eq!((error.code(), error.hint_text()), (ErrorCode::CallNotGranted, Some("add it")));
    }

    #[test]
    fn a_guest_cannot_speak_with_the_voice_of_the_star() {
        let error = because(said("S0201", Reason::Denied));
        assert_eq!(error.code(), ErrorCode::MechtronRejected);
        assert_eq!(error.causes(), ["no\\u{7} at acme:x (S0201)"]);
        assert_eq!(because(said("", Reason::NotFound)).code(), ErrorCode::NotFound);
        assert_eq!(because(said("nonsense", Reason::Failed)).code(), ErrorCode::MechtronRejected);
    }

    #[test]
    fn what_the_star_says_reaches_a_guest_whole() {
        let path = star_path::ResourcePath::parse("acme:x").expect("a path");
        let error = to_guest(StarError::not_found(&path).hint("look elsewhere"));
        assert_eq!((error.reason, error.code.as_str()), (Reason::NotFound, "S0301"));
        assert_eq!((error.path.as_deref(), error.hint.as_deref()), (Some("acme:x"), Some("look elsewhere")));
    }
}
