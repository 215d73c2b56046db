//! Outcomes that no batch keeps, remembered in memory for a short while.
//!
//! What a caller was promised is not pushed out by others: where there is no room, the next key is
//! refused before anything is done under it.

use std::collections::{HashMap, VecDeque};
use std::time::Duration;

use star_wire::{Reply, StarError};

use super::identity::{Identity, KeyId, ScopeId};
use super::refusal;
use crate::limits;
use crate::ports::clock::UnixMillis;

/// The outcomes.
#[derive(Debug, Default)]
pub(super) struct Window {
    outcomes: HashMap<KeyId, Remembered>,
    /// The keys in the order in which they run out.
    order: VecDeque<(UnixMillis, KeyId)>,
    counts: HashMap<ScopeId, usize>,
    bytes: usize,
}

/// One outcome.
#[derive(Debug, Clone)]
pub(super) struct Remembered {
    pub(super) request: [u8; 32],
    pub(super) outcome: Result<Reply, StarError>,
}

impl Window {
    /// The outcome under a key.
    pub(super) fn find(&mut self, id: &KeyId, now_ms: UnixMillis) -> Option<&Remembered> {
        self.forget(now_ms);
        self.outcomes.get(id)
    }

    /// Refuses a key whose outcome would find no room.
    pub(super) fn check_room(&mut self, identity: &Identity, now_ms: UnixMillis) -> Result<(), StarError> {
        self.forget(now_ms);
        let count = self.counts.get(&identity.id.scope).copied().unwrap_or_default();
        if count < limits::WINDOW_KEYS && self.bytes < limits::WINDOW_BYTES {
            return Ok(());
        }
        let first_ms = self.order.front().map_or(0, |(until_ms, _)| until_ms.saturating_sub(now_ms));
        Err(refusal::too_many(&identity.to, "answers", count, Duration::from_millis(first_ms)))
    }

    /// Remembers an outcome.
    pub(super) fn put(&mut self, identity: &Identity, outcome: Result<Reply, StarError>, now_ms: UnixMillis) {
        let id = identity.id.clone();
        if self.outcomes.contains_key(&id) {
            // Its clock was set back: the entry runs out as it was going to.
            return;
        }
        self.bytes += weight(&outcome);
        *self.counts.entry(id.scope.clone()).or_insert(0) += 1;
        let until_ms = now_ms.saturating_add(limits::WINDOW.as_millis() as u64);
        self.order.push_back((until_ms, id.clone()));
        self.outcomes.insert(id, Remembered { request: identity.request, outcome });
    }

    fn forget(&mut self, now_ms: UnixMillis) {
        while let Some((_, id)) = self.order.pop_front_if(|(until_ms, _)| *until_ms <= now_ms) {
            let Some(gone) = self.outcomes.remove(&id) else { continue };
            self.bytes -= weight(&gone.outcome);
            if let Some(count) = self.counts.get_mut(&id.scope) {
                *count -= 1;
                if *count == 0 {
                    self.counts.remove(&id.scope);
                }
            }
        }
    }
}

/// Bytes that an outcome takes, about.
fn weight(outcome: &Result<Reply, StarError>) -> usize {
    let told = match outcome {
        Ok(reply) => {
            reply.body.len() + reply.headers.iter().map(|(name, value)| name.len() + value.len()).sum::<usize>()
        }
        Err(error) => error.message().len() + error.hint_text().unwrap_or_default().len(),
    };
    limits::WINDOW_ENTRY_BYTES + told
}

#[cfg(test)]
mod tests {
    use star_path::ResourcePath;
    use star_wire::ErrorCode;

    use super::*;

    fn identity(space: &str, number: usize) -> Identity {
        let bytes = number.to_be_bytes();
        let key = std::array::from_fn(|index| if index < bytes.len() { bytes[index] } else { 0 });
        let id = KeyId { scope: ScopeId { space: space.into(), caller: [0; 16] }, key };
        let to = ResourcePath::parse(space).unwrap();
        Identity { id, request: [7; 32], keep: limits::KEY_KEPT, to, built_in: false }
    }

    #[test]
    fn an_outcome_is_remembered_for_as_long_as_the_window_and_leaves_nothing_behind() {
        let (mut window, identity) = (Window::default(), identity("acme", 1));
        window.put(&identity, Ok(Reply::new("text/plain", "done")), 0);
        let over_ms = limits::WINDOW.as_millis() as u64;
        assert!(window.find(&identity.id, over_ms - 1).is_some());
        assert!(window.find(&identity.id, over_ms).is_none());
        assert_eq!((window.bytes, window.counts.len(), window.order.len()), (0, 0, 0));
    }

    #[test]
    fn one_that_floods_is_refused_and_pushes_nobody_out() {
        let mut window = Window::default();
        for number in 0..limits::WINDOW_KEYS {
            window.check_room(&identity("acme", number), 0).unwrap();
            window.put(&identity("acme", number), Ok(Reply::empty()), 0);
        }
        let refused = window.check_room(&identity("acme", usize::MAX), 0).unwrap_err();
        assert_eq!(refused.code(), ErrorCode::TooManyKeys);
        assert!(window.check_room(&identity("other", 0), 0).is_ok());
        assert!(window.find(&identity("acme", 0).id, 0).is_some());
        assert!(window.check_room(&identity("acme", usize::MAX), limits::WINDOW.as_millis() as u64).is_ok());
    }

    #[test]
    fn the_bytes_of_all_outcomes_are_bounded() {
        let mut window = Window::default();
        let long = vec![0u8; 1024 * 1024];
        let mut number = 0;
        while window.check_room(&identity("acme", number), 0).is_ok() {
            window.put(&identity("acme", number), Ok(Reply::new("x", long.clone())), 0);
            number += 1;
        }
        assert!((60..=64).contains(&number), "{number}");
        assert!(window.check_room(&identity("other", 0), 0).is_err());
    }
}
