//! The lists in `proto/minors` against the schema: nothing that was promised is gone or changed, and
//! nothing was added without a version.

use std::collections::BTreeSet;
use std::fs;
use std::path::PathBuf;

use crate::shape::{LISTED_LINES, SCHEMA_LINES, Shape, call_since};
use crate::version::ApiVersion;

fn file(minor: u32) -> PathBuf {
    PathBuf::from(std::env::var_os("CARGO_MANIFEST_DIR").expect("cargo sets it"))
        .join(format!("../../../proto/minors/1.{minor}.txt"))
}

#[test]
fn every_name_of_the_schema_came_with_one_minor_version() {
    let listed: BTreeSet<&str> = LISTED_LINES.iter().map(|(line, _)| *line).collect();
    let missing: Vec<&str> = SCHEMA_LINES.iter().copied().filter(|line| !listed.contains(line)).collect();
    if std::env::var_os("UPDATE_GOLDEN").is_some() && !missing.is_empty() {
        let file = file(ApiVersion::NEWEST.minor);
        let mut lines = fs::read_to_string(&file).unwrap_or_default();
        missing.iter().for_each(|line| lines += &format!("{line}\n"));
        fs::write(&file, lines).unwrap();
        return;
    }
    assert!(
        missing.is_empty(),
        "no file in proto/minors says with which version these came; \
         UPDATE_GOLDEN=1 cargo test -p star-api adds them to the newest: {missing:#?}"
    );
}

#[test]
fn what_a_minor_version_promised_is_there_with_its_number_and_type() {
    let schema: BTreeSet<&str> = SCHEMA_LINES.iter().copied().collect();
    let gone: Vec<_> = LISTED_LINES.iter().filter(|(line, _)| !schema.contains(line)).collect();
    assert!(gone.is_empty(), "clients rely on these, and the schema has them no more: {gone:#?}");
    let files: usize = (0..=ApiVersion::NEWEST.minor)
        .map(|minor| fs::read_to_string(file(minor)).unwrap())
        .map(|text| text.lines().filter(|line| !line.is_empty() && !line.starts_with('#')).count())
        .sum();
    assert_eq!(files, LISTED_LINES.len(), "a line is listed twice");
}

#[test]
fn a_shape_names_what_came_later_in_all_that_it_holds() {
    let resource = Shape::of("starlane.v1.Resource").unwrap();
    assert_eq!(resource.later_than(0), ["Resource.history", "Resource.lock"]);
    let answer = Shape::of("starlane.v1.CreateResponse").unwrap();
    assert_eq!(answer.later_than(0), ["CreateResponse.changed", "Resource.history", "Resource.lock"]);
    assert!(answer.later_than(ApiVersion::NEWEST.minor).is_empty());
    assert_eq!(call_since("/starlane.v1.Resources/Create"), Some(0));
    assert_eq!(call_since("/starlane.v1.Locks/Lock"), Some(1));
    assert_eq!(call_since("/starlane.v1.Locks/Pick"), None);
    assert_eq!(resource.field(15).unwrap().message, Some("starlane.v1.Lock"));
}
