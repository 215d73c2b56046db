//! Selectors matched the slow way, straight from their description, to compare the fast way with.
//!
//! Works on the printed text of a selector and on the parts of a path, with a recursion that tries
//! everything and remembers where it failed. Shares no code with the matcher of `star-path`.

use std::collections::HashSet;

use semver::{Version, VersionReq};
use star_path::{Release, ResourcePath};

/// What the `$(name)` hops of a selector stood for, if it covers the path, kinds and filters aside.
pub(crate) fn matches(selector: &str, path: &ResourcePath) -> Option<Vec<(String, String)>> {
    let (stem, files) = body(selector);
    let hops = split_hops(stem);
    let covered = match (files, path.files_decoded()) {
        (None, None) => true,
        (None, Some(_)) => hops.last() == Some(&"**"),
        (Some(_), None) => false,
        (Some(glob), Some(files)) => covers_files(glob, &files),
    };
    if !covered {
        return None;
    }
    if path.is_root() {
        return (hops == ["ROOT"] || hops.iter().all(|hop| *hop == "**")).then(Vec::new);
    }
    let mut segments: Vec<Segment<'_>> = path.space().into_iter().chain(path.names()).map(Segment::Name).collect();
    segments.extend(path.release().map(Segment::Release));
    let mut walk = Walk { hops: &hops, segments: &segments, failed: HashSet::new(), captured: Vec::new() };
    walk.from(0, 0).then_some(walk.captured)
}

/// The hops of a selector, and the glob of its files: what is left without route, kind and filters.
fn body(selector: &str) -> (&str, Option<&str>) {
    let ends = outside(selector, |rest| rest.starts_with(['<', '[']));
    let body = &selector[..ends.unwrap_or(selector.len())];
    // Behind the first `:/` two colons are characters of a file's name.
    let files = body.find(":/").unwrap_or(body.len());
    let route = outside(body, |rest| rest.starts_with("::")).filter(|at| *at < files);
    let body = route.map_or(body, |at| &body[at + 2..]);
    match body.find(":/") {
        Some(at) => (&body[..at], Some(&body[at + 1..])),
        None => (body, None),
    }
}

/// Where something begins outside of parentheses; hosts of routes may stand in square brackets at the
/// beginning.
fn outside(text: &str, wanted: impl Fn(&str) -> bool) -> Option<usize> {
    let mut depth = 0;
    let begin = if text.starts_with('[') { text.find(']').map_or(0, |at| at + 1) } else { 0 };
    for (at, c) in text.char_indices().filter(|(at, _)| *at >= begin) {
        match c {
            '(' => depth += 1,
            ')' => depth -= 1,
            _ if depth == 0 && wanted(&text[at..]) => return Some(at),
            _ => {}
        }
    }
    None
}

fn split_hops(stem: &str) -> Vec<&str> {
    stem.split(':').collect()
}

enum Segment<'a> {
    Name(&'a str),
    Release(&'a Release),
}

impl Segment<'_> {
    fn text(&self) -> String {
        match self {
            Segment::Name(name) => (*name).to_owned(),
            Segment::Release(release) => release.to_string(),
        }
    }
}

/// All ways to lay hops over segments, shortest reach of each `**` first.
struct Walk<'a> {
    hops: &'a [&'a str],
    segments: &'a [Segment<'a>],
    failed: HashSet<(usize, usize)>,
    captured: Vec<(String, String)>,
}

impl Walk<'_> {
    fn from(&mut self, hop: usize, segment: usize) -> bool {
        if self.failed.contains(&(hop, segment)) {
            return false;
        }
        let found = match (self.hops.get(hop), self.segments.get(segment)) {
            (None, None) => true,
            (None, Some(_)) => false,
            (Some(&"**"), _) => (segment..=self.segments.len()).any(|next| self.from(hop + 1, next)),
            (Some(_), None) => false,
            (Some(pattern), Some(found)) => {
                let name = pattern.strip_prefix("$(").and_then(|rest| rest.strip_suffix(')'));
                let kept = self.captured.len();
                self.captured.extend(name.map(|name| (name.to_owned(), found.text())));
                let fits = (name.is_some() || covers_hop(pattern, found)) && self.from(hop + 1, segment + 1);
                if !fits {
                    self.captured.truncate(kept);
                }
                fits
            }
        };
        if !found {
            self.failed.insert((hop, segment));
        }
        found
    }
}

