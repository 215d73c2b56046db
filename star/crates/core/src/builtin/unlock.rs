//! Giving the lock of a resource back.

use star_wire::{Reply, StarError};

use super::lock::check_path;
use crate::behaviour::ActorContext;
use crate::command::{Command, Unlock, Unlocked};
use crate::gate::Permit;
use crate::limits;
use crate::lock::held;
use crate::lock::lease::Lease;
use crate::lock::{guard, refusal};
use crate::once::OPEN;
use crate::stored::{self, Change};

pub(crate) async fn unlock(context: &ActorContext, permit: &Permit) -> Result<Reply, StarError> {
    let Unlock { token } = Unlock::of(permit.envelope())?;
    let path = &permit.envelope().to;
    check_path(path)?;
    let ports = &context.tree.ports;
    for _ in 0..limits::COMMIT_ATTEMPTS {
        let target = stored::require(&ports.meta, path).await?;
        let current = held::load(&ports.meta, path).await?;
        let agent = permit.authority().agent();
        Lease::release(current.as_ref(), token, &agent).map_err(|refused| refusal::of(path, &refused))?;

        let mut change = Change::of(path, ports.clock.now_ms());
        held::only_if_as_seen(&mut change, path, current.as_ref());
        held::free(&mut change, path);
        if let Some(held) = &current {
            change.tell(&guard::unlocked(path, target.record.kind, permit, held).with("how", "released"))?;
        }
        change.remember::<Unlock>(permit, &Unlocked { revision: OPEN })?;
        if let Some(committed) = change.commit(&ports.meta).await? {
            return Unlock::reply(&Unlocked { revision: committed.revision });
        }
    }
    Err(stored::contended(path))
}
