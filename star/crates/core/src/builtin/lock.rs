//! Taking, renewing and stealing the lock of a resource.

use std::time::Duration;

use star_path::ResourcePath;
use star_wire::{ErrorCode, Reply, StarError};

use crate::behaviour::ActorContext;
use crate::command::{Claim, Command, Lock};
use crate::event::{Event, EventType};
use crate::gate::Permit;
use crate::keys;
use crate::limits;
use crate::lock::fence::guardian;
use crate::lock::held::{self, Held};
use crate::lock::lease::{Holder, Lease, Taken, Terms, told};
use crate::lock::refusal;
use crate::once::{Answer, OPEN};
use crate::ports::clock::UnixMillis;
use crate::ports::meta::Precondition;
use crate::record::Resource;
use crate::stored::{self, Change};

pub(crate) async fn lock(context: &ActorContext, permit: &Permit) -> Result<Reply, StarError> {
    let command = Lock::of(permit.envelope())?;
    let path = &permit.envelope().to;
    check(path, &command)?;
    let ports = &context.tree.ports;
    for _ in 0..limits::COMMIT_ATTEMPTS {
        let target = stored::require(&ports.meta, path).await?;
        let before = held::load(&ports.meta, path).await?;
        let now_ms = ports.clock.now_ms();
        let taken = decided(permit, &command, &target, before.as_ref(), now_ms)?;

        let mut change = Change::of(path, now_ms);
        change.only_if(Precondition::Present(keys::record(path)));
        held::only_if_as_seen(&mut change, path, before.as_ref());
        match &taken {
            Taken::Renewed(lease) => held::renew(&mut change, path, lease)?,
            Taken::Passed(lease) => {
                held::pass(&mut change, path, lease)?;
                change.tell(&passed(permit, &target, lease, before.as_ref(), now_ms))?;
            }
        }
        let mut held = match (taken, before) {
            (Taken::Renewed(lease), Some(before)) => Held { lease, token: before.token, written: OPEN },
            (Taken::Passed(lease) | Taken::Renewed(lease), _) => Held { lease, token: OPEN, written: OPEN },
        };
        change.remember::<Lock>(permit, &held)?;
        let Some(committed) = change.commit(&ports.meta).await? else { continue };
        held.close(committed.revision);
        return Lock::reply(&held);
    }
    Err(stored::contended(path))
}

/// Refuses what has no lock of its own, before anybody believes to hold one that guards nothing.
pub(super) fn check_path(path: &ResourcePath) -> Result<(), StarError> {
    let by = guardian(path);
    if path.is_root() {
        return Err(StarError::new(ErrorCode::Protected, "ROOT has no lock: what is made below it belongs to others")
            .at(path)
            .hint("lock a Space, or what is in it"));
    }
    if by != *path {
        let message = format!("{path} has no lock of its own: that of {by} guards it");
        return Err(StarError::new(ErrorCode::InvalidArgument, message).at(path).hint(format!("star lock {by}")));
    }
    Ok(())
}

fn check(path: &ResourcePath, command: &Lock) -> Result<(), StarError> {
    check_path(path)?;
    let too_long = |what: &str, max: usize| {
        StarError::new(ErrorCode::TooLarge, format!("{what} of a lock has at most {max} bytes")).at(path)
    };
    match &command.claim {
        Claim::IfFree(id) | Claim::Steal(id) if id.len() > limits::LOCK_HOLDER_BYTES => {
            Err(too_long("the holder", limits::LOCK_HOLDER_BYTES))
        }
        _ if command.note.len() > limits::LOCK_NOTE_BYTES => Err(too_long("the note", limits::LOCK_NOTE_BYTES)),
        _ => Ok(()),
    }
}

fn decided(
    permit: &Permit,
    command: &Lock,
    target: &Resource,
    current: Option<&Held>,
    now_ms: UnixMillis,
) -> Result<Taken, StarError> {
    let agent = permit.authority().agent();
    let ttl = Duration::from_millis(command.ttl_ms);
    let terms = Terms { ttl, note: command.note.clone() };
    let taken = match command.claim.clone() {
        Claim::IfFree(id) => Lease::acquire(current, Holder { agent, id }, terms, now_ms),
        Claim::Steal(_) if !permit.authority().owns(&target.record.owner) => {
            let message = format!("only the owner of {} may take its lock from others", target.path);
            return Err(StarError::new(ErrorCode::Denied, message)
                .at(&target.path)
                .hint(format!("it is owned by {}", target.record.owner)));
        }
        Claim::Steal(id) => Lease::steal(current, Holder { agent, id }, terms, now_ms),
        Claim::Renew(token) => Lease::renew(current, token, &agent, ttl, now_ms).map(Taken::Renewed),
    };
    taken.map_err(|refused| refusal::of(&target.path, &refused))
}

/// The event of a lock that passes to a holder. Its revision is the token.
fn passed(permit: &Permit, target: &Resource, lease: &Lease, before: Option<&Held>, now_ms: UnixMillis) -> Event {
    let stolen = before.is_some_and(|held| !held.lease.is_over(now_ms));
    let what = if stolen { EventType::LockStolen } else { EventType::Locked };
    let mut event = Event::new(what, &target.path, target.record.kind, &permit.authority().agent())
        .with("ttl_ms", lease.ttl_ms.to_string());
    if !lease.note.is_empty() {
        event = event.with("note", lease.note.as_str());
    }
    match before {
        Some(held) => event.with("before", told(&held.lease.holder.agent)),
        None => event,
    }
}
