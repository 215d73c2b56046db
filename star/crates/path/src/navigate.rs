//! Moving through the tree: from a path to its parents and children.
//!
//! Owns which path lies above which. Everything here is a matter of text; whether a
//! resource exists, or may have such a child, is not known here.

use std::sync::Arc;

use semver::Version;

use crate::digest::Digest;
use crate::error::{Fault, PathError, PathErrorKind, Place};
use crate::file::{self, Spelling};
use crate::path::{Marks, Pin, ResourcePath};
use crate::segment;

impl ResourcePath {
    /// The path of the Space; nothing for `ROOT`.
    pub fn space_path(&self) -> Option<ResourcePath> {
        (!self.is_root()).then(|| self.cut(self.marks.space.into()))
    }

    /// The path above: the directory of a file, the series of a version, `ROOT` of a Space.
    ///
    /// What stands last is dropped first, so the parent of a path with a digest is the same
    /// path without it. `ROOT` has no parent.
    pub fn parent(&self) -> Option<ResourcePath> {
        let Marks { space, names, release, digest } = self.marks;
        if self.is_root() {
            return None;
        }
        let end = if let Some(files) = self.files() {
            let name = files.strip_suffix('/').unwrap_or(files);
            let begin = usize::from(digest) + 1;
            name.rfind('/').map_or(usize::from(digest), |slash| begin + slash + 1)
        } else if digest > release {
            release.into()
        } else if release > names {
            names.into()
        } else if names > space {
            self.text.rfind(':').unwrap_or(space.into())
        } else {
            return Some(ResourcePath::root());
        };
        Some(self.cut(end))
    }

    /// All paths above, the nearest first, `ROOT` last.
    pub fn ancestors(&self) -> impl Iterator<Item = ResourcePath> {
        std::iter::successors(self.parent(), ResourcePath::parent)
    }

    /// How many paths lie above: 0 for `ROOT`, 1 for a Space.
    pub fn depth(&self) -> usize {
        let Marks { names, release, digest, .. } = self.marks;
        if self.is_root() {
            return 0;
        }
        let files = self.files().map_or(0, |files| files.matches('/').count() + usize::from(!files.ends_with('/')));
        1 + self.names().count() + usize::from(release > names) + usize::from(digest > release) + files
    }

    /// Whether this path equals `other` or lies below it.
    pub fn is_within(&self, other: &ResourcePath) -> bool {
        if other.is_root() {
            return true;
        }
        let Some(behind) = self.text.strip_prefix(&*other.text) else {
            return false;
        };
        let directory = other.is_directory();
        let pinned = other.text.len() == usize::from(self.marks.release) && behind.starts_with('@');
        behind.is_empty() || directory || (other.files().is_none() && behind.starts_with(':')) || pinned
    }

    /// The path without its files part.
    #[must_use]
    pub fn without_files(&self) -> ResourcePath {
        if self.files().is_none() { self.clone() } else { self.cut(self.marks.digest.into()) }
    }

    /// The path without digest and files.
    #[must_use]
    pub fn without_digest(&self) -> ResourcePath {
        if self.is_root() { self.clone() } else { self.cut(self.marks.release.into()) }
    }

    /// The path of names alone, without release, digest and files.
    #[must_use]
    pub fn without_release(&self) -> ResourcePath {
        if self.is_root() { self.clone() } else { self.cut(self.marks.names.into()) }
    }

    /// The child of this name; below `ROOT`, the Space of this name.
    ///
    /// # Errors
    /// If `name` is no single name, or if no name can follow here: behind a version, a
    /// digest, or files.
    pub fn child(&self, name: &str) -> Result<ResourcePath, PathError> {
        let never = |_: &str| false;
        if self.is_root() {
            segment::check_space(name).map_err(|fault| fault.of(name, segment::is_space_name))?;
            return ResourcePath::parse(name);
        }
        segment::check_name(name).map_err(|fault| fault.of(name, |meant| segment::check_name(meant).is_ok()))?;
        let after = match (self.files(), self.digest(), self.release()) {
            (Some(_), ..) => Place::File,
            (None, Some(_), _) => Place::Digest,
            (None, None, Some(_)) => Place::Version,
            (None, None, None) => return ResourcePath::parse(&format!("{self}:{name}")),
        };
        let fault = Fault::new(0..self.text.len(), PathErrorKind::NoNameAfter { after });
        Err(fault.of(&self.text, never))
    }

    /// This path with the release replaced by `version`, and without digest and files.
    ///
    /// # Errors
    /// If the path is `ROOT`, or becomes too long.
    pub fn with_version(&self, version: &Version) -> Result<ResourcePath, PathError> {
        ResourcePath::parse(&format!("{}:{version}", self.without_release()))
    }

    /// This path with the digest replaced, and without files.
    ///
    /// # Errors
    /// If the path is `ROOT`, or becomes too long.
    pub fn with_digest(&self, digest: &Digest) -> Result<ResourcePath, PathError> {
        ResourcePath::parse(&format!("{}@{digest}", self.without_digest()))
    }

