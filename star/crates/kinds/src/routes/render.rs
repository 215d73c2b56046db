//! What becomes of a target once a request has filled its captures.

use std::borrow::Cow;

use star_path::{PathError, ResourcePath};

use super::method::Method;
use super::pattern::Capture;
use super::piece::Piece;
use super::request::{RequestPath, encode_segment};
use super::target::{Head, Rewrite, Shape, Target};

/// Where a request goes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Destination {
    /// To a resource: a file, or code.
    Resource {
        /// Absolute. Version requirements and tags are still to be resolved.
        path: ResourcePath,
        /// The method (if it changes) and the encoded path that the code sees.
        rewrite: Option<(Option<Method>, String)>,
    },
    /// To another place on the web.
    Redirect {
        /// 301, 302, 303, 307 or 308.
        code: u16,
        /// The encoded value of the `Location` header.
        location: String,
    },
    /// To a bare answer with this status.
    Status(u16),
    /// To the code of the resource whose rules these are.
    Core,
}

/// Why a request has no destination although a rule matches it. It is as good as not found: the
/// visitor wrote something that no resource can be called.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TargetError {
    /// A capture is no part of a path.
    #[error("`{value}` is no name")]
    NotAName {
        /// What was captured.
        value: String,
    },
    /// A capture would end or leave the place that it stands in.
    #[error("what was asked for has an empty segment, a `.` or `..`, or an encoded slash")]
    Segments,
    /// The path that came out is none.
    #[error(transparent)]
    Path(#[from] PathError),
}

/// What a request filled the captures of a rule with.
#[derive(Debug)]
pub(crate) struct Captured<'p> {
    pub(crate) path: RequestPath<'p>,
    /// The joined path and the spans of the groups, where a regular expression matched.
    pub(crate) groups: Option<Groups>,
}

/// What the groups of a regular expression captured.
#[derive(Debug)]
pub(crate) struct Groups {
    pub(crate) text: String,
    pub(crate) spans: Vec<Option<(usize, usize)>>,
}

impl Captured<'_> {
    /// The decoded segments of a capture; a group that took no part has one that is empty.
    pub(crate) fn segments(&self, capture: Capture) -> Vec<&str> {
        let segments = self.path.segments();
        match capture {
            Capture::Segment { index, prefix, suffix } => {
                let segment = segments.get(index).map_or("", Cow::as_ref);
                vec![segment.get(prefix..segment.len().saturating_sub(suffix)).unwrap_or_default()]
            }
            Capture::Rest { from } => segments[from.min(segments.len())..].iter().map(Cow::as_ref).collect(),
            Capture::Group(number) => {
                let span = self.groups.as_ref().and_then(|groups| Some((groups, (*groups.spans.get(number)?)?)));
                span.map_or("", |(groups, (start, end))| &groups.text[start..end]).split('/').collect()
            }
        }
    }
}

impl Target {
    /// Fills the captures in.
    pub(crate) fn render(&self, captured: &Captured<'_>) -> Result<Destination, TargetError> {
        match self.shape() {
            Shape::Core => Ok(Destination::Core),
            Shape::Status(code) => Ok(Destination::Status(*code)),
            Shape::Redirect { code, location } => {
                Ok(Destination::Redirect { code: *code, location: url(location, captured)? })
            }
            Shape::Fixed { path, rewrite } => {
                Ok(Destination::Resource { path: path.clone(), rewrite: rewritten(rewrite.as_ref(), captured)? })
            }
            Shape::Open { head, files, rewrite } => {
                let path = match head {
                    Head::Fixed(path) => path.clone(),
                    Head::Open(pieces) => names(pieces, captured)?,
                };
                let path = match files {
                    Some(pieces) => path.with_files(&files_text(pieces, captured)?)?,
                    None => path,
                };
                Ok(Destination::Resource { path, rewrite: rewritten(rewrite.as_ref(), captured)? })
            }
        }
    }
}

