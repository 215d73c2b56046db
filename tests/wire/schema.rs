//! The lists in `proto/minors`: which messages a version has, and a sample of each with every field.

use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;

use serde_json::{Map, Value, json};

/// Alternatives of which a message holds one at a time: the message, and its fields.
const ALTERNATIVES: &[(&str, &[&str])] = &[
    ("AskRequest", &["raw", "json"]),
    ("AskResponse", &["raw", "json"]),
    ("TellRequest", &["raw", "json"]),
    ("WatchResponse", &["event", "progress", "gap", "resource"]),
];

/// What is told beside requests and answers.
const BESIDE: &str = "ErrorDetail";

/// What one version of the API knows.
pub(crate) struct Schema {
    /// Fields by message: name and type.
    fields: BTreeMap<String, Vec<(String, String)>>,
    /// The value of each enum that came last.
    values: BTreeMap<String, (u32, String)>,
    /// Requests and answers.
    messages: Vec<String>,
}

/// The checkout.
pub(crate) fn checkout() -> PathBuf {
    let tests = std::env::var_os("CARGO_MANIFEST_DIR").expect("cargo says where the tests are");
    PathBuf::from(tests).parent().expect("the tests are a folder of the checkout").to_owned()
}

impl Schema {
    /// What version 1.`minor` knows; none if there is no such version.
    pub(crate) fn of(minor: u32) -> Option<Schema> {
        let mut schema = Schema { fields: BTreeMap::new(), values: BTreeMap::new(), messages: vec![BESIDE.into()] };
        for minor in 0..=minor {
            let list = fs::read_to_string(checkout().join(format!("proto/minors/1.{minor}.txt"))).ok()?;
            list.lines().for_each(|line| schema.take(line));
        }
        Some(schema)
    }

    fn take(&mut self, line: &str) {
        match line.split_once(' ') {
            Some(("field", rest)) => {
                let (name, kind) = rest.split_once(" = ").expect("a field has a number");
                let (message, field) = name.split_once('.').expect("a field has a message");
                let (_, kind) = kind.split_once(' ').expect("a number is followed by a type");
                self.fields.entry(message.into()).or_default().push((field.into(), kind.into()));
            }
            Some(("value", rest)) => {
                let (name, number) = rest.split_once(" = ").expect("a value has a number");
                let (an_enum, value) = name.split_once('.').expect("a value has an enum");
                let number = number.parse().expect("a number is one");
                let newest = self.values.entry(an_enum.into()).or_default();
                *newest = (number, value.to_owned()).max(newest.clone());
            }
            Some(("rpc", rest)) => {
                let (request, answer) =
                    rest.split_once('(').and_then(|(_, rest)| rest.split_once(')')).expect("a call");
                self.messages.push(request.into());
                self.messages.push(answer.trim().trim_start_matches("stream ").into());
            }
            _ => {}
        }
    }

    /// A sample of every request and answer by name, with all its fields; one per alternative where it
    /// has any, named like `WatchResponse-gap`.
    pub(crate) fn samples(&self) -> BTreeMap<String, Value> {
        let mut samples = BTreeMap::new();
        for message in &self.messages {
            match ALTERNATIVES.iter().find(|(name, _)| name == message) {
                None => drop(samples.insert(message.clone(), self.sample(message, None))),
                Some((_, fields)) => samples.extend(
                    fields.iter().map(|field| (format!("{message}-{field}"), self.sample(message, Some(field)))),
                ),
            }
        }
        samples
    }

    fn sample(&self, message: &str, alternative: Option<&str>) -> Value {
        let others: &[&str] = ALTERNATIVES.iter().find(|(name, _)| *name == message).map_or(&[], |(_, fields)| fields);
        let fields = self.fields.get(message).into_iter().flatten();
        let fields = fields.filter(|(name, _)| Some(name.as_str()) == alternative || !others.contains(&name.as_str()));
        let members: Map<String, Value> = fields.map(|(name, kind)| (camel(name), self.value(name, kind))).collect();
        Value::Object(members)
    }

    fn value(&self, name: &str, kind: &str) -> Value {
        if let Some(kind) = kind.strip_prefix("repeated ") {
            return json!([self.value(name, kind)]);
        }
        if let Some((_, kind)) = kind.strip_prefix("map<").and_then(|kind| kind.trim_end_matches('>').split_once(", "))
        {
            return json!({ "a key": self.value(name, kind) });
        }
        match kind.strip_prefix("optional ").unwrap_or(kind) {
            "string" => json!(format!("a {name}")),
            "bool" => json!(true),
            "uint32" => json!(4_000_000_000_u32),
            "uint64" => json!(u64::MAX.to_string()),
            "bytes" => json!("AP9h"),
            "google.protobuf.Timestamp" => json!("2023-11-14T22:13:20.250Z"),
            "google.protobuf.Duration" => json!("3.500s"),
            "google.protobuf.Value" => json!({ "a key": [1.5, null, "x"] }),
            other => match self.values.get(other) {
                Some((_, value)) => json!(value),
                None => self.sample(other, None),
            },
        }
    }
}

/// The name of a field in JSON.
fn camel(name: &str) -> String {
    let mut words = name.split('_');
    let first = words.next().unwrap_or_default().to_owned();
    words.fold(first, |name, word| name + &word[..1].to_ascii_uppercase() + &word[1..])
}
