//! The right side of a rule: where a request goes, with the captures still open.
//!
//! Everything that can be known without a request is checked here, with stand-ins in place of
//! captures; what is left for [`render`](super::render) is what a visitor can get wrong.

use star_path::{Reference, ResourcePath, Target as PathTarget};

use super::lexer::Word;
use super::method::Method;
use super::pattern::Pattern;
use super::piece::{self, Piece, pieces};
use crate::config::scope::{Scope, path_fault};
use crate::config::text::{Fault, TextErrorKind};

/// Where a request goes.
#[derive(Debug, Clone)]
pub struct Target {
    text: String,
    shape: Shape,
}

#[derive(Debug, Clone)]
pub(crate) enum Shape {
    /// A resource whose path needs no capture.
    Fixed { path: ResourcePath, rewrite: Option<Rewrite> },
    /// A resource with captures in its path.
    Open { head: Head, files: Option<Vec<Piece>>, rewrite: Option<Rewrite> },
    /// Another place on the web.
    Redirect { code: u16, location: Vec<Piece> },
    /// A bare answer.
    Status(u16),
    /// The code of the resource whose rules these are.
    Core,
}

/// The part of a path before its files.
#[derive(Debug, Clone)]
pub(crate) enum Head {
    Fixed(ResourcePath),
    Open(Vec<Piece>),
}

/// What a mechtron sees in place of what the visitor asked for.
#[derive(Debug, Clone)]
pub(crate) struct Rewrite {
    pub(crate) method: Option<Method>,
    pub(crate) path: Vec<Piece>,
}

/// A target of one of these words, or a path.
pub(crate) const KEYWORDS: [&str; 4] = ["core", "proxy", "redirect", "status"];

impl Target {
    pub(crate) fn core() -> Target {
        Target { text: "core".to_owned(), shape: Shape::Core }
    }

    pub(crate) fn status(code: &Word) -> Result<Target, Fault> {
        let number = number(code, 200, 599, "a status is a number from 200 to 599, like `status 404`")?;
        Ok(Target { text: format!("status {number}"), shape: Shape::Status(number) })
    }

    /// A redirect; without a code it is a temporary one that keeps the method.
    pub(crate) fn redirect(code: Option<&Word>, location: &Word, pattern: &Pattern) -> Result<Target, Fault> {
        let code = match code {
            None => 307,
            Some(word) => match word.text.parse() {
                Ok(code @ (301 | 302 | 303 | 307 | 308)) => code,
                _ => {
                    let message = "a redirect has one of the codes 301, 302, 303, 307, 308";
                    return Err(Fault::new(TextErrorKind::Invalid, word.span.clone(), message));
                }
            },
        };
        let pieces = pieces(&location.text, pattern).map_err(|fault| location.inside(fault))?;
        check_location(&location.text, &pieces).map_err(|fault| location.inside(fault))?;
        let text = format!("redirect {code} {}", location.text);
        Ok(Target { text, shape: Shape::Redirect { code, location: pieces } })
    }

    /// A resource, with what its mechtron sees of the request.
    pub(crate) fn resource(
        word: &Word,
        rewrite: Option<Rewrite>,
        pattern: &Pattern,
        scope: &Scope,
    ) -> Result<Target, Fault> {
        let text = scope.substitute(&word.text).map_err(|fault| word.inside(fault))?;
        let place = |mut fault: Fault| {
            if text != word.text {
                fault.span = 0..word.text.len();
            }
            word.inside(fault)
        };
        let shape = shape(&text, rewrite, pattern, scope).map_err(place)?;
        Ok(Target { text: word.text.clone(), shape })
    }

    /// The text that was read.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// Whether requests go to files; the others go to code or are answered by the rule itself.
    pub fn serves_files(&self) -> bool {
        match &self.shape {
            Shape::Fixed { path, .. } => path.files().is_some(),
            Shape::Open { files, .. } => files.is_some(),
            _ => false,
        }
    }

    /// Whether a resource answers, rather than the rule itself.
    pub fn reaches_resource(&self) -> bool {
        matches!(self.shape, Shape::Fixed { .. } | Shape::Open { .. } | Shape::Core)
    }

    /// The resource, if every request goes to the same one: what a watcher of the table watches.
    pub fn fixed_resource(&self) -> Option<ResourcePath> {
        match &self.shape {
            Shape::Fixed { path, .. } => Some(path.without_files()),
            Shape::Open { head: Head::Fixed(path), .. } => Some(path.clone()),
            _ => None,
        }
    }

    pub(crate) fn shape(&self) -> &Shape {
        &self.shape
    }
}

impl Rewrite {
    pub(crate) fn new(method: Option<Method>, path: &Word, pattern: &Pattern) -> Result<Rewrite, Fault> {
        let read = || {
            if !path.text.starts_with('/') {
                return Err(Fault::new(
                    TextErrorKind::Syntax,
                    0..path.text.len(),
                    "the path behind `^` begins with `/`",
                ));
            }
            check_url(&path.text, "?#")?;
            pieces(&path.text, pattern)
        };
        Ok(Rewrite { method, path: read().map_err(|fault| path.inside(fault))? })
    }
}

