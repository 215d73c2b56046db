//! Names that are given by counting: `acme:job-%` becomes `acme:job-1`, `acme:job-2` …
//!
//! Owns how such a name is written, and which numbers were given. A number is taken from the store
//! before it is given, so it is never given again, whatever becomes of the resource or the Star;
//! some are never given. Whoever comes while others wait takes numbers for all of them in one
//! batch. The making is that of [`builtin`](crate::builtin). Start at [`Numbers::next`].

use std::collections::{HashMap, VecDeque};
use std::ops::Range;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use serde::{Deserialize, Serialize};
use star_path::ResourcePath;
use star_wire::{ErrorCode, StarError, codec};

use crate::keys;
use crate::limits;
use crate::ports::clock::UnixMillis;
use crate::ports::meta::{MetaStore, Operation, Precondition};
use crate::record::Resource;
use crate::stored::{self, Change};

/// What stands for the number.
const MARK: char = '%';

/// The version of the stored form of a counter.
const SCHEMA: u8 = 1;

/// A path in whose last name `%` stands for a number.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct NumberedPath {
    parent: ResourcePath,
    text: String,
}

impl NumberedPath {
    /// Reads a text in which a name holds `%`. None for one that is a path as it is; in the names
    /// of files `%` has another meaning.
    pub fn parse(text: &str) -> Result<Option<NumberedPath>, StarError> {
        if !text.split(":/").next().is_some_and(|names| names.contains(MARK)) {
            return Ok(None);
        }
        let invalid = |message: &str| {
            let told = StarError::new(ErrorCode::InvalidArgument, format!("`{}` {message}", text.escape_debug()));
            Err(told.hint("one `%` in the last name stands for a number: acme:job-%"))
        };
        let last = text.rsplit(':').next().unwrap_or_default();
        if text.matches(MARK).count() != 1 || !last.contains(MARK) {
            return invalid("has a `%` that stands for no number");
        }
        let first = ResourcePath::parse(&text.replace(MARK, "0"))?;
        match first.parent() {
            Some(parent) if first.release().is_none() && first.digest().is_none() => {
                Ok(Some(NumberedPath { parent, text: text.to_owned() }))
            }
            _ => invalid("is no name that can be counted"),
        }
    }

    /// The resource below which it is.
    pub fn parent(&self) -> &ResourcePath {
        &self.parent
    }

    /// The path with a number in it.
    pub fn at(&self, number: u64) -> Result<ResourcePath, StarError> {
        Ok(ResourcePath::parse(&self.text.replace(MARK, &number.to_string()))?)
    }
}

impl std::fmt::Display for NumberedPath {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.text)
    }
}

/// The counter of one name, as it is stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
struct Counter {
    /// When the parent was made. One that was removed and made again counts anew.
    life: UnixMillis,
    /// The first number that nobody has taken.
    next: u64,
}

/// The numbers that were taken from the store and not given yet.
#[derive(Debug, Default)]
pub(crate) struct Numbers(Mutex<HashMap<(NumberedPath, UnixMillis), Taken>>);

#[derive(Debug, Default)]
struct Taken {
    ranges: VecDeque<Range<u64>>,
    /// How many look for a number at this moment.
    wanted: u64,
}

impl Numbers {
    /// The next number for a name below `parent`, which nobody was given before.
    pub(crate) async fn next(
        &self,
        meta: &Arc<dyn MetaStore>,
        name: &NumberedPath,
        parent: &Resource,
        now_ms: UnixMillis,
    ) -> Result<u64, StarError> {
        let key = (name.clone(), parent.record.created_ms);
        let _wanted = Wanted::one(self, &key);
        for _ in 0..limits::NUMBER_ATTEMPTS {
            if let Some(number) = self.give(&key) {
                return Ok(number);
            }
            if let Some(range) = reserve(meta, &key, self.wanted(&key), now_ms).await? {
                self.entry(&key, |taken| taken.ranges.push_back(range));
            }
        }
        Err(stored::contended(&name.parent))
    }

