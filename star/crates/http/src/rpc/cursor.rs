//! Places in a list: what a page ends with and the next one begins with.
//!
//! A cursor holds the path that comes next, and a mark of the selector that it belongs to. It is
//! opaque to clients, good for as long as they like, and opens nothing: whoever comes with one is asked
//! for their rights as without. What is not one is refused and not taken for another place.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use sha2::{Digest, Sha256};
use star_path::{ResourcePath, Selector};
use star_wire::{ErrorCode, StarError};

/// The form of what follows it.
const VERSION: u8 = 1;

/// Bytes of the mark: enough that no typing mistake and no other selector fits.
const MARK_BYTES: usize = 8;

/// The cursor of a path in the list of a selector.
pub(crate) fn written(selector: &Selector, path: &str) -> String {
    let bytes = [&[VERSION], &mark(selector, path)[..], path.as_bytes()].concat();
    URL_SAFE_NO_PAD.encode(bytes)
}

/// The path of a cursor, which must belong to this selector. The empty text is the beginning.
pub(crate) fn read(selector: &Selector, cursor: &str) -> Result<Option<String>, StarError> {
    if cursor.is_empty() {
        return Ok(None);
    }
    let path = path_of(selector, cursor).ok_or_else(|| {
        StarError::new(ErrorCode::InvalidArgument, format!("the cursor is not one of a page of `{selector}`"))
            .hint("pass `next_cursor` as it came, with the same selector; the empty cursor begins anew")
    })?;
    Ok(Some(path))
}

fn path_of(selector: &Selector, cursor: &str) -> Option<String> {
    let bytes = URL_SAFE_NO_PAD.decode(cursor).ok()?;
    let (version, rest) = bytes.split_first()?;
    let (found, path) = rest.split_at_checked(MARK_BYTES)?;
    let path = std::str::from_utf8(path).ok().filter(|path| ResourcePath::parse(path).is_ok())?;
    (*version == VERSION && *found == mark(selector, path)).then(|| path.to_owned())
}

fn mark(selector: &Selector, path: &str) -> [u8; MARK_BYTES] {
    let digest = Sha256::digest(format!("{selector}\n{path}"));
    std::array::from_fn(|place| digest[place])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cursor_leads_back_to_its_place_in_its_own_list_only() {
        let (of, other) = (Selector::parse("acme:**").unwrap(), Selector::parse("acme:*").unwrap());
        for path in ["acme:web:/a b.txt", "acme", "ROOT"].map(|path| path.replace(' ', "%20")) {
            let cursor = written(&of, &path);
            assert_eq!(read(&of, &cursor).ok(), Some(Some(path.clone())));
            assert!(!cursor.contains("acme"), "nobody is invited to make one");
            assert_eq!(read(&other, &cursor).unwrap_err().code(), ErrorCode::InvalidArgument);
        }
        assert_eq!(read(&of, "").ok(), Some(None));
    }

    #[test]
    fn what_is_no_cursor_is_refused() {
        let of = Selector::parse("acme:**").unwrap();
        let cursor = written(&of, "acme:web");
        let cut = &cursor[..cursor.len() - 2];
        for bad in ["acme:web", "AQ", "!", cut, &cursor.replace('A', "B"), "AAAAAAAAAAAA"] {
            assert!(read(&of, bad).is_err(), "{bad}");
        }
    }
}
