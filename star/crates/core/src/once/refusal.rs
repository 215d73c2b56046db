//! What is told to those whose key cannot be used.

use std::time::Duration;

use star_path::ResourcePath;
use star_wire::{ErrorCode, StarError};

use crate::limits;

/// The key came with another request before.
pub(super) fn reused(to: &ResourcePath) -> StarError {
    StarError::new(ErrorCode::KeyReused, "the idempotency key came with another request before")
        .at(to)
        .hint("a fresh key for each request; the same key only to send the very same request again")
}

/// There are as many keys as one caller may have.
pub(super) fn too_many(to: &ResourcePath, what: &str, max: usize, wait: Duration) -> StarError {
    let space = to.space().unwrap_or("ROOT");
    StarError::new(ErrorCode::TooManyKeys, format!("{max} {what} of this caller in {space} are remembered already"))
        .at(to)
        .hint(format!(
            "say with `idempotency-keep` for how many seconds a key is needed: those for at most {} s make room for each other",
            limits::KEY_SHORT.as_secs()
        ))
        .retry_after(wait)
}

/// The first request was cut off, and nobody knows what became of it.
pub(super) fn cut_off(to: &ResourcePath, built_in: bool) -> StarError {
    StarError::new(ErrorCode::ConnectionLost, "the request with this idempotency key was cut off").at(to).hint(
        match built_in {
            true => "send it again with the same key",
            false => "whether it was done is not known: look, and then send it with another key",
        },
    )
}

/// Nobody answered in time.
pub(super) fn late(to: &ResourcePath) -> StarError {
    StarError::new(ErrorCode::TimedOut, format!("{to} did not answer in time"))
        .at(to)
        .hint("the work may have been done: send it again with the same key")
}

/// It was done, and what came of it cannot be told again.
pub(super) fn untold(to: &ResourcePath, why: &str) -> StarError {
    StarError::new(ErrorCode::ConnectionLost, format!("it was done before, {why}"))
        .at(to)
        .hint(format!("star info {to}"))
}

/// The key's row is being swept away.
pub(super) fn swept(to: &ResourcePath) -> StarError {
    StarError::new(ErrorCode::Busy, "the idempotency key has just run out").at(to).retry_after(limits::KEY_RETRY)
}

/// The Star ends.
pub(super) fn ending() -> StarError {
    StarError::new(ErrorCode::Unavailable, "the Star is shutting down")
}