    fn give(&self, key: &(NumberedPath, UnixMillis)) -> Option<u64> {
        self.entry(key, |taken| {
            let range = taken.ranges.front_mut()?;
            let number = range.next();
            if range.is_empty() {
                taken.ranges.pop_front();
            }
            number
        })
    }

    fn wanted(&self, key: &(NumberedPath, UnixMillis)) -> u64 {
        self.entry(key, |taken| taken.wanted).clamp(1, limits::NUMBERS_AT_ONCE)
    }

    fn entry<T>(&self, key: &(NumberedPath, UnixMillis), change: impl FnOnce(&mut Taken) -> T) -> T {
        change(self.lock().entry(key.clone()).or_default())
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<(NumberedPath, UnixMillis), Taken>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Somebody who looks for a number, counted as long as they do.
struct Wanted<'n> {
    numbers: &'n Numbers,
    key: &'n (NumberedPath, UnixMillis),
}

impl<'n> Wanted<'n> {
    fn one(numbers: &'n Numbers, key: &'n (NumberedPath, UnixMillis)) -> Wanted<'n> {
        numbers.entry(key, |taken| taken.wanted += 1);
        Wanted { numbers, key }
    }
}

impl Drop for Wanted<'_> {
    /// The last one forgets a name of which nothing is left over.
    fn drop(&mut self) {
        let mut all = self.numbers.lock();
        let Some(taken) = all.get_mut(self.key) else { return };
        taken.wanted = taken.wanted.saturating_sub(1);
        if taken.wanted == 0 && taken.ranges.is_empty() {
            all.remove(self.key);
        }
    }
}

/// Takes numbers from the store. None when somebody else did at the same moment.
async fn reserve(
    meta: &Arc<dyn MetaStore>,
    (name, life): &(NumberedPath, UnixMillis),
    count: u64,
    now_ms: UnixMillis,
) -> Result<Option<Range<u64>>, StarError> {
    let row = keys::counter(&name.parent, &name.text);
    let read = meta.read(std::slice::from_ref(&row)).await;
    let there = read.map_err(|error| stored::read_failed(&name.parent, &error))?.into_iter().next().flatten();
    let mut change = Change::of(&name.parent, now_ms);
    let counted = match &there {
        None => {
            change.only_if(Precondition::Absent(row.clone()));
            None
        }
        Some(there) => {
            change.only_if(Precondition::ModifiedAt(row.clone(), there.modified));
            let counter: Counter =
                codec::decode(SCHEMA, &there.value).map_err(|error| stored::unreadable(&name.parent, &error))?;
            Some(counter)
        }
    };
    let start = counted.filter(|counter| counter.life == *life).map_or(1, |counter| counter.next);
    let counter = Counter { life: *life, next: start + count };
    let bytes = codec::encode(SCHEMA, &counter).map_err(|error| stored::unreadable(&name.parent, &error))?;
    change.then(Operation::Put(row, bytes.into()));
    Ok(change.commit(meta).await?.map(|_| start..counter.next))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_percent_sign_in_the_last_name_stands_for_a_number() {
        for (text, first) in [("acme:job-%", "acme:job-1"), ("acme:a:%", "acme:a:1"), ("team-%", "team-1")] {
            let name = NumberedPath::parse(text).unwrap().unwrap();
            assert_eq!(name.at(1).unwrap().as_str(), first);
            assert_eq!(name.to_string(), text);
        }
    }

    #[test]
    fn files_and_plain_paths_are_not_counted() {
        for text in ["acme:job-1", "acme:fs:/with%20space", "acme"] {
            assert_eq!(NumberedPath::parse(text).unwrap(), None, "{text}");
        }
    }

    #[test]
    fn a_percent_sign_elsewhere_is_refused() {
        for text in ["acme:%-%", "acme:a%:b", "acme:1.0.%", "%:a", "acme:a b%", "acme:x%:/file"] {
            assert!(NumberedPath::parse(text).is_err(), "{text}");
        }
    }
}
