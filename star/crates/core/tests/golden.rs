//! Golden vectors of what is stored: records and events of every version are read for ever.
//! A file here is only ever added, never changed.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on says where")]

use std::path::PathBuf;
use std::sync::Arc;

use star_core::event::{Event, EventType};
use star_core::kind::Kind;
use star_core::lock::{Holder, Lease, held};
use star_core::ports::content::ContentRef;
use star_core::record::{Body, Record};
use star_core::status::{History, State, Status};
use star_path::{Digest, PropertyKey};
use star_testkit::path;
use star_wire::{Agent, ErrorCode, codec};

/// Compares with the vector of this name; a vector that is not there yet is written on request.
fn golden(name: &str, bytes: &[u8]) -> Vec<u8> {
    let folder = PathBuf::from(std::env::var_os("CARGO_MANIFEST_DIR").expect("cargo sets it")).join("tests/golden");
    let file = folder.join(name);
    let hex: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    if !file.exists() && std::env::var_os("UPDATE_GOLDEN").is_some() {
        std::fs::create_dir_all(&folder).unwrap();
        std::fs::write(&file, format!("{hex}\n")).unwrap();
    }
    let written = std::fs::read_to_string(&file).unwrap_or_else(|error| panic!("{name}: {error}"));
    assert_eq!(written.trim(), hex, "{name}");
    written
        .trim()
        .as_bytes()
        .chunks(2)
        .map(|pair| u8::from_str_radix(std::str::from_utf8(pair).unwrap(), 16).unwrap())
        .collect()
}

fn record() -> Record {
    let mut record = Record::new(Kind::File, path("star:users:admin"), 1_000);
    record.status =
        Status { state: State::Panic { code: ErrorCode::Panicked }, since_ms: 2_000, message: "told to".into() };
    record.properties.insert(PropertyKey::parse("title").unwrap(), "Shared files".to_owned());
    record.labels.insert("team".to_owned(), "web".to_owned());
    let content = ContentRef { digest: Digest::sha256([7; 32]), size_bytes: 42 };
    record.body = Some(Body { content, content_type: Arc::from("text/plain") });
    record.modified_ms = 3_000;
    record
}

#[test]
fn a_record_of_version_1_is_read_and_written_as_ever() {
    let bytes = golden("record-v1.hex", &record().encode().unwrap());
    assert_eq!(Record::decode(&bytes).unwrap(), record());
}

#[test]
fn every_kind_and_every_state_keeps_its_number() {
    let kinds: Vec<u8> = star_core::kind::KINDS.iter().flat_map(|spec| codec::encode(1, &spec.kind).unwrap()).collect();
    golden("kinds-v1.hex", &kinds);
    let states = [
        State::Unknown,
        State::Pending,
        State::Creating { step: 1, total: 2 },
        State::Ready,
        State::Paused { by: "ada".to_owned() },
        State::Tripped { until_ms: 9 },
        State::Panic { code: ErrorCode::Internal },
        State::Destroying,
        State::Destroyed,
        State::Done { code: -1 },
    ];
    let bytes: Vec<u8> = states.iter().flat_map(|state| codec::encode(1, state).unwrap()).collect();
    golden("states-v1.hex", &bytes);
}

#[test]
fn an_event_of_version_1_is_read_and_written_as_ever() {
    let agent = Agent::Resource(path("star:users:admin"));
    let event = Event::new(EventType::Tagged, &path("acme:site"), Kind::ArtifactBundleSeries, &agent)
        .with("tag", "latest")
        .with("version", "1.1.0");
    let bytes = golden("event-v1.hex", &event.encode().unwrap().body);
    assert_eq!(codec::decode::<Event>(1, &bytes).unwrap(), event);
    let bytes: Vec<u8> = EventType::ALL[..9].iter().flat_map(|what| codec::encode(1, what).unwrap()).collect();
    golden("event-types-v1.hex", &bytes);
    golden("event-type-dead-letter-v1.hex", &codec::encode(1, &EventType::DeadLetter).unwrap());
    golden("event-type-moved-v1.hex", &codec::encode(1, &EventType::Moved).unwrap());
    let of_locks = [EventType::Locked, EventType::Unlocked, EventType::LockStolen];
    let bytes: Vec<u8> = of_locks.iter().flat_map(|what| codec::encode(1, what).unwrap()).collect();
    golden("event-types-of-locks-v1.hex", &bytes);
}

#[test]
fn a_lease_of_version_1_is_read_and_written_as_ever() {
    let holder = Holder { agent: Agent::Resource(path("star:users:admin")), id: "a1b2".to_owned() };
    let lease = Lease { holder, taken_ms: 1_000, until_ms: 31_000, ttl_ms: 30_000, note: "deploy".to_owned() };
    let bytes = golden("lease-v1.hex", &held::encode(&path("acme"), &lease).unwrap());
    assert_eq!(held::decode(&path("acme"), &bytes).unwrap(), lease);
}

#[test]
fn a_history_of_version_1_is_read_as_ever() {
    let statuses = vec![
        Status { state: State::Creating { step: 1, total: 2 }, since_ms: 1_000, message: String::new() },
        Status { state: State::Panic { code: ErrorCode::Panicked }, since_ms: 2_000, message: "told to".into() },
    ];
    let bytes = golden("history-v1.hex", &codec::encode(1, &statuses).unwrap());
    assert_eq!(History::decode(&bytes).unwrap().into_statuses(), statuses);
}

#[test]
fn the_reference_of_events_lists_every_type_and_no_other() {
    let page = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../docs/reference/events.md");
    let page = std::fs::read_to_string(page).unwrap();
    let table = page.split("## Types").nth(1).and_then(|rest| rest.split("\n## ").next()).unwrap();
    let rows = table.lines().filter_map(|line| line.strip_prefix("| `")?.split('`').next());
    let words: Vec<&str> = star_core::watch::Word::all().map(star_core::watch::Word::as_str).collect();
    assert_eq!(rows.collect::<Vec<_>>(), words);
}
