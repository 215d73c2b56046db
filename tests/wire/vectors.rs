//! The files themselves: read, written again, and complete.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::codecs::codec;
use crate::released;
use crate::schema::{Schema, checkout};

fn folder(minor: u32) -> PathBuf {
    checkout().join(format!("tests/wire/1.{minor}"))
}

/// The versions that there are, oldest first, with what each knows.
fn versions() -> impl Iterator<Item = (u32, Schema)> {
    (0..).map_while(|minor| Schema::of(minor).map(|schema| (minor, schema)))
}

/// The message that a file holds: `WatchResponse` for `WatchResponse-gap.json`.
fn message(file: &Path) -> String {
    let name = file.file_name().and_then(|name| name.to_str()).expect("files have plain names");
    name.split(['.', '-']).next().expect("a text has a first part").to_owned()
}

#[test]
fn every_vector_of_every_version_is_read_and_written_as_ever() {
    let mut read = 0;
    for (minor, _) in versions() {
        for entry in fs::read_dir(folder(minor)).unwrap_or_else(|error| panic!("1.{minor}: {error}")) {
            let file = entry.expect("a folder can be listed").path();
            if file.extension().is_none_or(|extension| extension != "json") {
                continue;
            }
            let json = fs::read_to_string(&file).expect("a file can be read");
            let proto =
                fs::read(file.with_extension("bin")).unwrap_or_else(|error| panic!("{}: {error}", file.display()));
            let codec = codec(&message(&file)).unwrap_or_else(|| panic!("codecs.rs does not know {}", file.display()));
            assert_eq!((codec.to_proto)(&json).as_ref(), Ok(&proto), "{}", file.display());
            assert_eq!((codec.to_json)(&proto).as_deref(), Ok(json.trim_end()), "{}", file.display());
            read += 1;
        }
    }
    assert!(read > 0, "there are vectors");
}

#[test]
fn every_request_and_answer_of_every_version_has_a_vector_with_all_its_fields() {
    let mut before = BTreeMap::new();
    for (minor, schema) in versions() {
        fs::create_dir_all(folder(minor)).expect("a folder can be made");
        let samples = schema.samples();
        // What did not change has its vector in the folder of an earlier version.
        for (name, sample) in samples.iter().filter(|(name, sample)| before.get(*name) != Some(*sample)) {
            let file = folder(minor).join(format!("{name}.json"));
            if std::env::var_os("UPDATE_GOLDEN").is_some() && !released::is_released(&file) {
                write(&file, sample);
            }
            let json = fs::read_to_string(&file).unwrap_or_else(|error| {
                panic!("{}: {error}; UPDATE_GOLDEN=1 cargo test -p star-tests --test wire writes it", file.display())
            });
            let found: Value = serde_json::from_str(&json).expect("a vector is JSON");
            assert_eq!(&found, sample, "{}: UPDATE_GOLDEN=1 writes it, unless it is released", file.display());
        }
        before = samples;
    }
}

fn write(file: &Path, sample: &Value) {
    let codec = codec(&message(file)).unwrap_or_else(|| panic!("codecs.rs does not know {}", file.display()));
    let proto = (codec.to_proto)(&sample.to_string()).unwrap_or_else(|error| panic!("{}: {error}", file.display()));
    let json = (codec.to_json)(&proto).expect("what was just written can be read");
    fs::write(file, json + "\n").expect("a file can be written");
    fs::write(file.with_extension("bin"), proto).expect("a file can be written");
}
