//! From an act of a player to a request of a user, and back from the answer.

use serde_json::{Value, json};
use star_tests::linear::{Act, Answer};

use crate::support::{Answer as Http, Http as Request};

/// What became of a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Seen {
    /// It was answered.
    Answered(Answer),
    /// It was refused for a reason that has nothing to do with the object: it did not happen.
    NotDone,
    /// Nobody knows whether it happened.
    Unknown,
}

/// The codes of refusals, and what they say of the object.
const REFUSALS: [(&str, Answer); 5] = [
    ("S0301", Answer::Missing),
    ("S0401", Answer::Exists),
    ("S0408", Answer::Locked),
    ("S0409", Answer::Stale),
    ("S0403", Answer::Elsewhere),
];

/// Where the Star answers, and how.
#[derive(Debug, Clone)]
pub(super) struct Door {
    pub(super) url: String,
    pub(super) key: String,
}

impl Door {
    /// Asks for something about an object, under an idempotency key if there is one.
    pub(super) fn ask(&self, object: &str, act: Act, once: Option<&str>) -> Seen {
        let (method, input) = request(object, act);
        let mut request = Request::to(&self.url, "POST", &format!("/starlane.v1.{method}"));
        request = request.key(&self.key).header("content-type", "application/json").body(input.to_string());
        if let Some(once) = once {
            request = request.header("idempotency-key", once);
        }
        match request.try_send() {
            Ok(answer) => seen(act, &answer),
            Err(_) => Seen::Unknown,
        }
    }
}

fn request(object: &str, act: Act) -> (&'static str, Value) {
    let fence = |fence: Option<u64>| fence.map(|token| token.to_string()).unwrap_or_default();
    let version = |version: u8| format!("{version}.0.0");
    let (series, tag) = (object, "latest");
    match act {
        Act::Create => ("Resources/Create", json!({ "path": object, "kind": "Base" })),
        Act::Set(value, token) => (
            "Resources/Set",
            json!({ "path": object, "properties": { "title": value.to_string() }, "fence": fence(token) }),
        ),
        Act::Read | Act::ReadTag => ("Resources/Info", json!({ "path": object })),
        Act::Delete(token) => ("Resources/Delete", json!({ "path": object, "fence": fence(token) })),
        Act::Lock => ("Locks/Lock", json!({ "path": object, "ttlMs": "3600000" })),
        Act::Steal => ("Locks/Lock", json!({ "path": object, "ttlMs": "3600000", "steal": true })),
        Act::Unlock(token) => ("Locks/Unlock", json!({ "path": object, "fence": token.to_string() })),
        Act::Tag(to, None) => ("Resources/Tag", json!({ "series": series, "tag": tag, "version": version(to) })),
        Act::Tag(to, Some(expected)) => {
            let expected = expected.map(version).unwrap_or_default();
            ("Resources/Tag", json!({ "series": series, "tag": tag, "version": version(to), "ifVersion": expected }))
        }
        Act::Untag => ("Resources/Tag", json!({ "series": series, "tag": tag, "version": "" })),
    }
}

fn seen(act: Act, answer: &Http) -> Seen {
    let text = answer.text();
    if answer.status == 200 {
        return Seen::Answered(told(act, &answer.json()));
    }
    if let Some((_, refusal)) = REFUSALS.iter().find(|(code, _)| text.contains(code)) {
        return Seen::Answered(*refusal);
    }
    // Whatever else stands in the way says itself whether it may have happened.
    match text.contains("rejected") {
        true => Seen::NotDone,
        false => Seen::Unknown,
    }
}

fn told(act: Act, answer: &Value) -> Answer {
    let number = |text: &Value| text.as_str().and_then(|text| text.parse::<u64>().ok());
    let tag = |text: &Value| text.as_str().and_then(|text| text.split('.').next()?.parse::<u8>().ok());
    match act {
        Act::Create | Act::Set(..) | Act::Delete(_) | Act::Unlock(_) => Answer::Done,
        Act::Read => Answer::Value(number(&answer["resource"]["properties"]["title"]).unwrap_or_default()),
        Act::ReadTag => Answer::Tag(tag(&answer["resource"]["tags"]["latest"])),
        Act::Lock | Act::Steal => {
            let token = number(&answer["lock"]["token"]);
            Answer::Token(token.unwrap_or_else(|| panic!("a lock without a token: {answer}")))
        }
        Act::Tag(..) | Act::Untag => Answer::Tag(tag(&answer["previous"])),
    }
}
