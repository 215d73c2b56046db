//! By which rows a selector is answered.
//!
//! Every way gives paths in the same order, so a list that runs over several pages may take another
//! way for each of them.

use std::sync::Arc;

use star_path::{ResourcePath, Selector};

use super::Term;
use crate::keys;
use crate::kind::KINDS;
use crate::limits;
use crate::ports::meta::{Key, KeyRange, MetaStore, ReadError, Versioned};

/// A way through the resources that a selector may cover.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Way {
    /// All records below the deepest path that all of them share.
    Records,
    /// Those of them that have a term.
    Found(Term),
}

/// Some paths in order, each with its record as far as it is there.
pub(crate) struct Candidates {
    pub(crate) found: Vec<(Key, Option<ResourcePath>, Option<Versioned>)>,
    /// Where it goes on.
    pub(crate) next: Option<Key>,
}

impl Way {
    /// The way on which the fewest resources lie, as far as a short look tells; where none is short, the
    /// one that is usually shorter.
    pub(crate) async fn choose(meta: &Arc<dyn MetaStore>, selector: &Selector) -> Result<Way, ReadError> {
        let terms = terms(selector);
        if let [only] = terms[..] {
            return Ok(Way::Found(only));
        }
        let mut shortest: Option<(usize, Way)> = None;
        for term in terms {
            let way = Way::Found(term);
            let seen = meta.scan(way.range(selector.literal_prefix()), limits::PLAN_LOOK).await?.rows.len();
            if shortest.is_none_or(|(least, _)| seen < least) {
                shortest = Some((seen, way));
            }
            if seen < limits::PLAN_LOOK_ENOUGH {
                break;
            }
        }
        Ok(shortest.map_or(Way::Records, |(_, way)| way))
    }

    /// The rows of this way that lie at or below a path, and few others.
    pub(crate) fn range(self, prefix: &ResourcePath) -> KeyRange {
        match self {
            Way::Records => keys::records_from(prefix),
            Way::Found(term) => keys::found_from(term.bytes(), prefix),
        }
    }

    /// The first row of this way that is not before a path.
    pub(crate) fn start(self, path: &str) -> Key {
        match self {
            Way::Records => Key::new(["r/", path].concat()),
            Way::Found(term) => keys::found_at(term.bytes(), path),
        }
    }

    /// The next resources of a range of this way, as many as are of use, or fewer.
    pub(crate) async fn follow(
        self,
        meta: &Arc<dyn MetaStore>,
        range: KeyRange,
        of_use: usize,
    ) -> Result<Candidates, ReadError> {
        let page = meta.scan(range, of_use.clamp(limits::PAGE_SCAN_MIN, limits::PAGE_DEFAULT)).await?;
        let found = match self {
            Way::Records => {
                let found = page.rows.into_iter();
                found.map(|(key, row)| (key.clone(), keys::path_of_record(&key), Some(row))).collect()
            }
            Way::Found(_) => {
                let paths: Vec<_> = page.rows.into_iter().map(|(key, _)| (keys::path_of_found(&key), key)).collect();
                let records: Vec<Key> = paths.iter().filter_map(|(path, _)| path.as_ref()).map(keys::record).collect();
                let mut records = meta.read(&records).await?.into_iter();
                let with_record = |(path, key): (Option<ResourcePath>, Key)| {
                    let row = path.as_ref().and_then(|_| records.next().flatten());
                    (key, path, row)
                };
                paths.into_iter().map(with_record).collect()
            }
        };
        Ok(Candidates { found, next: page.next })
    }
}

/// The terms that everything covered by a selector has, those that few resources have first.
fn terms(selector: &Selector) -> Vec<Term> {
    let (mut exact, mut loose) = (Vec::new(), Vec::new());
    let kind = |name: &str| KINDS.iter().find(|spec| spec.name == name).and_then(|spec| Term::kind(spec.kind));
    for (key, value) in selector.demands() {
        match (key.strip_prefix("labels."), key, value) {
            (Some(label), _, Some(value)) => exact.push(Term::label(label, value)),
            (Some(label), _, None) => loose.push(Term::labelled(label)),
            (None, "status", Some(word)) => exact.extend(Term::status(word)),
            (None, "kind", Some(name)) => loose.extend(kind(name)),
            _ => {}
        }
    }
    loose.extend(selector.kind_name().and_then(kind));
    exact.into_iter().chain(loose).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kind::Kind;

    fn of(selector: &str) -> Vec<Term> {
        terms(&Selector::parse(selector).unwrap())
    }

    #[test]
    fn a_selector_is_answered_by_what_everything_that_it_covers_has() {
        let base = Term::kind(Kind::Base).unwrap();
        for (selector, terms) in [
            ("acme:**", vec![]),
            ("acme:**<Base>", vec![base]),
            ("**[labels.env=prod]", vec![Term::label("env", "prod")]),
            ("**<Base>[labels.env=prod]", vec![Term::label("env", "prod"), base]),
            ("**[labels.env^=p]", vec![Term::labelled("env")]),
            ("**[labels.env>p][labels.team<q]", vec![Term::labelled("env"), Term::labelled("team")]),
            ("**[labels.env!=prod]", vec![]),
            ("**[status=Panic]", vec![Term::status("Panic").unwrap()]),
            ("**[status=Ready]", vec![]),
            ("**[kind=Base]", vec![base]),
            ("**<File>", vec![]),
            ("**<*>", vec![]),
            ("**[title=x][owner=acme]", vec![]),
        ] {
            assert_eq!(of(selector), terms, "{selector}");
        }
    }
}
