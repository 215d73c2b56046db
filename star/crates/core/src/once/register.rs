//! What a Star knows of keys besides their rows: who is under way, and what no batch keeps.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use star_wire::{Reply, StarError};

use super::attempt::{Attempt, Pending};
use super::identity::{Identity, KeyId, ScopeId};
use super::refusal;
use super::scope::Scope;
use super::window::Window;
use crate::limits;
use crate::ports::clock::{Clock, UnixMillis};

/// The keys of a Star.
pub(crate) struct Register {
    clock: Arc<dyn Clock>,
    pending: Mutex<HashMap<KeyId, Arc<Pending>>>,
    window: Mutex<Window>,
    scopes: Mutex<HashMap<ScopeId, Arc<Scope>>>,
    tick: AtomicU64,
}

/// The place of a request among those with the same key.
pub(super) enum Turn {
    /// It is the only one, and does it.
    First(Arc<Attempt>),
    /// Another one is under way.
    Later(Arc<Pending>),
}

impl Register {
    pub(crate) fn new(clock: &Arc<dyn Clock>) -> Arc<Register> {
        Arc::new(Register {
            clock: Arc::clone(clock),
            pending: Mutex::default(),
            window: Mutex::default(),
            scopes: Mutex::default(),
            tick: AtomicU64::new(0),
        })
    }

    /// The turn of a request.
    ///
    /// # Errors
    /// `KeyReused` when another request is under way with its key.
    pub(super) fn turn(self: &Arc<Self>, identity: Identity) -> Result<Turn, StarError> {
        match lock(&self.pending).entry(identity.id.clone()) {
            Entry::Occupied(other) if other.get().identity.request != identity.request => {
                Err(refusal::reused(&identity.to))
            }
            Entry::Occupied(other) => Ok(Turn::Later(Arc::clone(other.get()))),
            Entry::Vacant(place) => {
                let pending = place.insert(Arc::new(Pending::of(identity)));
                Ok(Turn::First(Arc::new(Attempt::of(pending, self))))
            }
        }
    }

    /// Ends the turn of a request.
    pub(super) fn end(&self, pending: &Arc<Pending>, outcome: Result<Reply, StarError>, remember: bool) {
        // Remembered first, so that nobody who comes in between finds nothing.
        if remember {
            lock(&self.window).put(&pending.identity, outcome.clone(), self.now_ms());
        }
        lock(&self.pending).remove(&pending.identity.id);
        pending.tell(outcome);
    }

    /// What memory tells of a request.
    ///
    /// # Errors
    /// `KeyReused` when its key came with another one.
    pub(super) fn recall(&self, identity: &Identity) -> Result<Option<Result<Reply, StarError>>, StarError> {
        match lock(&self.window).find(&identity.id, self.now_ms()) {
            Some(found) if found.request != identity.request => Err(refusal::reused(&identity.to)),
            Some(found) => Ok(Some(found.outcome.clone())),
            None => Ok(None),
        }
    }

    /// Refuses a request whose outcome memory would have no room for.
    pub(super) fn check_room(&self, identity: &Identity) -> Result<(), StarError> {
        match identity.built_in {
            true => Ok(()),
            false => lock(&self.window).check_room(identity, self.now_ms()),
        }
    }

    /// The keys of a caller in a Space.
    pub(super) fn scope(&self, id: &ScopeId) -> Arc<Scope> {
        let mut scopes = lock(&self.scopes);
        let scope = match scopes.get(id) {
            Some(scope) => Arc::clone(scope),
            None => {
                make_room(&mut scopes);
                Arc::clone(scopes.entry(id.clone()).or_default())
            }
        };
        scope.touch(self.tick.fetch_add(1, Ordering::Relaxed));
        scope
    }

    /// How many requests under a key are under way.
    pub(crate) fn under_way(&self) -> usize {
        lock(&self.pending).len()
    }

    pub(super) fn now_ms(&self) -> UnixMillis {
        self.clock.now_ms()
    }
}

/// Forgets callers that were not there for longest; their rows are read again when they come back.
fn make_room(scopes: &mut HashMap<ScopeId, Arc<Scope>>) {
    let weight = |scope: &Arc<Scope>| scope.count() + limits::SCOPE_KEYS;
    let mut held: usize = scopes.values().map(weight).sum();
    if held < limits::KEYS_IN_MEMORY {
        return;
    }
    let mut unused: Vec<_> = scopes
        .iter()
        // One that is used counts places that are not stored anywhere.
        .filter(|(_, scope)| Arc::strong_count(scope) == 1)
        .map(|(id, scope)| (scope.used.load(Ordering::Relaxed), id.clone(), weight(scope)))
        .collect();
    unused.sort_unstable_by_key(|(used, ..)| *used);
    for (_, id, weight) in unused {
        if held < limits::KEYS_IN_MEMORY / 2 {
            break;
        }
        scopes.remove(&id);
        held -= weight;
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
