//! Paths of resources: the one type that the rest of the program passes around.
//!
//! Owns [`ResourcePath`], which holds the canonical text and knows its parts. Moving
//! through the tree (`parent`, `child`, …) lies in the `navigate` module; routes, kinds and
//! properties belong to a [`Reference`](crate::Reference). Start at [`ResourcePath::parse`].

use std::borrow::{Borrow, Cow};
use std::cmp::Ordering;
use std::fmt;
use std::hash::{Hash, Hasher};
use std::sync::{Arc, LazyLock};

use semver::Version;

use crate::digest::Digest;
use crate::error::{Fault, PathError, PathErrorKind, Place};
use crate::file;
use crate::hops::Hops;
use crate::release::Release;
use crate::segment;
use crate::split;
use crate::text::textual;

/// The text of the root resource.
pub(crate) const ROOT: &str = "ROOT";

/// The absolute path of a resource, or `ROOT`; without route, kind and property.
///
/// Equality, order and hash are those of the canonical text, which is also the storage key:
/// `parse(path.as_str())` gives the same path. A clone costs two reference counts.
#[derive(Clone)]
pub struct ResourcePath {
    pub(crate) text: Arc<str>,
    pub(crate) marks: Marks,
    pub(crate) pin: Option<Arc<Pin>>,
}

/// The bytes of the text at which its parts end; a part that is missing ends where the one
/// before it does. All are zero in `ROOT`. Texts are far shorter than 65,536 bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Marks {
    pub(crate) space: u16,
    pub(crate) names: u16,
    pub(crate) release: u16,
    pub(crate) digest: u16,
}

/// The parts that need more than their text. Few paths have them.
#[derive(Debug, Clone)]
pub(crate) struct Pin {
    pub(crate) release: Option<Release>,
    pub(crate) digest: Option<Digest>,
}

static ROOT_PATH: LazyLock<ResourcePath> = LazyLock::new(|| ResourcePath {
    text: Arc::from(ROOT),
    marks: Marks { space: 0, names: 0, release: 0, digest: 0 },
    pin: None,
});

impl ResourcePath {
    /// Reads a path. Routes, kinds, properties and relative paths are refused: they belong
    /// to a [`Reference`](crate::Reference).
    pub fn parse(text: &str) -> Result<ResourcePath, PathError> {
        ResourcePath::read(text).map_err(|fault| fault.of(text, |meant| ResourcePath::read(meant).is_ok()))
    }

    /// The root of everything.
    pub fn root() -> ResourcePath {
        ROOT_PATH.clone()
    }

    fn read(text: &str) -> Result<ResourcePath, Fault> {
        let pieces = split::split(text)?;
        let refuse = |span, place| Err(Fault::new(span, PathErrorKind::NotHere { place }));
        if let Some(route) = pieces.route {
            let end = route.text.len() + 2;
            return refuse(0..end, Place::Remote).map_err(|fault| fault.fix(""));
        }
        if let Some(kind) = pieces.kind {
            return refuse(kind.span(), Place::Kind).map_err(|fault| fault.fix(""));
        }
        if let Some(property) = pieces.property {
            let span = property.at - 1..text.len();
            return refuse(span, Place::Property).map_err(|fault| fault.fix(""));
        }
        if text.starts_with('.') {
            return refuse(0..text.len(), Place::Relative);
        }
        ResourcePath::read_body(text)
    }

    /// Reads `ROOT` or an absolute path that was cut free of all else.
    pub(crate) fn read_body(body: &str) -> Result<ResourcePath, Fault> {
        if let Some(behind) = body.strip_prefix(ROOT) {
            if behind.is_empty() {
                return Ok(ResourcePath::root());
            }
            if behind.starts_with([':', '@']) {
                let fault = Fault::new(ROOT.len()..body.len(), PathErrorKind::BelowRoot);
                return Err(fault.fix_at(0..ROOT.len() + 1, ""));
            }
        }
        let colon = body.find(':').unwrap_or(body.len());
        let digest = ["@sha256:", "@sha512:"].iter().filter_map(|mark| body.find(mark)).min();
        let head = digest.map_or(colon, |at| at.min(colon));
        segment::check_space(&body[..head])?;
        Hops::read(body, head).map(ResourcePath::from_hops)
    }

    fn from_hops(hops: Hops) -> ResourcePath {
        let mark = |end: usize| u16::try_from(end).expect("a path is shorter than its limit of 2,048 bytes");
        let pinned = hops.release.is_some() || hops.digest.is_some();
        ResourcePath {
            marks: Marks {
                space: mark(hops.head_end),
                names: mark(hops.names_end),
                release: mark(hops.release_end),
                digest: mark(hops.digest_end),
            },
            text: Arc::from(hops.text),
            pin: pinned.then(|| Arc::new(Pin { release: hops.release, digest: hops.digest })),
        }
    }

    /// Whether this is `ROOT`.
    pub fn is_root(&self) -> bool {
        self.marks.space == 0
    }

    /// The canonical text.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// The name of the Space; nothing for `ROOT`.
    pub fn space(&self) -> Option<&str> {
        (!self.is_root()).then(|| &self.text[..self.marks.space.into()])
    }

    /// The names behind the Space, without release, digest and files.
    pub fn names(&self) -> impl DoubleEndedIterator<Item = &str> {
        let names = &self.text[self.marks.space.into()..self.marks.names.into()];
        // The text begins with the colon that separates it from the Space, or is empty.
        names.split(':').filter(|name| !name.is_empty())
    }

