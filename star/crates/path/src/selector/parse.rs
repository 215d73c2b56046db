//! Reading selectors, and deriving where a scan for their matches begins.

use crate::error::{Fault, PathError, PathErrorKind, Place};
use crate::limits;
use crate::path::{ROOT, ResourcePath};
use crate::route::Route;
use crate::selector::Selector;
use crate::selector::filter::Filter;
use crate::selector::glob::Glob;
use crate::selector::hop::{Hop, Position};
use crate::selector::kind::KindPattern;
use crate::split;

impl Selector {
    /// Reads a selector.
    pub fn parse(text: &str) -> Result<Selector, PathError> {
        read(text).map_err(|fault| fault.of(text, |meant| read(meant).is_ok()))
    }
}

/// The selector of one path; its text is a selector's text already.
pub(super) fn literal(path: &ResourcePath) -> Selector {
    let stem = path.without_digest();
    let text = match path.files() {
        Some(files) => format!("{stem}:{files}"),
        None => stem.to_string(),
    };
    read(&text).expect("a path without digest is a selector")
}

fn read(text: &str) -> Result<Selector, Fault> {
    split::check_length(text)?;
    let route = split::route(text)?;
    let start = route.map_or(0, |piece| piece.span().end + 2);
    let end = split::find_outside_parentheses(&text[start..], &['<', '[', '#']).map_or(text.len(), |at| start + at);
    let (hops, files) = read_body(&text[start..end]).map_err(|fault| fault.shifted(start))?;
    let kind_end = end + kind_length(&text[end..]);
    let kind = (kind_end > end)
        .then(|| KindPattern::read(&text[end..kind_end]).map_err(|fault| fault.shifted(end)))
        .transpose()?;
    let filters = read_filters(text, kind_end)?;
    let route = route.map(|piece| piece.read(Route::read)).transpose()?;
    let (prefix, whole) = prefix(&hops, files.as_ref());
    let literal = whole && kind.is_none() && filters.is_empty();
    Ok(Selector { route, hops, files, kind, filters, prefix, literal })
}

/// How many bytes the kind has that `text` begins with: up to the first filter.
fn kind_length(text: &str) -> usize {
    if !text.starts_with('<') {
        return 0;
    }
    split::find_outside_parentheses(text, &['[', '#']).unwrap_or(text.len())
}

fn read_body(body: &str) -> Result<(Vec<Hop>, Option<Glob>), Fault> {
    let stem_end = body.find(":/").unwrap_or(body.len());
    let mut hops = Vec::new();
    let mut at = 0;
    for text in body[..stem_end].split(':') {
        if text.is_empty() && at > 0 {
            let kind = PathErrorKind::Missing { place: Place::Name };
            return Err(Fault::new(at..at, kind).fix_at(at - 1..at, ""));
        }
        let position = if at == 0 { Position::First } else { Position::Later };
        hops.push(read_hop(text, position, &hops).map_err(|fault| fault.shifted(at))?);
        if hops.len() > limits::NAMES + 2 {
            let kind = PathErrorKind::TooMany { place: Place::Name, limit: limits::NAMES };
            return Err(Fault::new(at..stem_end, kind));
        }
        at += text.len() + 1;
    }
    if stem_end == body.len() {
        return Ok((hops, None));
    }
    let glob = Glob::read(&body[stem_end + 1..]).map_err(|fault| fault.shifted(stem_end + 1))?;
    Ok((hops, Some(glob)))
}

/// Reads a hop that follows those in `before`.
fn read_hop(text: &str, position: Position, before: &[Hop]) -> Result<Hop, Fault> {
    let whole = 0..text.len();
    if matches!(before.last(), Some(Hop::Version(_) | Hop::Requirement(_))) {
        return Err(Fault::new(whole, PathErrorKind::AfterVersion));
    }
    if matches!(before, [Hop::Name(root)] if **root == *ROOT) {
        return Err(Fault::new(whole, PathErrorKind::BelowRoot));
    }
    let hop = Hop::read(text, position)?;
    // Equal captures would have to be equal hops, which no longer matches in bounded time.
    if hop.variable().is_some_and(|name| before.iter().any(|it| it.variable() == Some(name))) {
        return Err(Fault::new(whole, PathErrorKind::CapturedTwice));
    }
    Ok(hop)
}

fn read_filters(text: &str, from: usize) -> Result<Vec<Filter>, Fault> {
    let mut filters = Vec::new();
    let mut at = from;
    while at < text.len() {
        let rest = &text[at..];
        if rest.starts_with('#') {
            return Err(Fault::new(at..text.len(), PathErrorKind::NotHere { place: Place::Property }).fix(""));
        }
        if !rest.starts_with('[') {
            return Err(Fault::new(at..text.len(), PathErrorKind::Trailing));
        }
        let Some(close) = rest.find(']') else {
            let fault = Fault::new(at..at + 1, PathErrorKind::Unclosed { open: '[' });
            return Err(fault.fix_at(text.len()..text.len(), "]"));
        };
        filters.push(Filter::read(&rest[1..close]).map_err(|fault| fault.shifted(at + 1))?);
        if filters.len() > limits::FILTERS {
            let kind = PathErrorKind::TooMany { place: Place::Filter, limit: limits::FILTERS };
            return Err(Fault::new(at..text.len(), kind));
        }
        at += close + 1;
    }
    Ok(filters)
}

/// The deepest literal path above all matches, and whether it is all that can match.
fn prefix(hops: &[Hop], files: Option<&Glob>) -> (ResourcePath, bool) {
    let literal = hops.iter().take_while(|hop| hop.is_literal()).count();
    let mut text = String::new();
    for (at, hop) in hops[..literal].iter().enumerate() {
        text.push_str(if at == 0 { "" } else { ":" });
        text.push_str(&hop.to_string());
    }
    if literal == 0 {
        return (ResourcePath::root(), false);
    }
    let mut whole = literal == hops.len();
    if let Some(files) = files.filter(|_| whole) {
        let (above, all) = files.literal_prefix();
        text.push(':');
        text.push_str(&above);
        whole = all;
    }
    match ResourcePath::parse(&text) {
        Ok(path) => (path, whole),
        // A literal that is too long for a path matches nothing; any scan will find that.
        Err(_) => (ResourcePath::root(), false),
    }
}