/// A path before its files; a capture is one name, version, or Space in it.
fn names(pieces: &[Piece], captured: &Captured<'_>) -> Result<ResourcePath, TargetError> {
    let mut text = String::new();
    for piece in pieces {
        match piece {
            Piece::Text(piece) => text.push_str(piece),
            Piece::Capture(capture) => {
                let value = captured.segments(*capture).join("/");
                let is_name = !value.is_empty()
                    && value.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"._-+@".contains(&byte));
                if !is_name {
                    return Err(TargetError::NotAName { value });
                }
                text.push_str(&value);
            }
        }
    }
    Ok(ResourcePath::parse(&text)?)
}

/// The decoded files of a path. That nothing leaves its place is checked by who encodes them.
fn files_text(pieces: &[Piece], captured: &Captured<'_>) -> Result<String, TargetError> {
    let mut text = String::new();
    for piece in pieces {
        match piece {
            Piece::Text(piece) => text.push_str(piece),
            Piece::Capture(capture) => {
                let segments = captured.segments(*capture);
                if segments.iter().any(|segment| segment.contains('/')) {
                    return Err(TargetError::Segments);
                }
                text.push_str(&segments.join("/"));
            }
        }
    }
    Ok(text)
}

fn rewritten(
    rewrite: Option<&Rewrite>,
    captured: &Captured<'_>,
) -> Result<Option<(Option<Method>, String)>, TargetError> {
    rewrite.map(|rewrite| Ok((rewrite.method, url(&rewrite.path, captured)?))).transpose()
}

