//! The files part: what stands behind `:/`.
//!
//! Owns the canonical text of file names: Unicode NFC, and percent signs for everything
//! that the grammar does not allow as itself. Storage keys and URLs are made of that text,
//! so two texts of one file would be two files.

use std::borrow::Cow;

use unicode_normalization::{UnicodeNormalization, is_nfc};

use crate::caret;
use crate::error::{Fault, PathErrorKind, Place};
use crate::limits;

/// Whether the names in a files part are percent-encoded or stand for themselves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Spelling {
    Encoded,
    Plain,
}

/// Appends the canonical form of `files`, which begins with `/`, to `out`.
pub(crate) fn canonical(files: &str, spelling: Spelling, out: &mut String) -> Result<(), Fault> {
    let Some(rest) = files.strip_prefix('/') else {
        return Err(Fault::new(0..files.len(), PathErrorKind::FilesWithoutSlash));
    };
    out.push('/');
    let mut at = 1;
    let mut levels = 0;
    for name in rest.split('/') {
        let last = at + name.len() == files.len();
        if name.is_empty() && last {
            break;
        }
        if name.is_empty() {
            let kind = PathErrorKind::Missing { place: Place::File };
            return Err(Fault::new(at..at + 1, kind).fix(""));
        }
        levels += 1;
        if levels > limits::FILE_LEVELS {
            let kind = PathErrorKind::TooMany { place: Place::File, limit: limits::FILE_LEVELS };
            return Err(Fault::new(at..files.len(), kind));
        }
        let plain = match spelling {
            Spelling::Encoded => read_name(name).map_err(|fault| fault.shifted(at))?,
            Spelling::Plain => Cow::Borrowed(name),
        };
        push_name(&plain, name.len(), out).map_err(|fault| fault.shifted(at))?;
        at += name.len() + 1;
        if !last {
            out.push('/');
        }
    }
    Ok(())
}

/// Whether `c` stands for itself in a canonical file name.
fn stands_for_itself(c: char) -> bool {
    match c {
        '-' | '.' | '_' | '~' | '+' | '=' | '@' | ',' | ':' | '!' | '\'' => true,
        _ if c.is_ascii() => c.is_ascii_alphanumeric(),
        // What a terminal hides or acts on is encoded: a path is printed everywhere.
        _ => !caret::is_hidden(c),
    }
}

/// Decodes one name as it may be written in a path.
pub(crate) fn read_name(name: &str) -> Result<Cow<'_, str>, Fault> {
    let raw = |c: char| c == '%' || !c.is_ascii() || stands_for_itself(c);
    if let Some((at, found)) = name.char_indices().find(|&(_, c)| !raw(c)) {
        let kind = PathErrorKind::Character { found, place: Place::File };
        return Err(Fault::new(at..at + found.len_utf8(), kind).fix(encoded(found.encode_utf8(&mut [0; 4]))));
    }
    if !name.contains('%') {
        return Ok(Cow::Borrowed(name));
    }
    let mut bytes = Vec::with_capacity(name.len());
    let mut rest = name.as_bytes();
    while let Some((&first, others)) = rest.split_first() {
        let at = name.len() - rest.len();
        match (first, others) {
            (b'%', [high, low, behind @ ..]) => {
                bytes.push(octet(*high, *low).ok_or_else(|| half_encoded(name, at))?);
                rest = behind;
            }
            (b'%', _) => return Err(half_encoded(name, at)),
            _ => {
                bytes.push(first);
                rest = others;
            }
        }
    }
    String::from_utf8(bytes).map(Cow::Owned).map_err(|_| Fault::new(0..name.len(), PathErrorKind::EncodedBytes))
}

fn octet(high: u8, low: u8) -> Option<u8> {
    let digit = |b: u8| match b {
        b'0'..=b'9' => Some(b - b'0'),
        b'A'..=b'F' => Some(b - b'A' + 10),
        _ => None,
    };
    Some(digit(high)? << 4 | digit(low)?)
}

/// Either small digits, which are proposed as capitals, or a percent sign meant as itself.
fn half_encoded(name: &str, at: usize) -> Fault {
    let pair = name.get(at + 1..at + 3).filter(|pair| pair.bytes().all(|b| b.is_ascii_hexdigit()));
    match pair {
        Some(_) => Fault::new(at..at + 3, PathErrorKind::Encoding).fix_at(0..name.len(), capitals(name)),
        None => Fault::new(at..at + 1, PathErrorKind::Encoding).fix("%25"),
    }
}

/// `name` with capital digits behind every percent sign.
fn capitals(name: &str) -> String {
    let mut pieces = name.split('%');
    let mut out = pieces.next().unwrap_or_default().to_owned();
    for piece in pieces {
        let digits = piece.len() - piece.trim_start_matches(|c: char| c.is_ascii_hexdigit()).len();
        let (pair, rest) = piece.split_at(digits.min(2));
        out.push('%');
        out.push_str(&pair.to_ascii_uppercase());
        out.push_str(rest);
    }
    out
}

