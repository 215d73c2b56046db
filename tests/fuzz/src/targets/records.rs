//! What the store keeps for core: records, events, statuses, locks, and the keys that they lie under.
//!
//! The first byte of an input chooses what. What decodes is written back to the same; a key leads back
//! to its path, and to none other.

use std::collections::BTreeMap;

use star_core::event::Event;
use star_core::keys;
use star_core::lock::held;
use star_core::lock::lease::Lease;
use star_core::ports::meta::Key;
use star_core::record::{Body, Record};
use star_core::status::{History, Status};
use star_path::ResourcePath;
use star_wire::codec::FORMAT;

use crate::check;

/// The version of the stored forms.
const SCHEMA: u8 = 1;

/// A byte that chooses, and bytes that may have been stored.
pub(crate) fn run(data: &[u8]) {
    let Some((choice, data)) = data.split_first() else { return };
    let sealed = [&[FORMAT, SCHEMA], data].concat();
    let data = if choice & 0x80 == 0 { data } else { &sealed };
    match choice & 0x07 {
        0 | 1 => record(data),
        2 => event(data),
        3 => history(data),
        4 => lease(data),
        5 => drop(check::decodes::<BTreeMap<String, Body>>(SCHEMA, data)),
        6 => drop(check::decodes::<Status>(SCHEMA, data)),
        _ => key(data),
    }
}

fn record(data: &[u8]) {
    let Ok(record) = Record::decode(data) else { return };
    let written = record.encode().expect("what was decoded is within the limits of the codec");
    assert_eq!(Record::decode(&written).ok(), Some(record.clone()));
    check::whole_only(&written, |bytes| Record::decode(bytes).is_ok());
    for (key, value) in &record.properties {
        assert_eq!(record.property(key.as_str()), Some(value.as_str()));
    }
}

fn event(data: &[u8]) {
    let Some(event) = check::decodes::<Event>(SCHEMA, data) else { return };
    let logged = event.encode().expect("what was decoded is within the limits of the codec");
    assert_eq!(check::decodes::<Event>(SCHEMA, &logged.body), Some(event.clone()));
    assert!(!(event.makes_its_resource() && event.takes_its_resource_away()), "{event:?}");
}

fn history(data: &[u8]) {
    if let Ok(history) = History::decode(data) {
        assert!(history.into_statuses().len() <= data.len());
    }
    drop(check::decodes::<History>(SCHEMA, data));
}

fn lease(data: &[u8]) {
    let path = ResourcePath::root();
    if let Ok(lease) = held::decode(&path, data) {
        let written = held::encode(&path, &lease).expect("what was decoded is within the limits of the codec");
        assert_eq!(held::decode(&path, &written).ok(), Some(lease));
    }
    drop(check::decodes::<Lease>(SCHEMA, data));
}

fn key(data: &[u8]) {
    let key = Key::new(data.to_vec());
    let same = |path: ResourcePath, back: Key| assert_eq!(back, key, "the key of {path}");
    // A key holds the canonical text, and others lead nowhere or to the canonical one.
    let canonical = |path: &ResourcePath| data.ends_with(path.as_str().as_bytes());
    if let Some(path) = keys::path_of_record(&key).filter(canonical) {
        same(path.clone(), keys::record(&path));
    }
    if let Some(path) = keys::path_of_unswept(&key).filter(canonical) {
        same(path.clone(), keys::unswept(&path));
    }
    if let Some(path) = keys::path_of_lease(&key) {
        assert!(keys::is_lock(&keys::lease(&path)));
    }
    if let Some(path) = keys::path_of_found(&key) {
        assert!(keys::all_found().contains(&key), "{path}");
    }
    for space in ["", "acme", "a"] {
        keys::belongs_to_space(&key, space);
    }
}
