//! What is told to those whom a lock keeps out.

use star_path::ResourcePath;
use star_wire::{ErrorCode, StarError};

use super::lease::{Refused, told};
use crate::limits;

/// The error for what stands in the way of a lock, or of a write.
pub(crate) fn of(path: &ResourcePath, refused: &Refused) -> StarError {
    match refused {
        Refused::HeldBy { holder, remaining, note } => {
            let why = if note.is_empty() { String::new() } else { format!(" ({note})") };
            let seconds = remaining.as_secs_f32();
            let message = format!("{path} is locked by {} for another {seconds:.1} s{why}", told(holder));
            StarError::new(ErrorCode::Locked, message)
                .at(path)
                .hint(format!(
                    "wait for it: star with-lock {path} --wait 1m -- COMMAND; the owner may take it: star lock {path} --steal"
                ))
                .retry_after(*remaining)
        }
        Refused::NoSuchTtl => {
            let (min, max) = (limits::LOCK_TTL_MIN.as_millis(), limits::LOCK_TTL_MAX.as_secs());
            StarError::new(ErrorCode::InvalidArgument, format!("a lock lasts from {min} ms to {max} s"))
                .at(path)
                .hint("`star with-lock` renews it for as long as it is needed")
        }
        Refused::Lost { token, now } => {
            let now = match now {
                Some(holder) => format!("{} holds the lock now", told(holder)),
                None => "nobody holds it now".to_owned(),
            };
            StarError::new(ErrorCode::StaleFence, format!("the token {token} is not that of the lock of {path}: {now}"))
                .at(path)
                .hint("what was read under the former lock may have changed: take the lock again, read again, write again")
        }
        Refused::NotYours { holder } => {
            StarError::new(ErrorCode::Denied, format!("the lock of {path} is that of {}", told(holder)))
                .at(path)
                .hint(format!("the owner of the resource may take it: star lock {path} --steal"))
        }
    }
}