    /// The version or requirement behind the names.
    pub fn release(&self) -> Option<&Release> {
        self.pin.as_ref().and_then(|pin| pin.release.as_ref())
    }

    /// The version behind the names, if it is one and not a requirement.
    pub fn version(&self) -> Option<&Version> {
        match self.release() {
            Some(Release::Version(version)) => Some(version),
            _ => None,
        }
    }

    /// The digest that the content must have.
    pub fn digest(&self) -> Option<&Digest> {
        self.pin.as_ref().and_then(|pin| pin.digest.as_ref())
    }

    /// The files part in its canonical, percent-encoded text, from its leading `/` on.
    pub fn files(&self) -> Option<&str> {
        let end = usize::from(self.marks.digest);
        if self.is_root() { None } else { self.text.get(end + 1..) }
    }

    /// The files part decoded, from its leading `/` on. Names never hold a slash.
    pub fn files_decoded(&self) -> Option<String> {
        self.files().map(|files| file::decoded(files).into_owned())
    }

    /// Whether the path names a directory: its files part ends with `/`.
    pub fn is_directory(&self) -> bool {
        self.files().is_some_and(|files| files.ends_with('/'))
    }

    /// The last segment as it is written: a file's or directory's name, `/` for the root of
    /// the files, else the digest, the release, the last name, the Space, or `ROOT`.
    pub fn last(&self) -> &str {
        let Some(files) = self.files() else {
            return self.last_of_stem();
        };
        let name = files.strip_suffix('/').unwrap_or(files);
        match name.rfind('/') {
            Some(at) => &name[at + 1..],
            None => "/",
        }
    }

    fn last_of_stem(&self) -> &str {
        let Marks { space, names, release, digest } = self.marks;
        let part = |from: u16, to: u16| &self.text[usize::from(from)..usize::from(to)];
        if self.is_root() {
            ROOT
        } else if digest > release {
            &part(release, digest)[1..]
        } else if release > names {
            &part(names, release)[1..]
        } else {
            self.names().next_back().unwrap_or_else(|| part(0, space))
        }
    }

    /// [`last`](ResourcePath::last) with a file's name decoded: what a person calls it.
    pub fn last_decoded(&self) -> Cow<'_, str> {
        if self.files().is_some() { file::decoded(self.last()) } else { Cow::Borrowed(self.last()) }
    }
}

impl fmt::Display for ResourcePath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.text)
    }
}

impl fmt::Debug for ResourcePath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "`{}`", self.text)
    }
}

impl PartialEq for ResourcePath {
    fn eq(&self, other: &ResourcePath) -> bool {
        Arc::ptr_eq(&self.text, &other.text) || self.text == other.text
    }
}

impl Eq for ResourcePath {}

impl Ord for ResourcePath {
    fn cmp(&self, other: &ResourcePath) -> Ordering {
        self.text.cmp(&other.text)
    }
}

impl PartialOrd for ResourcePath {
    fn partial_cmp(&self, other: &ResourcePath) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Hash for ResourcePath {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.text.hash(state);
    }
}

impl Borrow<str> for ResourcePath {
    fn borrow(&self) -> &str {
        &self.text
    }
}

impl AsRef<str> for ResourcePath {
    fn as_ref(&self) -> &str {
        &self.text
    }
}

textual!(ResourcePath);

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use super::*;

    fn path(text: &str) -> ResourcePath {
        ResourcePath::parse(text).unwrap()
    }

    #[test]
    fn every_part_can_be_asked_for() {
        let digest = Digest::sha256([7; 32]);
        let it = path(&format!("acme:b:site:1.2.0@{digest}:/docs/a%20b"));
        assert_eq!(it.space(), Some("acme"));
        assert_eq!(it.names().collect::<Vec<_>>(), ["b", "site"]);
        assert_eq!(it.version(), Some(&Version::new(1, 2, 0)));
        assert_eq!(it.digest(), Some(&digest));
        assert_eq!(it.files(), Some("/docs/a%20b"));
        assert_eq!(it.files_decoded().as_deref(), Some("/docs/a b"));
        assert_eq!((it.last(), it.last_decoded().as_ref()), ("a%20b", "a b"));
        assert!(!it.is_directory());
    }

    #[test]
    fn what_is_missing_is_nothing() {
        let root = ResourcePath::root();
        assert!(root.is_root() && root.space().is_none() && root.files().is_none());
        assert_eq!((root.names().count(), root.last()), (0, "ROOT"));
        let space = path("acme");
        assert_eq!((space.names().count(), space.files(), space.release()), (0, None, None));
    }

    #[test]
    fn the_last_segment_is_as_written() {
        for (text, last) in [
            ("acme", "acme"),
            ("scott@mightydevco.com", "scott@mightydevco.com"),
            ("acme:web", "web"),
            ("acme:b:1.2.0", "1.2.0"),
            ("acme:web:/", "/"),
            ("acme:web:/docs/", "docs"),
            ("acme:web:/docs/a", "a"),
        ] {
            assert_eq!(path(text).last(), last, "{text}");
        }
    }

    #[test]
    fn a_map_of_paths_can_be_asked_by_text() {
        let map = HashMap::from([(path("acme:web"), 1)]);
        assert_eq!(map.get("acme:web"), Some(&1));
    }

    #[test]
    fn serde_speaks_text() {
        let it = path("acme:web:/a");
        let json = serde_json::to_string(&it).unwrap();
        assert_eq!(json, "\"acme:web:/a\"");
        assert_eq!(serde_json::from_str::<ResourcePath>(&json).unwrap(), it);
        assert!(serde_json::from_str::<ResourcePath>("\"acme:\"").is_err());
    }
}