/// A path or URL, every captured segment encoded anew.
fn url(pieces: &[Piece], captured: &Captured<'_>) -> Result<String, TargetError> {
    let mut text = String::new();
    for piece in pieces {
        match piece {
            Piece::Text(piece) => text.push_str(piece),
            Piece::Capture(capture) => {
                for (index, segment) in captured.segments(*capture).into_iter().enumerate() {
                    if index > 0 {
                        text.push('/');
                    }
                    encode_segment(segment, &mut text);
                }
            }
        }
    }
    let path_start = text.find("://").map_or(0, |scheme| scheme + 3);
    let path = text[path_start..].split(['?', '#']).next().unwrap_or_default();
    let mut segments = path.split('/').skip(1).peekable();
    while let Some(segment) = segments.next() {
        let empty_inside = segment.is_empty() && segments.peek().is_some();
        if empty_inside || segment == "." || segment == ".." {
            return Err(TargetError::Segments);
        }
    }
    Ok(text)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::scope::Scope;
    use crate::routes::RouteTable;

    /// What becomes of a GET of `path` under one rule.
    fn rendered(rule: &str, path: &str) -> Option<Result<String, TargetError>> {
        let bundle = ResourcePath::parse("acme:site:1.2.0:/routes.conf").expect("a path");
        let space = ResourcePath::parse("acme").expect("a path");
        let scope = Scope::of_bundle(&bundle).for_resource(&space);
        let table =
            RouteTable::parse("routes.conf", rule, &scope).unwrap_or_else(|error| panic!("{}", error.excerpt()));
        let matched = table.find("GET", path).expect("a good path")?;
        Some(matched.target().map(|destination| match destination {
            Destination::Resource { path, rewrite: None } => path.to_string(),
            Destination::Resource { path, rewrite: Some((None, to)) } => format!("{path} ^{to}"),
            Destination::Resource { path, rewrite: Some((Some(method), to)) } => format!("{path} ^{method} {to}"),
            Destination::Redirect { code, location } => format!("{code} {location}"),
            Destination::Status(code) => code.to_string(),
            Destination::Core => "core".to_owned(),
        }))
    }

    #[test]
    fn captures_are_filled_into_the_target() {
        for (rule, path, expected) in [
            ("GET / -> acme:site:latest:/index.html;", "/", "acme:site:latest:/index.html"),
            ("GET / -> ${bundle}:/index.html;", "/", "acme:site:1.2.0:/index.html"),
            ("GET /{*p} -> ${bundle}:/{p};", "/a/b.css", "acme:site:1.2.0:/a/b.css"),
            ("GET /{*p} -> ${self}:files:/{p};", "/a", "acme:files:/a"),
            ("GET / -> .:files:/a;", "/", "acme:files:/a"),
            ("GET /docs/{*p} -> acme:docs:(^2):/{p};", "/docs/", "acme:docs:(^2):/"),
            ("GET /docs/{*p} -> acme:docs:(^2):/{p};", "/docs/x/", "acme:docs:(^2):/x/"),
            ("GET /f/{*p} -> acme:files:/{*p};", "/f/caf%C3%A9/a%20b", "acme:files:/café/a%20b"),
            ("GET /f/{*p} -> acme:files:/{p};", "/f/%2561", "acme:files:/%2561"),
            ("GET ~ /files/(.*) -> localhost:my-files:/$1;", "/files/a/b", "localhost:my-files:/a/b"),
            ("GET ~ /u/(?<name>[a-z]+)(/x)? -> acme:users:{name};", "/u/ada", "acme:users:ada"),
            ("GET /hook/{name} -> acme:hooks:{name};", "/hook/push", "acme:hooks:push"),
            ("GET /v/{v} -> acme:site:{v}:/x;", "/v/1.2.0", "acme:site:1.2.0:/x"),
            ("GET /@{user}/picture -> acme:app:profiles:{user};", "/@ada/picture", "acme:app:profiles:ada"),
            (
                "GET /app/{*rest} -> acme:my-app:main ^/{rest} timeout=2000;",
                "/app/a%2Fb/c",
                "acme:my-app:main ^/a%2Fb/c",
            ),
            ("GET /app/{*rest} -> acme:my-app ^POST /x/{rest};", "/app/", "acme:my-app ^POST /x/"),
            ("GET /app/{id} -> acme:my-app ^ PUT /{id};", "/app/%3F%23", "acme:my-app ^PUT /%3F%23"),
            ("GET /old/{*p} -> redirect 308 /docs/{p};", "/old/a%20b/c", "308 /docs/a%20b/c"),
            ("GET /{*p} -> redirect https://example.com/{p};", "/a?", "307 https://example.com/a%3F"),
            ("GET /q/{q} -> redirect /search?q={q}&x=1;", "/q/a&b", "307 /search?q=a%26b&x=1"),
            ("GET /{*p} -> status 404;", "/", "404"),
        ] {
            let answer = rendered(rule, path).unwrap_or_else(|| panic!("{rule} takes {path}"));
            assert_eq!(answer.as_deref(), Ok(expected), "{rule} {path}");
        }
    }

    #[test]
    fn no_capture_leaves_its_place() {
        for (rule, path) in [
            ("GET /f/{p} -> acme:files:/{p};", "/f/a%2Fb"),
            ("GET /f/{*p} -> acme:files:/{p};", "/f/x/a%2Fb"),
            ("GET /@{user} -> acme:files:/{user};", "/@.."),
            ("GET /@{user} -> acme:files:/x{user}/{user};", "/@.."),
            ("GET /@{user} -> acme:files:/.{user};", "/@."),
            ("GET /@{user} -> acme:app ^/{user};", "/@.."),
            ("GET /@{user} -> redirect /{user}/x;", "/@.."),
            ("GET ~ /f(.*) -> acme:files:/$1;", "/f/a"),
            ("GET ~ /f(.*) -> redirect /$1;", "/f/evil.example.com"),
            ("GET /u/{name} -> acme:users:{name};", "/u/a:b"),
            ("GET /u/{name} -> acme:users:{name};", "/u/a%23b"),
            ("GET /u/{name} -> acme:users:{name};", "/u/a%2Fb"),
            ("GET /u/{name} -> acme:users:{name};", "/u/-x"),
            ("GET /u/{*name} -> acme:users:{name};", "/u/"),
            ("GET /u/{*name} -> acme:users:{name};", "/u/a/b"),
            ("GET /s/{space} -> {space}:site:/x;", "/s/Upper"),
        ] {
            let answer = rendered(rule, path).unwrap_or_else(|| panic!("{rule} takes {path}"));
            assert!(answer.is_err(), "{rule} {path} gives {answer:?}");
        }
    }
}
