//! The words between the colons: Spaces, names, labels.
//!
//! Owns which characters each of them may have and how long it may be. Knows nothing of
//! where in a path they stand.

use crate::error::{Fault, PathErrorKind, Place};
use crate::limits;

/// Whether `name` is what most kinds accept: `[a-z0-9][a-z0-9._-]*`, at most 128 bytes.
pub fn ordinary_name(name: &str) -> bool {
    let plain = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit();
    let bytes = name.as_bytes();
    bytes.first().is_some_and(|&b| plain(b))
        && bytes.len() <= limits::NAME_BYTES
        && bytes.iter().all(|&b| plain(b) || matches!(b, b'.' | b'_' | b'-'))
}

/// Whether `text` can name a Space: a domain in lower case, or an e-mail address.
pub fn is_space_name(text: &str) -> bool {
    check_space(text).is_ok()
}

/// Refuses what is no Space.
pub(crate) fn check_space(text: &str) -> Result<(), Fault> {
    match text.split_once('@') {
        Some((local, domain)) => check_email(local, domain),
        None => check_dns(text, Place::Space),
    }
}

fn check_email(local: &str, domain: &str) -> Result<(), Fault> {
    let whole = 0..local.len() + 1 + domain.len();
    if local.is_empty() {
        return Err(Fault::new(0..0, PathErrorKind::Missing { place: Place::Name }));
    }
    if local.len() > limits::EMAIL_LOCAL_BYTES {
        let kind = PathErrorKind::PartTooLong { place: Place::Name, limit: limits::EMAIL_LOCAL_BYTES };
        return Err(Fault::new(0..local.len(), kind));
    }
    let fits = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || matches!(c, '.' | '_' | '+' | '-');
    refuse_upper_case(local, Place::Space)?;
    refuse_other(local, Place::Space, fits)?;
    if !domain.contains('.') {
        return Err(Fault::new(whole, PathErrorKind::Email));
    }
    check_dns(domain, Place::Space).map_err(|fault| fault.shifted(local.len() + 1))
}

/// Refuses what is no domain name in lower case; one label is enough.
pub(crate) fn check_dns(text: &str, place: Place) -> Result<(), Fault> {
    if text.is_empty() {
        return Err(Fault::new(0..0, PathErrorKind::Missing { place }));
    }
    refuse_upper_case(text, place)?;
    refuse_other(text, place, |c| c.is_ascii_lowercase() || c.is_ascii_digit() || matches!(c, '.' | '-'))?;
    if text.len() > limits::DNS_BYTES {
        return Err(Fault::new(0..text.len(), PathErrorKind::PartTooLong { place, limit: limits::DNS_BYTES }));
    }
    let mut at = 0;
    for label in text.split('.') {
        check_label(label, place).map_err(|fault| fault.shifted(at))?;
        at += label.len() + 1;
    }
    Ok(())
}

fn check_label(label: &str, place: Place) -> Result<(), Fault> {
    if label.is_empty() {
        return Err(Fault::new(0..0, PathErrorKind::Missing { place }));
    }
    if label.len() > limits::LABEL_BYTES {
        return Err(Fault::new(0..label.len(), PathErrorKind::PartTooLong { place, limit: limits::LABEL_BYTES }));
    }
    let hyphen = PathErrorKind::Edge { found: '-', place };
    if label.starts_with('-') {
        return Err(Fault::new(0..1, hyphen).fix(""));
    }
    if label.ends_with('-') {
        return Err(Fault::new(label.len() - 1..label.len(), hyphen).fix(""));
    }
    Ok(())
}

/// Refuses what is no name; a full version is none either.
pub(crate) fn check_name(text: &str) -> Result<(), Fault> {
    let place = Place::Name;
    let Some(first) = text.chars().next() else {
        return Err(Fault::new(0..0, PathErrorKind::Missing { place }));
    };
    match first {
        '.' => {
            let kind = PathErrorKind::Edge { found: '.', place };
            return Err(Fault::new(0..1, kind).fix("/."));
        }
        '-' => {
            let kind = PathErrorKind::Edge { found: '-', place };
            return Err(Fault::new(0..1, kind).fix(""));
        }
        _ => refuse_other(text, place, |c| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-'))?,
    }
    if text.len() > limits::NAME_BYTES {
        return Err(Fault::new(0..text.len(), PathErrorKind::PartTooLong { place, limit: limits::NAME_BYTES }));
    }
    if semver::Version::parse(text).is_ok() {
        return Err(Fault::new(0..text.len(), PathErrorKind::VersionAsName));
    }
    Ok(())
}

/// Refuses what is no name of a variable: letters, digits and `_`, no digit in front.
pub(crate) fn check_variable(name: &str) -> Result<(), Fault> {
    let place = Place::Variable;
    let Some(found) = name.chars().next() else {
        return Err(Fault::new(0..0, PathErrorKind::Missing { place }));
    };
    if name.len() > limits::VARIABLE_BYTES {
        let kind = PathErrorKind::PartTooLong { place, limit: limits::VARIABLE_BYTES };
        return Err(Fault::new(0..name.len(), kind));
    }
    if found.is_ascii_digit() {
        return Err(Fault::new(0..1, PathErrorKind::Edge { found, place }));
    }
    refuse_other(name, place, |c| c.is_ascii_alphanumeric() || c == '_')
}

/// Refuses capital letters, proposing the small ones.
pub(crate) fn refuse_upper_case(text: &str, place: Place) -> Result<(), Fault> {
    if !text.bytes().any(|b| b.is_ascii_uppercase()) {
        return Ok(());
    }
    Err(Fault::new(0..text.len(), PathErrorKind::UpperCase { place }).fix(text.to_ascii_lowercase()))
}

/// Refuses the first character that does not fit, proposing a hyphen for blanks.
pub(crate) fn refuse_other(text: &str, place: Place, fits: impl Fn(char) -> bool) -> Result<(), Fault> {
    let Some((at, found)) = text.char_indices().find(|&(_, c)| !fits(c)) else {
        return Ok(());
    };
    let span = at..at + found.len_utf8();
    if place == Place::Space && !found.is_ascii() {
        return Err(Fault::new(span, PathErrorKind::International));
    }
    let fault = Fault::new(span, PathErrorKind::Character { found, place });
    let spoken = matches!(place, Place::Space | Place::Name);
    Err(if found == ' ' && spoken { fault.fix("-") } else { fault })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spaces_are_domains_or_addresses() {
        for good in [
            "acme",
            "localhost",
            "uberscott.com",
            "xn--bcher-kva.example",
            "127.0.0.1",
            "scott@mightydevco.com",
            "a.b+c_d-e@x.y",
        ] {
            assert!(is_space_name(good), "{good}");
        }
        for bad in ["", "Acme", "a_b", "-a", "a-", "a..b", ".a", "a.", "a@b", "@x.y", "a@", "a@@b.c", "bücher", "a b"]
        {
            assert!(!is_space_name(bad), "{bad}");
        }
        assert!(!is_space_name(&"a".repeat(64)));
        assert!(!is_space_name(&["abcdefghi"; 26].join(".")));
    }

    #[test]
    fn ordinary_names_are_lower_case() {
        for good in ["web", "2048-game", "v1.4_2", "a"] {
            assert!(ordinary_name(good), "{good}");
        }
        for bad in ["", "Web", "_x", "-x", ".x", "a b", "é"] {
            assert!(!ordinary_name(bad), "{bad}");
        }
    }
}
