//! The keys that one caller has in one Space: how many there may be, and which of them go first.
//!
//! Keys that are needed for long are promised to be kept, so what would be one too many of them is
//! refused. Keys for a short time are those of clients that send again by themselves when an answer
//! was lost; there may be very many, and the oldest makes room. Each write takes some that have run
//! out with it, in its own batch, so keys cost no batches of their own where there are writes.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::OnceCell;

use super::identity::{Fingerprint, Identity, ScopeId};
use super::{refusal, row};
use crate::keys;
use crate::limits;
use crate::ports::clock::UnixMillis;
use crate::ports::meta::MetaStore;
use crate::stored;
use star_wire::StarError;

/// The keys of one caller in one Space.
#[derive(Debug, Default)]
pub(super) struct Scope {
    read: OnceCell<()>,
    keys: Mutex<Keys>,
    /// When it was last used, in an order of its own.
    pub(super) used: AtomicU64,
}

#[derive(Debug, Default)]
struct Keys {
    long: Shelf,
    short: Shelf,
}

/// Keys of one sort.
#[derive(Debug, Default)]
struct Shelf {
    /// By the moment at which they run out.
    kept: BTreeSet<(UnixMillis, Fingerprint)>,
    /// Places for keys under way.
    reserved: usize,
}

/// A place for one key, and the keys that go when it comes.
#[derive(Debug)]
pub(super) struct Place {
    short: bool,
    /// What the batch of the new key takes away.
    pub(super) going: Vec<(UnixMillis, Fingerprint, bool)>,
}

impl Keys {
    fn shelf(&mut self, short: bool) -> &mut Shelf {
        if short { &mut self.short } else { &mut self.long }
    }
}

impl Shelf {
    fn count(&self) -> usize {
        self.kept.len() + self.reserved
    }

    fn pop_over(&mut self, now_ms: UnixMillis) -> Option<(UnixMillis, Fingerprint)> {
        let first_is_over = self.kept.first().is_some_and(|(until_ms, _)| *until_ms <= now_ms);
        if first_is_over { self.kept.pop_first() } else { None }
    }
}

impl Scope {
    /// Reads which keys are stored, once.
    pub(super) async fn read(
        &self,
        meta: &Arc<dyn MetaStore>,
        id: &ScopeId,
        identity: &Identity,
    ) -> Result<(), StarError> {
        let reading = async {
            let mut range = keys::once_of(&id.space, &id.caller);
            loop {
                let page = meta.scan(range.clone(), limits::PAGE_MAX).await;
                let page = page.map_err(|error| stored::read_failed(&identity.to, &error))?;
                for (key, found) in &page.rows {
                    let Some(key) = keys::fingerprint_of_once(key) else { continue };
                    let row = row::Row::decode(&found.value)?;
                    self.lock().shelf(row.short).kept.insert((row.until_ms, key));
                }
                match page.next {
                    Some(next) => range.start = next,
                    None => return Ok(()),
                }
            }
        };
        self.read.get_or_try_init(|| reading).await.map(drop)
    }

    /// A place for one more key.
    pub(super) fn place(&self, identity: &Identity, now_ms: UnixMillis) -> Result<Place, StarError> {
        let short = identity.keep <= limits::KEY_SHORT;
        let mut keys = self.lock();
        let mut place = Place { short, going: Vec::new() };
        for sort in [short, !short] {
            while place.going.len() < limits::KEYS_GOING {
                let Some((until_ms, key)) = keys.shelf(sort).pop_over(now_ms) else { break };
                place.going.push((until_ms, key, sort));
            }
        }
        let max = if short { limits::KEYS_SHORT } else { limits::KEYS_LONG };
        let shelf = keys.shelf(short);
        if shelf.count() >= max && short {
            let oldest = shelf.kept.pop_first();
            place.going.extend(oldest.map(|(until_ms, key)| (until_ms, key, short)));
        }
        if shelf.count() >= max {
            let first = shelf.kept.first().map_or(0, |(until_ms, _)| until_ms.saturating_sub(now_ms));
            put_back(&mut keys, &place);
            return Err(refusal::too_many(&identity.to, "idempotency keys", max, Duration::from_millis(first)));
        }
        shelf.reserved += 1;
        Ok(place)
    }