fn shape(text: &str, rewrite: Option<Rewrite>, pattern: &Pattern, scope: &Scope) -> Result<Shape, Fault> {
    let all = pieces(text, pattern)?;
    check_resource(&piece::stand_ins(text, &all, pattern), text, scope)?;
    let split = text.find(":/");
    if let (Some(at), Some(_)) = (split, &rewrite) {
        let fault = Fault::new(TextErrorKind::Invalid, at..text.len(), "`^` is for mechtrons; this target is a file");
        return Err(fault.hint("leave out the `^` part"));
    }
    if !all.iter().any(|piece| matches!(piece, Piece::Capture(_))) {
        return Ok(Shape::Fixed { path: scope.path(text)?, rewrite });
    }
    let (head_text, files_text) = match split {
        Some(at) => (&text[..at], Some(&text[at + 1..])),
        None => (text, None),
    };
    let head_pieces = pieces(head_text, pattern)?;
    let head = match head_pieces.iter().any(|piece| matches!(piece, Piece::Capture(_))) {
        true => Head::Open(head_pieces),
        false => Head::Fixed(scope.path(head_text)?),
    };
    let files = files_text.map(|files| pieces(files, pattern)).transpose()?.map(piece::decoded).transpose()?;
    Ok(Shape::Open { head, files, rewrite })
}

/// Checks a path in which every capture has a stand-in of the same length.
fn check_resource(path: &str, text: &str, scope: &Scope) -> Result<(), Fault> {
    let reference = Reference::parse(path).map_err(|error| {
        let mut fault = path_fault(error);
        // A suggestion would show stand-ins that nobody wrote.
        fault.hint = fault.hint.filter(|_| path == text);
        fault
    })?;
    let whole = 0..text.len();
    if reference.route.is_some() {
        return Err(Fault::not_available(whole, "a target on another Star"));
    }
    if reference.kind.is_some() || reference.property.is_some() {
        return Err(Fault::new(TextErrorKind::Invalid, whole, "a target has neither kind nor property"));
    }
    let path = match reference.target {
        PathTarget::Relative(_) if path != text => {
            let fault = Fault::new(TextErrorKind::Invalid, whole, "a relative target cannot have captures");
            return Err(fault.hint("begin it with a Space or with `${self}`"));
        }
        PathTarget::Relative(_) => scope.path(text)?,
        PathTarget::Absolute(path) => path,
        PathTarget::Root => ResourcePath::root(),
    };
    if path.names().next().is_none() && path.files().is_none() {
        let fault = Fault::new(TextErrorKind::Invalid, whole, "a Space cannot answer web requests");
        return Err(match star_path::suggest::nearest(text, KEYWORDS) {
            Some(near) => fault.hint(format!("did you mean `{near}`?")),
            None => {
                fault.hint("a target is a path like `acme:site:latest:/index.html`, `redirect`, `status`, or `core`")
            }
        });
    }
    Ok(())
}

/// A location is a path of this host, or a URL whose host no visitor can choose.
fn check_location(text: &str, pieces: &[Piece]) -> Result<(), Fault> {
    check_url(text, "")?;
    let whole = 0..text.len();
    let behind_scheme = text.strip_prefix("https://").or_else(|| text.strip_prefix("http://"));
    let Some(behind) = behind_scheme else {
        if text.starts_with('/') && !text.starts_with("//") {
            return Ok(());
        }
        let fault = Fault::new(TextErrorKind::Invalid, whole, "a location begins with `/`, `https://` or `http://`");
        return Err(fault);
    };
    let host_end = text.len() - behind.len() + behind.find(['/', '?', '#']).unwrap_or(behind.len());
    let first_text = match pieces.first() {
        Some(Piece::Text(first)) => first.len(),
        _ => 0,
    };
    // Without a `/` behind it, a capture would go on with the name of the host.
    let host_is_fixed = first_text >= host_end && (first_text > host_end || pieces.len() == 1);
    if !host_is_fixed || behind.starts_with('/') || behind.is_empty() {
        return Err(Fault::new(
            TextErrorKind::Invalid,
            whole,
            "the host of a location is fixed and stands before a `/`",
        ));
    }
    Ok(())
}

/// Refuses what no URL holds, and what is not allowed besides.
fn check_url(text: &str, refused: &str) -> Result<(), Fault> {
    let odd = |c: char| c.is_control() || !c.is_ascii() || " \"<>\\^`|".contains(c) || refused.contains(c);
    match text.char_indices().find(|(_, c)| odd(*c)) {
        None => Ok(()),
        Some((at, found)) => {
            let span = at..at + found.len_utf8();
            Err(Fault::new(TextErrorKind::Syntax, span, "this character cannot stand here").hint("encode it with `%`"))
        }
    }
}

fn number(word: &Word, least: u16, most: u16, message: &str) -> Result<u16, Fault> {
    match word.text.parse() {
        Ok(number) if (least..=most).contains(&number) => Ok(number),
        _ => Err(Fault::new(TextErrorKind::Invalid, word.span.clone(), message)),
    }
}
