//! Versions and version requirements as the last hop of a path.
//!
//! Owns their canonical text; the rules of precedence and matching are those of `semver`.

use std::fmt;

use semver::{Version, VersionReq};

use crate::error::{Fault, PathErrorKind};

/// What stands behind the last name: one version, or a requirement that picks the highest
/// version that meets it.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Release {
    /// Exactly this version.
    Version(Version),
    /// The highest version that meets this, written in parentheses.
    Requirement(VersionReq),
}

impl Release {
    /// Whether `version` is, or meets, this release.
    pub fn accepts(&self, version: &Version) -> bool {
        match self {
            Release::Version(exact) => exact == version,
            Release::Requirement(requirement) => requirement.matches(version),
        }
    }

    /// The release that `segment` is, or nothing if it is a name.
    pub(crate) fn read(segment: &str) -> Result<Option<Release>, Fault> {
        if segment.starts_with('(') {
            return requirement(segment).map(|found| Some(Release::Requirement(found)));
        }
        // Most segments are names: only those that begin with a digit can be versions.
        if !segment.starts_with(|c: char| c.is_ascii_digit()) {
            return Ok(None);
        }
        Ok(Version::parse(segment).ok().map(Release::Version))
    }
}

/// Reads a requirement with its parentheses.
pub(crate) fn requirement(text: &str) -> Result<VersionReq, Fault> {
    let Some(inner) = text.strip_prefix('(').and_then(|rest| rest.strip_suffix(')')) else {
        return Err(match text.find(')') {
            Some(at) => Fault::new(at + 1..text.len(), PathErrorKind::Trailing),
            None => Fault::new(0..1, PathErrorKind::Unclosed { open: '(' }),
        });
    };
    VersionReq::parse(inner).map_err(|_| Fault::new(0..text.len(), PathErrorKind::Requirement))
}

/// Writes a requirement without blanks, so that one shell word holds it.
pub(crate) fn write_requirement(requirement: &VersionReq, f: &mut impl fmt::Write) -> fmt::Result {
    if requirement.comparators.is_empty() {
        return f.write_str("(*)");
    }
    for (at, comparator) in requirement.comparators.iter().enumerate() {
        write!(f, "{}{comparator}", if at == 0 { '(' } else { ',' })?;
    }
    f.write_char(')')
}

impl fmt::Display for Release {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Release::Version(version) => fmt::Display::fmt(version, f),
            Release::Requirement(requirement) => write_requirement(requirement, f),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn printed(text: &str) -> Option<String> {
        Release::read(text).ok().flatten().map(|release| release.to_string())
    }

    #[test]
    fn only_three_numbers_make_a_version() {
        for (text, read) in [
            ("1.2.0", Some("1.2.0")),
            ("1.2.0-rc.1+build.5", Some("1.2.0-rc.1+build.5")),
            ("1.2", None),
            ("v1.2.0", None),
            ("01.2.0", None),
            ("(^1.2)", Some("(^1.2)")),
            ("(1)", Some("(^1)")),
            ("(*)", Some("(*)")),
            ("( >=1.2 , <2 )", Some("(>=1.2,<2)")),
            ("()", None),
            ("(x", None),
        ] {
            assert_eq!(printed(text).as_deref(), read, "{text}");
        }
    }
}
