//! One object as its users see it: a value, a lock with a fencing token, a tag.
//!
//! The rules are those of the documentation, written down once more, as simply as they can be said.

/// What a client asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Act {
    /// Make it.
    Create,
    /// Write its value, under a fencing token or none.
    Set(u64, Option<u64>),
    /// Read its value.
    Read,
    /// Remove it, under a fencing token or none.
    Delete(Option<u64>),
    /// Take its lock if it is free.
    Lock,
    /// Take its lock whoever holds it.
    Steal,
    /// Give its lock back.
    Unlock(u64),
    /// Point its tag at a version; if a version is named, only if the tag is there.
    Tag(u8, Option<Option<u8>>),
    /// Take its tag away.
    Untag,
    /// Read its tag.
    ReadTag,
}

/// What a client is answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Answer {
    /// It was done.
    Done,
    /// It is not there.
    Missing,
    /// It is there already.
    Exists,
    /// Somebody else holds its lock.
    Locked,
    /// The token is not that of the lock.
    Stale,
    /// The lock was passed on, with this token.
    Token(u64),
    /// The value.
    Value(u64),
    /// Where the tag points, or pointed before it was moved.
    Tag(Option<u8>),
    /// The tag is not where the client expected it.
    Elsewhere,
}

/// Who holds the lock.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Holder {
    /// A client with this token.
    Token(u64),
    /// A client that was never told its token: the number of its request.
    Untold(usize),
}

/// The state of one object.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default)]
pub struct Object {
    value: Option<u64>,
    lock: Option<Holder>,
    last_token: u64,
    tag: Option<u8>,
}

/// What would come of an act.
enum Outcome {
    /// This answer, and nothing changes.
    Told(Answer),
    /// This answer, and the object is like this.
    Changed(Answer, Object),
    /// The lock passes, with a token that is larger than all before.
    Passed,
}

impl Object {
    /// The object after an act that was answered like this; none if that cannot be. An act of which
    /// nobody knows the answer may have had any.
    pub fn after(&self, act: Act, answer: Option<Answer>, number: usize) -> Option<Object> {
        match (self.outcome(act), answer) {
            (Outcome::Told(right), Some(answer)) => (right == answer).then(|| self.clone()),
            (Outcome::Changed(right, after), Some(answer)) => (right == answer).then_some(after),
            (Outcome::Passed, Some(Answer::Token(token))) => {
                let grows = token > self.last_token;
                grows.then(|| Object { lock: Some(Holder::Token(token)), last_token: token, ..self.clone() })
            }
            (Outcome::Passed, Some(_)) => None,
            (Outcome::Told(_), None) => Some(self.clone()),
            (Outcome::Changed(_, after), None) => Some(after),
            (Outcome::Passed, None) => Some(Object { lock: Some(Holder::Untold(number)), ..self.clone() }),
        }
    }

    /// The value, if it is there.
    #[cfg(test)]
    pub(super) fn value(&self) -> Option<u64> {
        self.value
    }

    /// The same with the lock as it is on another one.
    #[cfg(test)]
    pub(super) fn with_lock_of(&self, other: &Object) -> Object {
        Object { lock: other.lock, last_token: other.last_token, ..self.clone() }
    }

    fn outcome(&self, act: Act) -> Outcome {
        use Outcome::{Changed, Passed, Told};
        let changed = |after: Object| Changed(Answer::Done, after);
        match act {
            Act::Create if self.value.is_some() => Told(Answer::Exists),
            Act::Create => changed(Object { value: Some(0), ..self.clone() }),
            Act::Tag(_, Some(expected)) if expected != self.tag => Told(Answer::Elsewhere),
            Act::Tag(version, _) => Changed(Answer::Tag(self.tag), Object { tag: Some(version), ..self.clone() }),
            Act::Untag if self.tag.is_none() => Told(Answer::Missing),
            Act::Untag => Changed(Answer::Tag(self.tag), Object { tag: None, ..self.clone() }),
            Act::ReadTag => Told(Answer::Tag(self.tag)),
            // Everything else needs the object to be there.
            Act::Read => Told(self.value.map_or(Answer::Missing, Answer::Value)),
            _ if self.value.is_none() => Told(Answer::Missing),
            Act::Set(_, fence) | Act::Delete(fence) if self.keeps_out(fence).is_some() => {
                Told(self.keeps_out(fence).unwrap_or(Answer::Locked))
            }
            Act::Set(value, _) => changed(Object { value: Some(value), ..self.clone() }),
            Act::Delete(_) => changed(Object { value: None, lock: None, ..self.clone() }),
            Act::Lock if self.lock.is_some() => Told(Answer::Locked),
            Act::Lock | Act::Steal => Passed,
            Act::Unlock(token) if self.lock == Some(Holder::Token(token)) => {
                changed(Object { lock: None, ..self.clone() })
            }
            Act::Unlock(_) => Told(Answer::Stale),
        }
    }

    /// Why a write under this token is refused.
    fn keeps_out(&self, fence: Option<u64>) -> Option<Answer> {
        match (fence, self.lock) {
            (Some(token), lock) if lock != Some(Holder::Token(token)) => Some(Answer::Stale),
            (None, Some(_)) => Some(Answer::Locked),
            _ => None,
        }
    }
}
