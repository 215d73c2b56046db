//! Paths of resources.
//!
//! What is read prints the text that is read back; every part keeps to its limit; the way up ends at
//! `ROOT` and every step of it covers what is below; a path is found again by its keys. What is
//! refused is shown with a caret inside the text.

use star_core::keys;
use star_path::{ResourcePath, Selector, limits, ordinary_name};

use crate::check;

/// Any text.
pub(crate) fn run(data: &[u8]) {
    let Some(text) = check::text(data) else { return };
    match ResourcePath::parse(text) {
        Ok(path) => good(&path),
        Err(error) => {
            check::complaint(&error, text);
            suggested(error.suggestion.as_deref());
        }
    }
    built(text);
}

/// What a complaint proposes is a path.
fn suggested(suggestion: Option<&str>) {
    if let Some(meant) = suggestion.and_then(|text| text.strip_prefix('`')?.strip_suffix('`')) {
        assert!(ResourcePath::parse(meant).is_ok(), "`{meant}` is proposed and refused");
    }
}

fn good(path: &ResourcePath) {
    check::prints_itself(path, ResourcePath::parse);
    within_limits(path);
    climbs(path);
    found_by_keys(path);
    assert!(Selector::from(path).matches_path(path).is_some(), "{path} is not covered by its own selector");
}

fn within_limits(path: &ResourcePath) {
    assert!(path.as_str().len() <= limits::INPUT_BYTES, "{} bytes", path.as_str().len());
    assert!(!path.as_str().chars().any(char::is_control), "a control character stands in {path:?}");
    assert!(path.names().count() <= limits::NAMES);
    assert!(path.names().all(|name| !name.is_empty() && name.len() <= limits::NAME_BYTES));
    let Some(files) = path.files_decoded() else { return };
    let names: Vec<&str> = files.strip_prefix('/').expect("files begin with a slash").split('/').collect();
    let levels = names.len() - usize::from(names.last() == Some(&""));
    assert!(levels <= limits::FILE_LEVELS, "{levels} levels");
    for (at, name) in names.iter().enumerate() {
        assert!(name.len() <= limits::FILE_BYTES && !matches!(*name, "." | ".."), "{name:?} in {path}");
        assert!(!name.is_empty() || at + 1 == names.len(), "an empty name in {path}");
        assert!(!name.contains('\0'));
    }
    assert_eq!(path.without_files().with_files(&files).as_ref(), Ok(path), "decoded files are encoded differently");
}

fn climbs(path: &ResourcePath) {
    let mut below = path.clone();
    let mut steps = 0;
    for above in path.ancestors() {
        assert!(below.is_within(&above) && path.is_within(&above), "{above} does not cover {below}");
        assert!(above.as_str() == "ROOT" || !above.is_within(&below), "{below} covers {above}");
        assert_eq!(above.depth() + 1, below.depth(), "{above} is not one above {below}");
        check::prints_itself(&above, ResourcePath::parse);
        below = above;
        steps += 1;
    }
    assert!(below.is_root() && steps == path.depth(), "{steps} steps from {path} to ROOT");
    for less in [path.without_files(), path.without_digest(), path.without_release()] {
        check::prints_itself(&less, ResourcePath::parse);
    }
}

fn found_by_keys(path: &ResourcePath) {
    assert_eq!(keys::path_of_record(&keys::record(path)).as_ref(), Some(path));
    let Some(parent) = path.parent() else { return };
    let key = keys::child(&parent, path);
    if path.digest().is_none() {
        assert_eq!(keys::path_of_child(&parent, &key).as_ref(), Some(path), "{path} below {parent}");
        assert!(keys::children(&parent).contains(&key));
    }
    if let Some(space) = path.space() {
        assert!(keys::belongs_to_space(&keys::record(path), space), "{path}");
    }
}

/// Paths that are put together of pieces are paths, whatever the pieces are.
fn built(text: &str) {
    let (base, piece) = text.split_once('\n').unwrap_or(("acme:web", text));
    let Ok(base) = ResourcePath::parse(base) else { return };
    if let Ok(child) = base.child(piece) {
        check::prints_itself(&child, ResourcePath::parse);
        assert_eq!(child.parent().as_ref(), Some(&base), "{child} is no child of {base}");
        assert!(base.is_root() || ordinary_name(piece) || child.as_str().ends_with(piece));
    }
    if let Ok(file) = base.with_files(piece) {
        check::prints_itself(&file, ResourcePath::parse);
        assert!(file.is_within(&base.without_files()), "{file} left {base}");
    }
}
