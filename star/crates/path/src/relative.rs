//! Paths that begin at the resource of the document in which they stand.
//!
//! Owns their text and how they are joined to a base.

use std::fmt;

use crate::error::{Fault, PathError, PathErrorKind};
use crate::hops::Hops;
use crate::path::ResourcePath;

/// A path that begins with `.` or with one or more `..`, such as `..:another-app`.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct RelativePath {
    text: Box<str>,
    /// Bytes of the dots and the colons between them.
    head: usize,
    ups: usize,
}

impl RelativePath {
    pub(crate) fn read(body: &str) -> Result<RelativePath, Fault> {
        let (ups, head) = dots(body)?;
        let hops = Hops::read(body, head)?;
        Ok(RelativePath { text: hops.text.into(), head, ups })
    }

    /// The canonical text.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// How many `..` stand in front.
    pub fn ups(&self) -> usize {
        self.ups
    }

    /// The absolute path, seen from the resource `base`, whose digest and files do not count.
    ///
    /// # Errors
    /// If it climbs above `ROOT`, or if what follows cannot stand below where it arrives.
    pub fn resolve(&self, base: &ResourcePath) -> Result<ResourcePath, PathError> {
        let mut from = base.without_digest();
        for _ in 0..self.ups {
            let above = || Fault::new(0..self.head, PathErrorKind::AboveRoot);
            from = from.parent().ok_or_else(|| above().of(&self.text, |_| false))?;
        }
        let behind = &self.text[self.head..];
        if behind.is_empty() {
            return Ok(from);
        }
        match behind.strip_prefix(':') {
            Some(space) if from.is_root() && !space.starts_with('/') => ResourcePath::parse(space),
            _ => ResourcePath::parse(&format!("{from}{behind}")),
        }
    }
}

/// How many parents to climb, and how many bytes say so.
fn dots(body: &str) -> Result<(usize, usize), Fault> {
    let ends = |at: usize| matches!(body.as_bytes().get(at), None | Some(b':' | b'@'));
    if body.starts_with('.') && ends(1) {
        return Ok((0, 1));
    }
    let mut ups = 0;
    let mut at = 0;
    while body.get(at..).is_some_and(|rest| rest.starts_with("..")) && ends(at + 2) {
        ups += 1;
        at += 3;
    }
    if ups > 0 {
        return Ok((ups, at - 1));
    }
    let run = body.bytes().take_while(|&b| b == b'.').count();
    let fault = Fault::new(0..run, PathErrorKind::Relative);
    // Habit of a file system: `./x` and `../x`.
    Err(if body[run..].starts_with('/') { fault.fix_at(run..run, ":") } else { fault })
}

impl fmt::Display for RelativePath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn resolved(text: &str, base: &str) -> Option<String> {
        let base = ResourcePath::parse(base).unwrap();
        let path = RelativePath::read(text).ok()?.resolve(&base).ok()?;
        Some(path.to_string())
    }

    #[test]
    fn a_relative_path_begins_at_its_base() {
        for (text, base, path) in [
            (".", "acme:app", Some("acme:app")),
            (".:mechtron", "acme:app", Some("acme:app:mechtron")),
            (".:/x", "acme:b:1.0.0", Some("acme:b:1.0.0:/x")),
            (".:/x", "acme:b:1.0.0:/bind.yaml", Some("acme:b:1.0.0:/x")),
            (".:y", "acme:b:1.0.0", None),
            ("..", "acme:b:1.0.0", Some("acme:b")),
            ("..:another-app", "acme:app", Some("acme:another-app")),
            ("..:..:shared:/logo.svg", "acme:app:main", Some("acme:shared:/logo.svg")),
            ("..:other", "acme", Some("other")),
            ("..", "acme", Some("ROOT")),
            ("..:/x", "acme", None),
            ("..:..", "acme", None),
        ] {
            assert_eq!(resolved(text, base).as_deref(), path, "{text} from {base}");
        }
    }

    #[test]
    fn other_dots_are_refused() {
        for bad in ["...", "./x", "../x", ".x", "..x", "..:..x", ".:", "..:", ".:..", ".:."] {
            assert!(RelativePath::read(bad).is_err(), "{bad}");
        }
    }
}
