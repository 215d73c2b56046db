//! Selectors: which resources a listing, a watch or a grant covers.
//!
//! Owns the text of selectors and the question whether a resource is covered. Reading lies
//! in `parse`, hops and globs of files in `hop` and `glob`, kinds in `kind`, filters in
//! `filter`, the matching itself in `matching`, and what can be said with less knowledge in
//! `reach`. Start at [`Selector::parse`].
//!
//! What a selector means, where its grammar alone does not say it:
//! - `*` is one name or version; `**` is any number of them, none included. A `**` that
//!   ends the hops covers the files below as well, so `acme:**` is everything within `acme`.
//! - Between names, `job-*` stands for any characters, dots included.
//! - In files, `*` and `?` stay within one name; `**` is any number of directories, and at
//!   the end everything below, the directory itself included.
//! - A kind leaves out what it does not care for: `<Database>` covers every database.
//! - The digest of a path does not count: it pins content, and names no other resource.

mod filter;
mod glob;
mod hop;
mod kind;
mod matching;
mod parse;
mod reach;

use std::fmt;

use crate::path::ResourcePath;
use crate::route::Route;
use crate::text::textual;

use self::filter::Filter;
use self::glob::Glob;
use self::hop::Hop;
use self::kind::KindPattern;

pub use self::matching::{Candidate, Captures};

/// A pattern of paths with a pattern of kinds and filters on properties.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Selector {
    route: Option<Route>,
    hops: Vec<Hop>,
    files: Option<Glob>,
    kind: Option<KindPattern>,
    filters: Vec<Filter>,
    /// The deepest path that every match equals or lies below; derived from the above.
    prefix: ResourcePath,
    literal: bool,
}

impl Selector {
    /// The route before `::`; matching leaves it to the caller.
    pub fn route(&self) -> Option<&Route> {
        self.route.as_ref()
    }

    /// The deepest path that every match equals or lies below: where a scan begins.
    pub fn literal_prefix(&self) -> &ResourcePath {
        &self.prefix
    }

    /// Whether the selector is one path, without patterns, kind and filters. That path is
    /// then its [`literal_prefix`](Selector::literal_prefix).
    pub fn is_literal(&self) -> bool {
        self.literal
    }

    /// The outermost word of the kind, if it is no pattern: the key of an index by kind.
    pub fn kind_name(&self) -> Option<&str> {
        self.kind.as_ref().and_then(KindPattern::name)
    }

    /// The names of the variables that a match captures, in the order in which they stand.
    pub fn variables(&self) -> impl Iterator<Item = &str> {
        self.hops.iter().filter_map(Hop::variable)
    }
}

impl From<&ResourcePath> for Selector {
    /// The selector that covers this path and no other; a digest is left out.
    fn from(path: &ResourcePath) -> Selector {
        parse::literal(path)
    }
}

impl fmt::Display for Selector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(route) = &self.route {
            write!(f, "{route}::")?;
        }
        for (at, hop) in self.hops.iter().enumerate() {
            write!(f, "{}{hop}", if at == 0 { "" } else { ":" })?;
        }
        if let Some(files) = &self.files {
            write!(f, ":{files}")?;
        }
        if let Some(kind) = &self.kind {
            write!(f, "<{kind}>")?;
        }
        self.filters.iter().try_for_each(|filter| write!(f, "{filter}"))
    }
}

textual!(Selector);
