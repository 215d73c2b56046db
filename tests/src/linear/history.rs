//! What clients did and saw.

use std::collections::BTreeMap;
use std::fmt;

use super::object::{Act, Answer};

/// One request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Call {
    /// Who asked.
    pub client: u64,
    /// When, on a clock that all clients share.
    pub from: u64,
    /// When the answer came; none if it never did.
    pub to: Option<u64>,
    /// What was asked for.
    pub act: Act,
    /// What was answered; none if nobody knows whether it happened.
    pub answer: Option<Answer>,
}

/// The requests of all clients, by the object that they were about.
#[derive(Debug, Clone, Default)]
pub struct History(BTreeMap<String, Vec<Call>>);

impl History {
    /// Adds a request. Those that were certainly not done are left out by whoever records.
    pub fn add(&mut self, object: &str, call: Call) {
        self.0.entry(object.to_owned()).or_default().push(call);
    }

    /// The requests for each object, in the order in which they began.
    pub fn objects(&self) -> impl Iterator<Item = (&str, Vec<Call>)> {
        self.0.iter().map(|(object, calls)| {
            let mut calls = calls.clone();
            calls.sort_by_key(|call| call.from);
            (object.as_str(), calls)
        })
    }

    /// How many requests there are.
    pub fn calls(&self) -> usize {
        self.0.values().map(Vec::len).sum()
    }

    /// How many of them have no known end.
    pub fn open(&self) -> usize {
        self.0.values().flatten().filter(|call| call.answer.is_none()).count()
    }
}

impl fmt::Display for Call {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Call { client, from, to, act, answer } = self;
        let to = to.map_or_else(|| "?".to_owned(), |to| to.to_string());
        match answer {
            Some(answer) => write!(f, "[{from}..{to}] client {client}: {act:?} -> {answer:?}"),
            None => write!(f, "[{from}..{to}] client {client}: {act:?} -> nobody knows"),
        }
    }
}
