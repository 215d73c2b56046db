//! Selectors, and what they cover.
//!
//! The first line of an input is a selector, the others are paths. What is read prints itself; every
//! match lies below the literal prefix; whether a path is covered, and what is captured, is what a
//! matcher says that was written from the description alone (`naive`); what `reaches_below` denies,
//! no path below contradicts.

use star_path::{Candidate, ResourcePath, Selector, limits};

use crate::{check, naive};

/// Paths that every selector is asked about.
const ALWAYS: &[&str] = &["ROOT", "acme", "acme:web", "acme:web:1.2.0", "acme:web:/a/b.txt", "acme:a:b:a:b", "a:/"];

/// Kinds that every selector is asked about.
const KINDS: &[&str] = &["Space", "FileSystem", "Database<Relational<postgresql.org:postgres:gis:16.1.0>>", "no kind"];

/// A selector and paths, line by line.
pub(crate) fn run(data: &[u8]) {
    let Some(text) = check::text(data) else { return };
    let (first, others) = text.split_once('\n').unwrap_or((text, ""));
    match Selector::parse(first) {
        Err(error) => check::complaint(&error, first),
        Ok(selector) => {
            check::prints_itself(&selector, Selector::parse);
            assert!(selector.filter_keys().count() <= limits::FILTERS);
            let paths = ALWAYS.iter().copied().chain(others.lines().take(16));
            for path in paths.filter_map(|path| ResourcePath::parse(path).ok()) {
                asked(&selector, &path);
            }
        }
    }
}

fn asked(selector: &Selector, path: &ResourcePath) {
    let found = selector.matches_path(path);
    let captured = found.as_ref().map(|captures| pairs(captures.iter()));
    let expected = naive::matches(&selector.to_string(), path);
    assert_eq!(captured.is_some(), expected.is_some(), "`{selector}` on `{path}`");
    // Where each `**` could reach differently far, the shortest reach is told.
    if let (Some(captured), Some(expected)) = (&captured, &expected) {
        assert_eq!(captured, expected, "what `{selector}` captures of `{path}`");
        assert_eq!(captured.len(), selector.variables().count());
        let prefix = selector.literal_prefix();
        assert!(pinless(path).is_within(prefix), "`{path}` is not below the prefix of `{selector}`");
        for above in path.ancestors().filter(|above| above.digest().is_none()) {
            assert!(selector.reaches_below(&above), "`{selector}` covers `{path}`, but nothing below `{above}`");
        }
    }
    if selector.is_literal() {
        assert_eq!(captured.is_some(), pinless(path) == *selector.literal_prefix(), "`{selector}` on `{path}`");
    }
    for kind in KINDS {
        let nothing = |_: &str| None;
        let candidate = Candidate { path, kind, attribute: &nothing };
        let matched = selector.matches(&candidate).is_some();
        assert!(!matched || (captured.is_some() && selector.covers(path, kind)), "`{selector}` on {kind} `{path}`");
    }
}

/// The path without the digest, which does not count.
fn pinless(path: &ResourcePath) -> ResourcePath {
    match path.files_decoded() {
        Some(files) => path.without_digest().with_files(&files).unwrap_or_else(|_| path.clone()),
        None => path.without_digest(),
    }
}

fn pairs<'a>(found: impl Iterator<Item = (&'a str, &'a str)>) -> Vec<(String, String)> {
    found.map(|(name, value)| (name.to_owned(), value.to_owned())).collect()
}