fn covers_hop(pattern: &str, segment: &Segment<'_>) -> bool {
    let requirement = pattern.strip_prefix('(').and_then(|rest| rest.strip_suffix(')'));
    match (requirement, segment) {
        (Some(_), Segment::Name(_)) => false,
        (Some(wanted), Segment::Release(release)) => {
            let wanted = VersionReq::parse(wanted).expect("a printed requirement is one");
            match release {
                Release::Version(version) => wanted.matches(version),
                Release::Requirement(asked) => wanted == *asked,
            }
        }
        (None, _) if pattern.contains('*') => wild(&chars(pattern), &chars(&segment.text())),
        (None, Segment::Name(name)) => pattern == *name,
        (None, Segment::Release(Release::Version(version))) => Version::parse(pattern).is_ok_and(|it| it == *version),
        (None, Segment::Release(Release::Requirement(_))) => false,
    }
}

/// A glob against a decoded files part: `**` alone is any number of directories, and at the end
/// everything below.
fn covers_files(glob: &str, files: &str) -> bool {
    let levels: Vec<&str> = glob[1..].split('/').collect();
    let names: Vec<&str> = files[1..].split('/').collect();
    levels_cover(&levels, &names)
}

fn levels_cover(levels: &[&str], names: &[&str]) -> bool {
    let rows = names.len() + 1;
    // Whether what is behind this level covers what is behind this name, from the back.
    let mut behind = vec![false; rows];
    behind[names.len()] = true;
    for (at, level) in levels.iter().enumerate().rev() {
        let mut here = vec![false; rows];
        for name in (0..rows).rev() {
            here[name] = match *level {
                "**" if at + 1 == levels.len() => name < names.len(),
                "**" => (name..rows).any(|next| behind[next]),
                "" => names.get(name) == Some(&"") && behind[name + 1],
                _ => {
                    name < names.len() && !names[name].is_empty() && covers_name(level, names[name]) && behind[name + 1]
                }
            };
        }
        behind = here;
    }
    behind[0]
}

/// The level of a glob is encoded, and only its own stars and question marks are special.
fn covers_name(level: &str, name: &str) -> bool {
    let mut pattern = Vec::new();
    let mut bytes = Vec::new();
    let mut rest = level.as_bytes();
    let flush = |bytes: &mut Vec<u8>, pattern: &mut Vec<Wild>| {
        let text = String::from_utf8(std::mem::take(bytes)).expect("a printed glob encodes text");
        pattern.extend(text.chars().map(Wild::Char));
    };
    while let Some((first, others)) = rest.split_first() {
        rest = others;
        match first {
            b'*' | b'?' => {
                flush(&mut bytes, &mut pattern);
                pattern.push(if *first == b'*' { Wild::Many } else { Wild::One });
            }
            b'%' => {
                let digits = std::str::from_utf8(&others[..2]).expect("two digits stand behind a percent sign");
                bytes.push(u8::from_str_radix(digits, 16).expect("digits are hexadecimal"));
                rest = &others[2..];
            }
            _ => bytes.push(*first),
        }
    }
    flush(&mut bytes, &mut pattern);
    wild_cover(&pattern, &name.chars().collect::<Vec<char>>())
}

#[derive(Clone, Copy)]
enum Wild {
    Char(char),
    One,
    Many,
}

fn chars(text: &str) -> Vec<char> {
    text.chars().collect()
}

fn wild(pattern: &[char], text: &[char]) -> bool {
    let pattern: Vec<Wild> = pattern.iter().map(|c| if *c == '*' { Wild::Many } else { Wild::Char(*c) }).collect();
    wild_cover(&pattern, text)
}

fn wild_cover(pattern: &[Wild], text: &[char]) -> bool {
    let mut behind = vec![false; text.len() + 1];
    behind[text.len()] = true;
    for token in pattern.iter().rev() {
        let mut here = vec![false; text.len() + 1];
        for at in (0..=text.len()).rev() {
            here[at] = match token {
                Wild::Many => behind[at] || here.get(at + 1).copied().unwrap_or(false),
                Wild::One => at < text.len() && behind[at + 1],
                Wild::Char(c) => text.get(at) == Some(c) && behind[at + 1],
            };
        }
        behind = here;
    }
    behind[0]
}
