//! Waiting for a lock: beside the actor, which answers others meanwhile.
//!
//! Whoever waits follows the log and asks again when the lock was given back, or when it should
//! have run out. Who comes first then is chance.

use std::sync::Arc;
use std::time::Duration;

use star_path::ResourcePath;
use star_wire::{Deadline, ErrorCode, StarError};
use tokio::time::Instant;

use super::held::Held;
use crate::command::{Command, Lock};
use crate::event::{Event, EventType};
use crate::gate::Authority;
use crate::limits;
use crate::once::{IdempotencyKey, keyed};
use crate::tree::Tree;
use crate::watch::{Filter, WatchItem, Watcher};

impl Tree {
    /// Takes a lock in somebody's name, and waits at most `wait`, and at most
    /// [`limits::LOCK_WAIT`], while somebody else holds it. Each of the requests on the way has
    /// until `deadline`.
    ///
    /// Dropping the future stops the waiting; a request that is on its way may still take the
    /// lock, which then runs out.
    ///
    /// # Errors
    /// `Locked` when it is held and `wait` is zero, `Expired` when it is held until the end of it.
    pub async fn lock(
        self: &Arc<Self>,
        authority: &Arc<Authority>,
        path: &ResourcePath,
        command: &Lock,
        key: Option<&IdempotencyKey>,
        wait: Duration,
        deadline: Deadline,
    ) -> Result<Held, StarError> {
        // From before the first look, so that no release falls in between.
        let mut watcher = Watcher::from_now(&self.log, Filter::everything().only(can_free));
        let until = Instant::now() + wait.min(limits::LOCK_WAIT);
        loop {
            let permit =
                self.gate.admit(authority, keyed(command.envelope(path)?, key).with_deadline(deadline)).await?;
            let error = match self.ask(permit).await {
                Ok(reply) => return Lock::answer(&reply),
                Err(error) => error,
            };
            if wait.is_zero() || !may_pass(&error) {
                return Err(error);
            }
            if Instant::now() >= until {
                return Err(in_vain(path, &error));
            }
            pause(&mut watcher, path, &error, until).await?;
        }
    }
}

/// Events of other types free no lock.
fn can_free(event: &Event) -> bool {
    matches!(event.what, EventType::Unlocked | EventType::Deleted)
}

/// Whether what stands in the way goes away by itself.
fn may_pass(error: &StarError) -> bool {
    matches!(error.code(), ErrorCode::Locked | ErrorCode::Contended | ErrorCode::Busy | ErrorCode::NotRunning)
}

/// Waits until it is worth looking again, at most until `until`.
async fn pause(watcher: &mut Watcher, path: &ResourcePath, error: &StarError, until: Instant) -> Result<(), StarError> {
    let retry = Duration::from_millis(error.retry_after_ms().unwrap_or_default().into());
    let retry = Instant::now() + retry.clamp(limits::LOCK_LOOK_MIN, limits::LOCK_LOOK);
    let look = tokio::time::sleep_until(retry.min(until));
    if error.code() != ErrorCode::Locked {
        look.await;
        return Ok(());
    }
    tokio::select! {
        () = look => Ok(()),
        freed = freed(watcher, path) => freed,
    }
}

/// Waits until a lock was given back, or its resource is gone.
async fn freed(watcher: &mut Watcher, path: &ResourcePath) -> Result<(), StarError> {
    loop {
        match watcher.next().await? {
            WatchItem::Event(_, happened) => {
                let event = &happened.event;
                let concerned = match event.what {
                    EventType::Unlocked => event.path == *path,
                    EventType::Deleted => path.is_within(&event.path),
                    _ => false,
                };
                if concerned {
                    return Ok(());
                }
            }
            WatchItem::Gap { .. } => return Ok(()),
            WatchItem::Progress(_) => {}
        }
    }
}

fn in_vain(path: &ResourcePath, error: &StarError) -> StarError {
    let told = StarError::new(ErrorCode::Expired, format!("waited in vain: {}", error.message())).at(path);
    match error.hint_text() {
        Some(hint) => told.hint(hint),
        None => told,
    }
}