/// Appends one decoded name, refusing what no file may be called; `written` is its length
/// in the source.
fn push_name(plain: &str, written: usize, out: &mut String) -> Result<(), Fault> {
    let composed = compose(plain);
    let whole = 0..written;
    if matches!(&*composed, "." | "..") {
        return Err(Fault::new(whole, PathErrorKind::DotFile));
    }
    if composed.contains(['/', '\0']) {
        return Err(Fault::new(whole, PathErrorKind::EncodedBytes));
    }
    if composed.len() > limits::FILE_BYTES {
        let kind = PathErrorKind::PartTooLong { place: Place::File, limit: limits::FILE_BYTES };
        return Err(Fault::new(whole, kind));
    }
    encode_into(&composed, out);
    Ok(())
}

/// `text` in the composed form that canonical names have.
pub(crate) fn compose(text: &str) -> Cow<'_, str> {
    if text.is_ascii() || is_nfc(text) {
        return Cow::Borrowed(text);
    }
    Cow::Owned(text.nfc().collect())
}

/// Appends `plain` with everything encoded that cannot stand for itself.
pub(crate) fn encode_into(plain: &str, out: &mut String) {
    const DIGITS: &[u8; 16] = b"0123456789ABCDEF";
    for c in plain.chars() {
        if stands_for_itself(c) {
            out.push(c);
            continue;
        }
        for byte in c.encode_utf8(&mut [0; 4]).bytes() {
            out.push('%');
            out.push(char::from(DIGITS[usize::from(byte >> 4)]));
            out.push(char::from(DIGITS[usize::from(byte & 15)]));
        }
    }
}

/// `plain` with everything encoded that cannot stand for itself.
pub(crate) fn encoded(plain: &str) -> String {
    let mut out = String::with_capacity(plain.len() + 8);
    encode_into(plain, &mut out);
    out
}

/// One decoded file name as one canonical segment; refuses slashes, dots, and what is too long.
pub(crate) fn segment(plain: &str) -> Result<String, Fault> {
    if plain.is_empty() {
        return Err(Fault::new(0..0, PathErrorKind::Missing { place: Place::File }));
    }
    let mut out = String::with_capacity(plain.len() + 8);
    push_name(plain, plain.len(), &mut out)?;
    Ok(out)
}

/// Undoes the encoding of a canonical text.
pub(crate) fn decoded(canonical: &str) -> Cow<'_, str> {
    if !canonical.contains('%') {
        return Cow::Borrowed(canonical);
    }
    let mut bytes = Vec::with_capacity(canonical.len());
    let mut rest = canonical.as_bytes();
    loop {
        match rest {
            [b'%', high, low, behind @ ..] => {
                bytes.push(octet(*high, *low).expect("canonical text has capital digits behind each percent sign"));
                rest = behind;
            }
            [first, behind @ ..] => {
                bytes.push(*first);
                rest = behind;
            }
            [] => break,
        }
    }
    Cow::Owned(String::from_utf8(bytes).expect("canonical text encodes UTF-8"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(files: &str) -> Option<String> {
        let mut out = String::new();
        canonical(files, Spelling::Encoded, &mut out).ok().map(|()| out)
    }

    #[test]
    fn one_file_has_one_text() {
        for (written, text) in [
            ("/", "/"),
            ("/docs/", "/docs/"),
            ("/caf\u{65}\u{301}.txt", "/café.txt"),
            ("/cafe%CC%81.txt", "/café.txt"),
            ("/%41", "/A"),
            ("/a%20b", "/a%20b"),
            ("/\u{37e}", "/%3B"),
            ("/a\u{202e}b", "/a%E2%80%AEb"),
        ] {
            assert_eq!(read(written).as_deref(), Some(text), "{written}");
            assert_eq!(read(text).as_deref(), Some(text));
        }
    }

    #[test]
    fn what_no_file_is_called_is_refused() {
        for bad in [
            "", "a", "//", "/a//", "/.", "/..", "/a/../b", "/%2E%2E", "/%2F", "/%00", "/%FF", "/%2f", "/%", "/%4",
            "/%é9", "/a b",
        ] {
            assert_eq!(read(bad), None, "{bad}");
        }
        assert_eq!(read(&format!("/{}", "a".repeat(256))), None);
        assert_eq!(read(&"/a".repeat(65)), None);
        assert!(read(&"/a".repeat(64)).is_some());
    }

    #[test]
    fn a_plain_name_may_hold_what_is_encoded() {
        let mut out = String::new();
        canonical("/100% sure?/ü", Spelling::Plain, &mut out).unwrap();
        assert_eq!(out, "/100%25%20sure%3F/ü");
        assert_eq!(decoded(&out), "/100% sure?/ü");
    }
}