    /// Takes a place, or gives it back when nothing came of it.
    pub(super) fn settle(&self, place: &Place, kept: Option<(UnixMillis, Fingerprint)>) {
        let mut keys = self.lock();
        let shelf = keys.shelf(place.short);
        shelf.reserved = shelf.reserved.saturating_sub(1);
        match kept {
            Some(kept) => drop(shelf.kept.insert(kept)),
            None => put_back(&mut keys, place),
        }
    }

    /// Takes a key that has run out off the shelf, because its row is written over. `false` when
    /// somebody else is about to remove the row.
    pub(super) fn reuse(&self, until_ms: UnixMillis, short: bool, key: Fingerprint) -> bool {
        self.lock().shelf(short).kept.remove(&(until_ms, key))
    }

    /// How many keys it holds in memory.
    pub(super) fn count(&self) -> usize {
        let mut keys = self.lock();
        keys.shelf(true).kept.len() + keys.shelf(false).kept.len()
    }

    pub(super) fn touch(&self, tick: u64) {
        self.used.store(tick, Ordering::Relaxed);
    }

    fn lock(&self) -> MutexGuard<'_, Keys> {
        self.keys.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn put_back(keys: &mut Keys, place: &Place) {
    for (until_ms, key, short) in &place.going {
        keys.shelf(*short).kept.insert((*until_ms, *key));
    }
}

#[cfg(test)]
mod tests {
    use star_path::ResourcePath;
    use star_wire::ErrorCode;

    use super::super::identity::KeyId;
    use super::*;

    fn identity(keep: Duration) -> Identity {
        let scope = ScopeId { space: "acme".into(), caller: [0; 16] };
        let id = KeyId { scope, key: [0; 16] };
        Identity { id, request: [0; 32], keep, to: ResourcePath::parse("acme").unwrap(), built_in: true }
    }

    fn number(number: u64) -> Fingerprint {
        let bytes = number.to_be_bytes();
        std::array::from_fn(|index| if index < 8 { bytes[index] } else { 0 })
    }

    /// Fills a shelf with keys that run out one after the other, from moment 1,000 on.
    fn filled(identity: &Identity, count: usize) -> Scope {
        let scope = Scope::default();
        for at in 0..count as u64 {
            let place = scope.place(identity, 0).unwrap();
            scope.settle(&place, Some((1_000 + at, number(at))));
        }
        scope
    }

    #[test]
    fn a_key_for_long_that_is_one_too_many_is_refused_until_one_has_run_out() {
        let long = identity(limits::KEY_KEPT);
        let scope = filled(&long, limits::KEYS_LONG);
        let refused = scope.place(&long, 999).unwrap_err();
        assert_eq!(refused.code(), ErrorCode::TooManyKeys);
        assert_eq!(refused.retry_after_ms(), Some(1));
        assert_eq!(scope.count(), limits::KEYS_LONG, "who is refused takes nothing away");
        assert_eq!(scope.place(&long, 1_000).unwrap().going, [(1_000, number(0), false)]);
    }

    #[test]
    fn of_keys_for_a_short_time_the_oldest_makes_room() {
        let short = identity(limits::KEY_SHORT);
        let scope = filled(&short, limits::KEYS_SHORT);
        let place = scope.place(&short, 0).unwrap();
        assert_eq!(place.going, [(1_000, number(0), true)]);
        scope.settle(&place, None);
        assert_eq!(scope.count(), limits::KEYS_SHORT, "what came to nothing leaves all as it was");
    }

    #[test]
    fn places_of_requests_under_way_count() {
        let long = identity(limits::KEY_KEPT);
        let scope = filled(&long, limits::KEYS_LONG - 1);
        let place = scope.place(&long, 0).unwrap();
        assert!(scope.place(&long, 0).is_err());
        scope.settle(&place, None);
        assert!(scope.place(&long, 0).is_ok());
    }

    #[test]
    fn a_write_takes_a_few_keys_with_it_that_have_run_out_of_either_sort() {
        let scope = filled(&identity(limits::KEY_SHORT), 3);
        let place = scope.place(&identity(limits::KEY_KEPT), 5_000).unwrap();
        assert_eq!(place.going.len(), 3);
        scope.settle(&place, Some((9_000, number(9))));
        assert_eq!(scope.count(), 1);
    }
}
