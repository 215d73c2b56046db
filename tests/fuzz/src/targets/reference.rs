//! References and the other words of addresses: kinds, digests, keys of properties, relative paths.
//!
//! What is read prints itself; what a relative path leads to is a path; what is refused is shown with a
//! caret inside the text.

use star_path::{Digest, KindExpr, PropertyKey, Reference, ResourcePath, Target, limits, suggest};

use crate::check;

/// Where relative paths begin.
const BASES: &[&str] = &["ROOT", "acme", "acme:app:greeter", "acme:site:1.2.0:/docs/a.html", "a:b:c:d:e"];

/// Any text.
pub(crate) fn run(data: &[u8]) {
    let Some(text) = check::text(data) else { return };
    match Reference::parse(text) {
        Ok(reference) => good(&reference),
        Err(error) => check::complaint(&error, text),
    }
    match KindExpr::parse(text) {
        Ok(kind) => check::prints_itself(&kind, KindExpr::parse),
        Err(error) => check::complaint(&error, text),
    }
    match Digest::parse(text) {
        Ok(digest) => check::prints_itself(&digest, Digest::parse),
        Err(error) => check::complaint(&error, text),
    }
    match PropertyKey::parse(text) {
        Ok(key) => {
            check::prints_itself(&key, PropertyKey::parse);
            assert!(key.as_str().len() <= limits::PROPERTY_BYTES && key.words().all(|word| !word.is_empty()));
        }
        Err(error) => check::complaint(&error, text),
    }
    suggest::nearest(text, ["routes", "labels", "FileSystem", ""]);
}

fn good(reference: &Reference) {
    check::prints_itself(reference, Reference::parse);
    if let Some(unknown) = reference.unknown_remote() {
        check::complaint(&unknown, &reference.to_string());
    }
    for base in BASES {
        let base = ResourcePath::parse(base).expect("a constant that is a path");
        match reference.resolve(&base) {
            Ok(path) => {
                check::prints_itself(&path, ResourcePath::parse);
                assert!(reference.path().is_none_or(|absolute| absolute == path));
            }
            Err(error) => {
                assert!(matches!(reference.target, Target::Relative(_)), "{reference} is not relative");
                assert!(!error.excerpt().is_empty());
            }
        }
    }
}
