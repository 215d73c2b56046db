//! One hop of a selector: what stands between two colons.

use std::fmt;

use semver::{Version, VersionReq};

use crate::error::{Fault, PathErrorKind, Place};
use crate::path::ROOT;
use crate::release::{self, Release};
use crate::segment;
use crate::selector::glob::Pattern;

/// What a Space, a name or a version must be like.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) enum Hop {
    /// This name; as the first hop, this Space or `ROOT`.
    Name(Box<str>),
    /// A name with stars in it.
    Like(Pattern),
    /// Any one.
    One,
    /// Any number of them.
    Many,
    /// This version.
    Version(Box<Version>),
    /// A version that meets this.
    Requirement(VersionReq),
    /// Any one, which is then known by this name.
    Capture(Box<str>),
}

/// Whether a hop is the first, which matches a Space, or a later one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Position {
    First,
    Later,
}

impl Hop {
    pub(super) fn read(text: &str, position: Position) -> Result<Hop, Fault> {
        match text {
            "" => {
                return Err(Fault::new(0..0, PathErrorKind::Missing { place: Place::Name }));
            }
            "*" => return Ok(Hop::One),
            "**" => return Ok(Hop::Many),
            ROOT if position == Position::First => return Ok(Hop::Name(text.into())),
            _ => {}
        }
        if let Some(at) = text.find("**") {
            return Err(Fault::new(at..at + 2, PathErrorKind::DoubleStar));
        }
        if text.starts_with("$(") {
            return capture(text).map(|name| Hop::Capture(name.into()));
        }
        if text.contains('*') && !text.starts_with('(') {
            return like(text, position).map(Hop::Like);
        }
        if position == Position::First {
            segment::check_space(text)?;
            return Ok(Hop::Name(text.into()));
        }
        match Release::read(text)? {
            Some(Release::Version(version)) => Ok(Hop::Version(Box::new(version))),
            Some(Release::Requirement(requirement)) => Ok(Hop::Requirement(requirement)),
            None => segment::check_name(text).map(|()| Hop::Name(text.into())),
        }
    }

    /// The variable that this hop captures.
    pub(super) fn variable(&self) -> Option<&str> {
        match self {
            Hop::Capture(name) => Some(name),
            _ => None,
        }
    }

    /// Whether only one text matches.
    pub(super) fn is_literal(&self) -> bool {
        matches!(self, Hop::Name(_) | Hop::Version(_))
    }

    /// Whether `segment`, which is the text of `release` if there is one, matches.
    pub(super) fn covers(&self, segment: &str, release: Option<&Release>) -> bool {
        match (self, release) {
            (Hop::One | Hop::Many | Hop::Capture(_), _) => true,
            (Hop::Name(name), None) => &**name == segment,
            (Hop::Like(pattern), _) => pattern.covers(segment),
            (Hop::Version(wanted), Some(Release::Version(version))) => **wanted == *version,
            (Hop::Requirement(wanted), Some(Release::Version(version))) => wanted.matches(version),
            (Hop::Requirement(wanted), Some(Release::Requirement(asked))) => wanted == asked,
            _ => false,
        }
    }
}

fn capture(text: &str) -> Result<&str, Fault> {
    let Some(end) = text.find(')') else {
        return Err(Fault::new(0..2, PathErrorKind::Unclosed { open: '(' }));
    };
    if end + 1 < text.len() {
        return Err(Fault::new(end + 1..text.len(), PathErrorKind::Trailing));
    }
    let name = &text[2..end];
    segment::check_variable(name).map_err(|fault| fault.shifted(2))?;
    Ok(name)
}

fn like(text: &str, position: Position) -> Result<Pattern, Fault> {
    let (place, upper, email) = match position {
        Position::First => (Place::Space, false, true),
        Position::Later => (Place::Name, true, false),
    };
    let fits = |c: char| {
        c.is_ascii_lowercase()
            || c.is_ascii_digit()
            || matches!(c, '.' | '_' | '-' | '*')
            || (upper && (c.is_ascii_uppercase() || c == '+'))
            || (email && matches!(c, '@' | '+'))
    };
    segment::refuse_other(text, place, fits)?;
    Ok(Pattern::of_name(text))
}

impl fmt::Display for Hop {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Hop::Name(name) => f.write_str(name),
            Hop::Like(pattern) => pattern.write_name(f),
            Hop::One => f.write_str("*"),
            Hop::Many => f.write_str("**"),
            Hop::Version(version) => fmt::Display::fmt(version, f),
            Hop::Requirement(requirement) => release::write_requirement(requirement, f),
            Hop::Capture(name) => write!(f, "$({name})"),
        }
    }
}
