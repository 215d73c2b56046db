//! What can be said of a selector when not everything about a resource is known.
//!
//! A reader of the log knows the path and the kind of a resource from the event; its attributes
//! it has to look up, and what lay below a resource that was removed is gone.

use crate::path::ResourcePath;
use crate::release::Release;
use crate::selector::Selector;
use crate::selector::hop::Hop;

impl Selector {
    /// Whether path and kind are covered, whatever the filters say.
    pub fn covers(&self, path: &ResourcePath, kind: &str) -> bool {
        self.matches_path(path).is_some() && self.kind.as_ref().is_none_or(|pattern| pattern.covers(kind))
    }

    /// The keys of the attributes that the filters ask for.
    pub fn filter_keys(&self) -> impl Iterator<Item = &str> {
        self.filters.iter().map(|filter| filter.key())
    }

    /// The attributes that everything covered has, with the value where it can be but one: the keys of
    /// indexes.
    pub fn demands(&self) -> impl Iterator<Item = (&str, Option<&str>)> {
        self.filters.iter().filter_map(|filter| filter.demand())
    }

    /// Whether all filters are met; `attribute` gives the value of a key.
    pub fn filters_met(&self, attribute: &dyn Fn(&str) -> Option<String>) -> bool {
        self.filters.iter().all(|filter| filter.met(attribute))
    }

    /// Whether something below `path` could be covered. Says yes where only the kind or the name
    /// of a file would tell.
    pub fn reaches_below(&self, path: &ResourcePath) -> bool {
        if self.prefix.is_within(path) {
            return self.prefix != *path || !self.literal;
        }
        if !path.is_within(&self.prefix) {
            return false;
        }
        let release = path.release().map(Release::to_string);
        let mut segments: Vec<(&str, Option<&Release>)> = Vec::new();
        segments.extend(path.space().map(|space| (space, None)));
        segments.extend(path.names().map(|name| (name, None)));
        segments.extend(release.as_deref().map(|text| (text, path.release())));
        self.goes_on_behind(&segments, path.files().is_some())
    }

    /// Whether the segments can be used up with something left that covers more.
    fn goes_on_behind(&self, segments: &[(&str, Option<&Release>)], in_files: bool) -> bool {
        // `open[n]`: everything so far may have been matched by the first n hops. A `**` is passed
        // without using up a segment, and stays open while it uses up more.
        let mut open = vec![false; self.hops.len() + 1];
        open[0] = true;
        self.pass_many(&mut open);
        for (segment, release) in segments {
            let mut next = vec![false; open.len()];
            for (at, hop) in self.hops.iter().enumerate().filter(|(at, _)| open[*at]) {
                match hop {
                    Hop::Many => next[at] = true,
                    hop if hop.covers(segment, *release) => next[at + 1] = true,
                    _ => {}
                }
            }
            self.pass_many(&mut next);
            open = next;
        }
        let hops_used_up = open[self.hops.len()];
        let below_files = hops_used_up && (self.files.is_some() || self.hops.last() == Some(&Hop::Many));
        let below_hops = !in_files && open[..self.hops.len()].contains(&true);
        below_files || below_hops
    }

    fn pass_many(&self, open: &mut [bool]) {
        for at in 0..self.hops.len() {
            if open[at] && self.hops[at] == Hop::Many {
                open[at + 1] = true;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_selector_says_whether_something_below_a_path_could_be_covered() {
        for (selector, path, reaches) in [
            ("acme:a:b", "acme:a", true),
            ("acme:a:b", "acme", true),
            ("acme:a:b", "acme:a:b", false),
            ("acme:a:b", "acme:c", false),
            ("acme:a:b:**", "acme:a:b", true),
            ("acme:*", "acme", true),
            ("acme:*", "acme:a", false),
            ("acme:*:b", "acme:a", true),
            ("acme:*:b", "acme:a:b", false),
            ("acme:**", "acme:a:b", true),
            ("acme:**:x", "acme:a:b", true),
            ("acme:**<Mechtron>", "acme:app", true),
            ("acme:job-*:log", "acme:job-1", true),
            ("acme:job-*:log", "acme:web", false),
            ("acme:web:/docs/*.md", "acme:web:/docs/", true),
            ("acme:web:/docs/*.md", "acme:web", true),
            ("acme:*:/*.md", "acme:web:/docs/", true),
            ("acme:*:/*.md", "acme:a:b", false),
            ("acme:**", "acme:web:/docs/", true),
            ("acme:*:x", "acme:web:/docs/", false),
            ("**", "ROOT", true),
        ] {
            let path = ResourcePath::parse(path).unwrap();
            assert_eq!(Selector::parse(selector).unwrap().reaches_below(&path), reaches, "{selector} below {path}");
        }
    }

    #[test]
    fn path_and_kind_are_judged_without_the_filters() {
        let selector = Selector::parse("acme:**<App>[labels.env=prod][status!=Ready]").unwrap();
        let path = ResourcePath::parse("acme:app").unwrap();
        assert!(selector.covers(&path, "App") && !selector.covers(&path, "Base"));
        assert_eq!(selector.filter_keys().collect::<Vec<_>>(), ["labels.env", "status"]);
        assert!(selector.filters_met(&|key| (key == "labels.env").then(|| "prod".to_owned())));
        assert!(!selector.filters_met(&|_| None));
    }
}
