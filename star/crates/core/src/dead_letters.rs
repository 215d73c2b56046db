//! Messages that nobody waited for and that came to nothing: told in the log, so that somebody can
//! find out.
//!
//! Owns how many of them are told. A sender that fails a thousand times in a second would push what
//! happened to everybody else out of the log, so each Space may tell a few in a second; the next one
//! that is told says how many were not. What a dead letter was about is in its event, its body is
//! not: it belongs to the sender.

use std::sync::Arc;
use std::time::Instant;

use dashmap::DashMap;
use star_wire::StarError;

use crate::event::{Event, EventType};
use crate::gate::Permit;
use crate::kind::Kind;
use crate::limits;
use crate::stored::Change;
use crate::tree::{Counters, Tree};

/// How many dead letters each Space has told lately.
#[derive(Debug, Default)]
pub(crate) struct DeadLetters {
    spaces: DashMap<Box<str>, Window>,
}

/// One second of a Space.
#[derive(Debug)]
struct Window {
    begun: Instant,
    told: u32,
    untold: u64,
}

impl DeadLetters {
    /// Whether one more may be told; if so, how many were not since the last one that was.
    fn may_tell(&self, space: &str, now: Instant) -> Option<u64> {
        if self.spaces.len() >= limits::DEAD_LETTER_SPACES {
            self.spaces.retain(|_, window| !window.is_over(now));
        }
        let mut window = self.spaces.entry(space.into()).or_insert(Window { begun: now, told: 0, untold: 0 });
        if window.is_over(now) {
            *window = Window { begun: now, told: 0, untold: window.untold };
        }
        if window.told >= limits::DEAD_LETTERS_PER_S {
            window.untold += 1;
            return None;
        }
        window.told += 1;
        Some(std::mem::take(&mut window.untold))
    }
}

impl Window {
    fn is_over(&self, now: Instant) -> bool {
        now.saturating_duration_since(self.begun).as_secs() >= 1
    }
}

impl Tree {
    /// Tells of a message that nobody waited for and that came to nothing. `kind` is that of the
    /// resource that should have answered.
    pub(crate) fn bury(self: &Arc<Self>, permit: &Permit, kind: Kind, error: &StarError) {
        let envelope = permit.envelope();
        Counters::count(&self.counters.dead_letters);
        metrics::counter!("star_dead_letters_total").increment(1);
        tracing::warn!(
            path = %envelope.to, method = %envelope.method, message = %envelope.id,
            request_id = &*envelope.traced_as(), %error,
            "a message that nobody waits for came to nothing"
        );
        let Some(untold) = self.dead_letters.may_tell(envelope.to.space().unwrap_or_default(), Instant::now()) else {
            return;
        };
        let mut event = Event::new(EventType::DeadLetter, &envelope.to, kind, &permit.authority().agent())
            .with("message", envelope.id.to_string())
            .with("method", envelope.method.as_str())
            .with("code", error.code().to_string())
            .with("reason", error.message());
        if let Some(from) = &envelope.from {
            event = event.with("from", from.as_str());
        }
        if untold > 0 {
            event = event.with("untold", untold.to_string());
        }
        let tree = Arc::clone(self);
        tokio::spawn(async move {
            if let Err(error) = tree.tell_of(&event).await {
                tracing::warn!(path = %event.path, %error, "the event of a dead letter could not be written");
            }
        });
    }

    async fn tell_of(&self, event: &Event) -> Result<(), StarError> {
        let mut change = Change::of(&event.path, self.ports.clock.now_ms());
        change.tell(event)?;
        change.commit(&self.ports.meta).await.map(drop)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn a_flood_of_one_space_is_counted_and_the_other_is_told() {
        let letters = DeadLetters::default();
        let begun = Instant::now();
        let told = (0..100).filter(|_| letters.may_tell("loud", begun).is_some()).count();
        assert_eq!(told, limits::DEAD_LETTERS_PER_S as usize);
        assert_eq!(letters.may_tell("quiet", begun), Some(0));
        let later = begun + Duration::from_secs(1);
        assert_eq!(letters.may_tell("loud", later), Some(100 - u64::from(limits::DEAD_LETTERS_PER_S)));
        assert_eq!(letters.may_tell("loud", later), Some(0));
    }
}
