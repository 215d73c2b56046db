//! Cursors: places in lists and in the log, which come back from clients.
//!
//! The first line of an input is a selector, the second a cursor or a path. A cursor that is taken is
//! one that was given out, for this selector and a path; a place in the log prints itself.

use star_http::fuzzing;
use star_path::{ResourcePath, Selector};

use crate::check;

/// A selector, and a cursor or path.
pub(crate) fn run(data: &[u8]) {
    let Some(text) = check::text(data) else { return };
    let (first, second) = text.split_once('\n').unwrap_or(("acme:**", text));
    let selector = Selector::parse(first).ok();
    for selector in selector.iter().chain(&Selector::parse("**").ok()) {
        listed(selector, second);
    }
    logged(second);
}

fn listed(selector: &Selector, text: &str) {
    if let Ok(Some(path)) = fuzzing::list_cursor(selector, text) {
        assert_eq!(fuzzing::list_cursor_of(selector, &path), text, "a cursor that was never given out is taken");
    }
    let Ok(path) = ResourcePath::parse(text) else { return };
    let cursor = fuzzing::list_cursor_of(selector, path.as_str());
    assert_eq!(fuzzing::list_cursor(selector, &cursor).ok(), Some(Some(path.to_string())));
    let other = Selector::parse("somebody-else:*").expect("a constant that is a selector");
    assert!(fuzzing::list_cursor(&other, &cursor).is_err(), "a cursor of another list is taken");
    let longer = format!("{cursor}A");
    assert!(fuzzing::list_cursor(selector, &longer).is_err(), "a longer cursor is taken");
    assert!(fuzzing::list_cursor(selector, &cursor[..cursor.len() - 1]).is_err(), "a cut cursor is taken");
}

fn logged(text: &str) {
    let Ok((printed, position, from)) = fuzzing::event_cursor(text) else { return };
    assert!(from <= position && position - from <= 1);
    assert_eq!(fuzzing::event_cursor(&printed).ok(), Some((printed.clone(), position, from)), "{text}");
}
