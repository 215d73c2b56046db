//! Files of releases, which stay as they are: a list per release of files and their digests.
//!
//! Whoever releases runs the test with `FREEZE=VERSION`, which writes the list of that version; after
//! that nobody changes what it names.

use std::fs;
use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};
use star_api::version::ApiVersion;

use crate::schema::checkout;

/// Where bytes lie that were sent or stored and are to be read for ever. A folder, or a file.
const KEPT: &[&str] = &[
    "proto/minors",
    "star/crates/core/tests/golden",
    "star/crates/kinds/tests/golden/rows-v1.txt",
    "star/crates/kinds/tests/golden/rows-v2.txt",
    "star/crates/artifact/tests/golden/pack",
    "star/crates/artifact/tests/golden/rows-v1.txt",
    "star/crates/store/tests/fixtures",
    "star/crates/wire/tests/golden",
    "tests/wire",
];

fn lists() -> PathBuf {
    checkout().join("tests/wire/released")
}

/// The lines of all lists: a digest in hex, two spaces, a path in the checkout.
fn lines() -> Vec<(String, String)> {
    let mut lines = Vec::new();
    for entry in fs::read_dir(lists()).expect("there are lists") {
        let text = fs::read_to_string(entry.expect("a folder can be listed").path()).expect("a list can be read");
        for line in text.lines() {
            let (digest, path) = line.split_once("  ").unwrap_or_else(|| panic!("`{line}` is no line of a list"));
            lines.push((digest.to_owned(), path.to_owned()));
        }
    }
    lines
}

/// Whether a file belongs to a release.
pub(crate) fn is_released(file: &Path) -> bool {
    lines().iter().any(|(_, path)| checkout().join(path) == file)
}

fn digest(file: &Path) -> String {
    let bytes = fs::read(file).unwrap_or_else(|error| panic!("{}: {error}", file.display()));
    Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect()
}

/// The files below a path, by their paths in the checkout.
fn files(path: &Path, found: &mut Vec<String>) {
    if path.is_dir() {
        for entry in fs::read_dir(path).expect("a folder can be listed") {
            files(&entry.expect("a folder can be listed").path(), found);
        }
    } else if path.is_file() {
        let path = path.strip_prefix(checkout()).expect("it lies in the checkout");
        found.push(path.to_str().expect("files have plain names").to_owned());
    }
}

/// Code of this test, and the lists themselves.
fn is_no_vector(path: &str) -> bool {
    path.starts_with("tests/wire/released/") || path.starts_with("tests/wire/") && path.ends_with(".rs")
}

#[test]
fn what_was_released_is_as_it_was() {
    if let Some(version) = std::env::var_os("FREEZE") {
        freeze(&version.into_string().expect("a version is text"));
    }
    let lines = lines();
    assert!(lines.len() > 10, "a release has files");
    for (expected, path) in lines {
        assert_eq!(digest(&checkout().join(&path)), expected, "{path} belongs to a release: add, and change nothing");
    }
}

#[test]
fn every_folder_of_kept_bytes_that_the_page_names_is_there() {
    let page = fs::read_to_string(checkout().join("docs/reference/versions.md")).expect("the page can be read");
    for path in KEPT {
        let mut found = Vec::new();
        files(&checkout().join(path), &mut found);
        assert!(!found.is_empty(), "{path} is empty");
        assert!(page.contains(path), "docs/reference/versions.md does not name {path}");
    }
}

#[test]
fn what_the_page_about_versions_names_is_there_and_so_are_its_versions() {
    let page = fs::read_to_string(checkout().join("docs/reference/versions.md")).expect("the page can be read");
    let named = page.split('`').skip(1).step_by(2).filter(|name| name.contains('/') && !name.contains([' ', 'N', '=']));
    let paths = named.filter(|name| ["star/", "tests/", "proto/"].iter().any(|folder| name.starts_with(folder)));
    for path in paths.filter(|path| !path.contains("0.2.0")) {
        assert!(checkout().join(path).exists(), "{path} is not there");
    }
    let (oldest, newest) = (ApiVersion::OLDEST, ApiVersion::NEWEST);
    for row in [format!("| {oldest} to {newest} | as asked for |"), format!("| {newest} | ")] {
        assert!(page.contains(&row), "docs/reference/versions.md does not say `{row}`");
    }
}

fn freeze(version: &str) {
    let known: Vec<String> = lines().into_iter().map(|(_, path)| path).collect();
    let mut found = Vec::new();
    KEPT.iter().for_each(|path| files(&checkout().join(path), &mut found));
    found.sort();
    let fresh = found.into_iter().filter(|path| !known.contains(path) && !is_no_vector(path));
    let list: String = fresh.map(|path| format!("{}  {path}\n", digest(&checkout().join(&path)))).collect();
    let file = lists().join(format!("{version}.txt"));
    assert!(!file.exists(), "{version} is released");
    fs::write(file, list).expect("a list can be written");
}
