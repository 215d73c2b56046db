//! Whether a selector covers a resource.
//!
//! Hops are matched with at most one point to go back to, the last `**`, so the time is
//! bounded by the product of both numbers of hops. That is complete because a variable is
//! captured once: no hop depends on what another one matched.

use std::fmt;

use crate::file;
use crate::path::ResourcePath;
use crate::release::Release;
use crate::selector::Selector;
use crate::selector::hop::Hop;

/// What a selector is asked about: a resource as far as it matters here.
pub struct Candidate<'a> {
    /// Its path.
    pub path: &'a ResourcePath,
    /// The full text of its kind, such as `Database<Relational>`.
    pub kind: &'a str,
    /// The value of `status`, `owner`, `labels.x` or a property; nothing if it has none.
    pub attribute: &'a dyn Fn(&str) -> Option<String>,
}

impl fmt::Debug for Candidate<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Candidate").field("path", self.path).field("kind", &self.kind).finish_non_exhaustive()
    }
}

/// What the `$(name)` hops of a selector stood for.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Captures(Vec<(String, String)>);

impl Captures {
    /// The value captured under `name`.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.iter().find(|(it, _)| *it == name).map(|(_, value)| value)
    }

    /// Names and values in the order of the hops.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().map(|(name, value)| (name.as_str(), value.as_str()))
    }
}

impl Selector {
    /// What was captured if the selector covers `candidate`, else nothing. The route does
    /// not count: whose resources are asked about is known to the caller.
    pub fn matches(&self, candidate: &Candidate<'_>) -> Option<Captures> {
        let captures = self.matches_path(candidate.path)?;
        let kind = self.kind.as_ref().is_none_or(|kind| kind.covers(candidate.kind));
        let filters = || self.filters.iter().all(|filter| filter.met(candidate.attribute));
        (kind && filters()).then_some(captures)
    }

    /// [`matches`](Selector::matches) for the path alone, whatever kind and filters say.
    pub fn matches_path(&self, path: &ResourcePath) -> Option<Captures> {
        // Most candidates fail here, without any allocation.
        if !path.is_within(&self.prefix) && path.digest().is_none() {
            return None;
        }
        if !self.covers_files(path) {
            return None;
        }
        let mut segments: Vec<(&str, Option<&Release>)> = Vec::new();
        if path.is_root() {
            let root = matches!(&self.hops[..], [Hop::Name(name)] if **name == *path.as_str());
            let many = self.hops.iter().all(|hop| *hop == Hop::Many);
            return (root || many).then(Captures::default);
        }
        segments.extend(path.space().map(|space| (space, None)));
        segments.extend(path.names().map(|name| (name, None)));
        let release = path.release().map(Release::to_string);
        segments.extend(release.as_deref().map(|text| (text, path.release())));
        self.capture(&segments)
    }

    /// Whether the files part fits. Without a glob there must be none, unless `**` at the end
    /// covers everything below.
    fn covers_files(&self, path: &ResourcePath) -> bool {
        match (&self.files, path.files()) {
            (None, None) => true,
            (None, Some(_)) => self.hops.last() == Some(&Hop::Many),
            (Some(_), None) => false,
            // Names never hold an encoded slash, so the whole can be decoded at once.
            (Some(glob), Some(files)) => glob.covers(&file::decoded(files)),
        }
    }

    /// Walks hops and segments side by side, going back to the last `**` where they part.
    fn capture(&self, segments: &[(&str, Option<&Release>)]) -> Option<Captures> {
        let (mut at, mut next) = (0, 0);
        let mut many: Option<(usize, usize, usize)> = None;
        let mut found = Vec::new();
        while at < segments.len() {
            let (segment, release) = segments[at];
            match self.hops.get(next) {
                Some(Hop::Many) => {
                    many = Some((next + 1, at, found.len()));
                    next += 1;
                }
                Some(hop) if hop.covers(segment, release) => {
                    found.extend(hop.variable().map(|name| (name.to_owned(), segment.to_owned())));
                    at += 1;
                    next += 1;
                }
                _ => {
                    let (behind, reach, captured) = many.as_mut()?;
                    *reach += 1;
                    found.truncate(*captured);
                    (at, next) = (*reach, *behind);
                }
            }
        }
        let rest = self.hops.get(next..).unwrap_or_default();
        rest.iter().all(|hop| *hop == Hop::Many).then_some(Captures(found))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn covers(selector: &str, path: &str) -> bool {
        let path = ResourcePath::parse(path).unwrap();
        Selector::parse(selector).unwrap().matches_path(&path).is_some()
    }

    #[test]
    fn selectors_cover_what_they_say() {
        let pinned = format!("acme:web@sha256:{}", "0".repeat(64));
        for (selector, path, covered) in [
            ("acme:*", "acme:web", true),
            ("acme:*", "acme", false),
            ("acme:*", "acme:web:/", false),
            ("acme:*", "acme:a:b", false),
            ("acme:**", "acme", true),
            ("acme:**", "acme:web:/a", true),
            ("acme:**", "acmes:web", false),
            ("acme:*:**", "acme", false),
            ("acme:*:**", "acme:a:b:1.0.0", true),
            ("**", "ROOT", true),
            ("**", "acme", true),
            ("*", "acme", true),
            ("*", "ROOT", false),
            ("ROOT", "ROOT", true),
            ("ROOT", "acme", false),
            ("acme:web", "acme:web", true),
            ("acme:web", &pinned, true),
            ("acme:**", &pinned, true),
            ("acme:job-*", "acme:job-17", true),
            ("acme:job-*", "acme:jobs", false),
            ("*.example.com:site", "a.example.com:site", true),
            ("*.example.com:site", "example.com:site", false),
            ("acme:bundle:(>=1.2,<2)", "acme:bundle:1.3.0", true),
            ("acme:bundle:(>=1.2,<2)", "acme:bundle:2.0.0", false),
            ("acme:bundle:*", "acme:bundle:2.0.0", true),
            ("acme:bundle:1.2.0", "acme:bundle:1.2.0", true),
            ("acme:bundle:1.2.0", "acme:bundle:1.2.0+x", false),
            ("acme:web:/img/**/*.png", "acme:web:/img/a/b.png", true),
            ("acme:**:/*.png", "acme:a:b:/x.png", true),
            ("acme:**:b:**:c", "acme:b:x:b:c", true),
            ("acme:**:b:**:c", "acme:b:x:c:d", false),
        ] {
            assert_eq!(covers(selector, path), covered, "{selector} on {path}");
        }
    }

    #[test]
    fn a_capture_is_what_its_hop_stood_for() {
        let selector = Selector::parse("acme:**:$(u):inbox:**").unwrap();
        let path = ResourcePath::parse("acme:a:ada:inbox:/x").unwrap();
        let captures = selector.matches_path(&path).unwrap();
        assert_eq!(captures.get("u"), Some("ada"));
        assert_eq!(captures.iter().count(), 1);
    }

    #[test]
    fn kind_and_filters_must_fit_as_well() {
        let path = ResourcePath::parse("acme:app:greeter").unwrap();
        let attribute = |key: &str| (key == "status").then(|| "Panic".to_owned());
        let candidate = Candidate { path: &path, kind: "Mechtron", attribute: &attribute };
        for (selector, covered) in [
            ("acme:**<Mechtron>[status=Panic]", true),
            ("acme:**<Mechtron>[status=Ready]", false),
            ("acme:**<App>", false),
            ("**[status^=P][owner!=x]", true),
        ] {
            let found = Selector::parse(selector).unwrap().matches(&candidate);
            assert_eq!(found.is_some(), covered, "{selector}");
        }
    }
}