    /// This path with the files part replaced by `files`: plain text that begins with `/`,
    /// in which a percent sign is a percent sign. It is encoded canonically.
    ///
    /// # Errors
    /// If a name is empty, `.` or `..`, too long, or holds a zero byte; if the path is
    /// `ROOT` or becomes too long.
    pub fn with_files(&self, files: &str) -> Result<ResourcePath, PathError> {
        let mut text = self.without_files().text.to_string();
        text.push(':');
        let accepts = |meant: &str| file::canonical(meant, Spelling::Plain, &mut String::new()).is_ok();
        file::canonical(files, Spelling::Plain, &mut text).map_err(|fault| fault.of(files, accepts))?;
        ResourcePath::parse(&text)
    }

    /// The first `end` bytes, which must end a part.
    fn cut(&self, end: usize) -> ResourcePath {
        if end == self.text.len() {
            return self.clone();
        }
        let to = u16::try_from(end).expect("a path is shorter than its limit of 2,048 bytes");
        let Marks { space, names, release, digest } = self.marks;
        let kept = Pin {
            release: self.release().filter(|_| release <= to).cloned(),
            digest: self.digest().filter(|_| digest <= to).cloned(),
        };
        let pin = match &self.pin {
            Some(pin) if digest <= to => Some(Arc::clone(pin)),
            Some(_) if kept.release.is_some() || kept.digest.is_some() => Some(Arc::new(kept)),
            _ => None,
        };
        ResourcePath {
            text: Arc::from(&self.text[..end]),
            marks: Marks { space, names: names.min(to), release: release.min(to), digest: digest.min(to) },
            pin,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn path(text: &str) -> ResourcePath {
        ResourcePath::parse(text).unwrap()
    }

    #[test]
    fn a_parent_drops_what_stands_last() {
        let pinned = format!("acme:b@sha256:{}", "0".repeat(64));
        for (text, parent) in [
            ("acme:web:/docs/a", "acme:web:/docs/"),
            ("acme:web:/docs/", "acme:web:/"),
            ("acme:web:/a", "acme:web:/"),
            ("acme:web:/", "acme:web"),
            ("acme:b:1.2.0:/x", "acme:b:1.2.0:/"),
            ("acme:b:1.2.0:/", "acme:b:1.2.0"),
            ("acme:b:1.2.0", "acme:b"),
            (&pinned, "acme:b"),
            (&format!("{pinned}:/"), &pinned),
            ("acme:b:c", "acme:b"),
            ("acme:b", "acme"),
            ("acme", "ROOT"),
        ] {
            let it = path(text);
            let above = it.parent().unwrap();
            assert_eq!(above.as_str(), parent, "{text}");
            assert_eq!(above.marks, path(parent).marks, "{text}");
            assert_eq!((above.release(), above.digest()), (path(parent).release(), path(parent).digest()));
            assert_eq!(it.depth(), it.ancestors().count(), "{text}");
        }
        assert_eq!(ResourcePath::root().parent(), None);
    }

    #[test]
    fn within_follows_parts_and_not_bytes() {
        let pinned = format!("acme:web@sha256:{}", "0".repeat(64));
        for (below, above, within) in [
            ("acme:web", "ROOT", true),
            ("ROOT", "acme", false),
            ("acme:web", "acme:web", true),
            ("acme:web:/a", "acme:web", true),
            ("acme:web:/a/b", "acme:web:/a/", true),
            ("acme:web:/a/b", "acme:web:/a", false),
            ("acme:website", "acme:web", false),
            ("acme.com", "acme", false),
            ("acme@x.y", "acme", false),
            (&pinned, "acme:web", true),
            ("acme:web", &pinned, false),
            ("acme:b:1.2.0", "acme:b", true),
            ("acme:b:1.2.0+x", "acme:b:1.2.0", false),
        ] {
            let (below, above) = (path(below), path(above));
            assert_eq!(below.is_within(&above), within, "{below} in {above}");
            let walked = below == above || below.ancestors().any(|it| it == above);
            assert_eq!(walked, within, "{below} in {above}");
        }
    }

    #[test]
    fn children_are_single_names() {
        assert_eq!(ResourcePath::root().child("acme").unwrap(), path("acme"));
        assert_eq!(path("acme").child("web").unwrap(), path("acme:web"));
        for bad in ["", "a:b", "/", "1.2.0", "a b", "..", "#x", "(^1)"] {
            assert!(path("acme").child(bad).is_err(), "{bad}");
        }
        for closed in ["acme:b:1.2.0", "acme:web:/", "acme:web:/a"] {
            assert!(path(closed).child("x").is_err(), "{closed}");
        }
        assert!(ResourcePath::root().child("ROOT").is_err());
        assert!(ResourcePath::root().child("acme:web").is_err());
    }

    #[test]
    fn versions_digests_and_files_are_replaced() {
        let version = Version::new(2, 0, 0);
        assert_eq!(path("acme:b").with_version(&version).unwrap(), path("acme:b:2.0.0"));
        assert_eq!(path("acme:b:1.0.0:/x").with_version(&version).unwrap(), path("acme:b:2.0.0"));
        assert_eq!(path("acme:b:/x").with_files("/a b/").unwrap(), path("acme:b:/a%20b/"));
        for bad in ["", "a", "/../x", "/a//b", "/\0"] {
            assert!(path("acme:b").with_files(bad).is_err(), "{bad:?}");
        }
        let digest = Digest::sha256([1; 32]);
        assert_eq!(path("acme:b:/x").with_digest(&digest).unwrap().digest(), Some(&digest));
        let root = ResourcePath::root();
        assert!(root.with_version(&version).is_err() && root.with_files("/").is_err());
    }
}
