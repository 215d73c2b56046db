//! Templates of paths: what stands between slashes, and what of it is captured.
//!
//! A template is compared segment by segment with a decoded path, so that what it captures can
//! never reach over a slash. Templates also know whether they contain each other, which is how
//! rules are found that no request can reach.

use std::ops::Range;

use super::pattern::Capture;
use super::request::{RequestPath, decode};
use crate::config::text::{Fault, TextErrorKind};
use crate::limits;

/// A path with captures in it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Template {
    /// What stands between the slashes.
    pub(crate) segments: Vec<Segment>,
    /// The name of the capture that takes everything behind the segments.
    pub(crate) rest: Option<String>,
}

/// What one segment must look like.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Segment {
    /// Exactly this, decoded.
    Literal(String),
    /// Anything but nothing, between two texts.
    Capture {
        /// What stands before.
        prefix: String,
        /// The name of what is captured.
        name: String,
        /// What stands behind.
        suffix: String,
    },
}

impl Template {
    pub(crate) fn parse(text: &str) -> Result<Template, Fault> {
        let Some(inner) = text.strip_prefix('/') else {
            let fault = Fault::new(TextErrorKind::Syntax, 0..text.len(), "a pattern begins with `/`");
            return Err(fault.hint("a regular expression stands behind `~ `"));
        };
        let mut template = Template { segments: Vec::new(), rest: None };
        let mut start = 1;
        let pieces: Vec<&str> = inner.split('/').collect();
        for (index, piece) in pieces.iter().enumerate() {
            let is_last = index + 1 == pieces.len();
            let span = start..start + piece.len();
            template.push(piece, span, is_last)?;
            start += piece.len() + 1;
        }
        Ok(template)
    }

    fn push(&mut self, piece: &str, span: Range<usize>, is_last: bool) -> Result<(), Fault> {
        if self.segments.len() == limits::ROUTE_SEGMENTS {
            let message = format!("more than {} segments", limits::ROUTE_SEGMENTS);
            return Err(Fault::new(TextErrorKind::TooLarge, span, message));
        }
        if piece.is_empty() && !is_last {
            return Err(Fault::new(
                TextErrorKind::Syntax,
                span.start - 1..span.end + 1,
                "an empty segment matches no request",
            ));
        }
        match Piece::parse(piece, span.start)? {
            Piece::Literal(text) => self.segments.push(Segment::Literal(text)),
            Piece::Capture { prefix, name, suffix } => {
                self.unused(&name, &span)?;
                self.segments.push(Segment::Capture { prefix, name, suffix });
            }
            Piece::Rest(name) if is_last => {
                self.unused(&name, &span)?;
                self.rest = Some(name);
            }
            Piece::Rest(_) => {
                return Err(Fault::new(TextErrorKind::Syntax, span, "nothing can follow a capture of the rest"));
            }
        }
        Ok(())
    }

    fn unused(&self, name: &str, span: &Range<usize>) -> Result<(), Fault> {
        if self.names().any(|used| used == name) {
            return Err(Fault::new(TextErrorKind::Syntax, span.clone(), format!("`{name}` is captured twice")));
        }
        Ok(())
    }

    pub(crate) fn names(&self) -> impl Iterator<Item = &str> {
        let captured = self.segments.iter().filter_map(|segment| match segment {
            Segment::Literal(_) => None,
            Segment::Capture { name, .. } => Some(name.as_str()),
        });
        captured.chain(self.rest.as_deref())
    }

    pub(crate) fn capture(&self, name: &str) -> Option<Capture> {
        if self.rest.as_deref() == Some(name) {
            return Some(Capture::Rest { from: self.segments.len() });
        }
        self.segments.iter().enumerate().find_map(|(index, segment)| match segment {
            Segment::Capture { prefix, name: own, suffix } if own == name => {
                Some(Capture::Segment { index, prefix: prefix.len(), suffix: suffix.len() })
            }
            _ => None,
        })
    }

    pub(crate) fn matches(&self, path: &RequestPath<'_>) -> bool {
        let segments = path.segments();
        let long_enough = match self.rest {
            Some(_) => segments.len() > self.segments.len(),
            None => segments.len() == self.segments.len(),
        };
        long_enough && self.segments.iter().zip(segments).all(|(wanted, found)| wanted.matches(found))
    }

    pub(crate) fn contains(&self, other: &Template) -> bool {
        let long_enough = match (&self.rest, &other.rest) {
            // The rest is at least one segment, which may be empty.
            (Some(_), Some(_)) => other.segments.len() >= self.segments.len(),
            (Some(_), None) => other.segments.len() > self.segments.len(),
            (None, Some(_)) => false,
            (None, None) => other.segments.len() == self.segments.len(),
        };
        long_enough && self.segments.iter().zip(&other.segments).all(|(this, other)| this.contains(other))
    }

    pub(crate) fn is_catch_all(&self) -> bool {
        self.segments.is_empty() && self.rest.is_some()
    }
}

impl Segment {
    pub(crate) fn matches(&self, found: &str) -> bool {
        match self {
            Segment::Literal(text) => text == found,
            Segment::Capture { prefix, suffix, .. } => fits(prefix, suffix, found),
        }
    }

    fn contains(&self, other: &Segment) -> bool {
        match (self, other) {
            (this, Segment::Literal(text)) => this.matches(text),
            (Segment::Literal(_), Segment::Capture { .. }) => false,
            (Segment::Capture { prefix, suffix, .. }, Segment::Capture { prefix: longer, suffix: longer_end, .. }) => {
                longer.starts_with(prefix.as_str()) && longer_end.ends_with(suffix.as_str())
            }
        }
    }
}

/// Whether something is left of a segment when what must surround it is taken off.
pub(crate) fn fits(prefix: &str, suffix: &str, found: &str) -> bool {
    found.len() > prefix.len() + suffix.len() && found.starts_with(prefix) && found.ends_with(suffix)
}

/// A segment as it is written.
enum Piece {
    Literal(String),
    Capture { prefix: String, name: String, suffix: String },
    Rest(String),
}

impl Piece {
    /// Reads a segment that begins at byte `start` of the pattern.
    fn parse(text: &str, start: usize) -> Result<Piece, Fault> {
        let Some(open) = text.find('{') else { return Ok(Piece::Literal(literal(text, start)?)) };
        let Some(close) = text[open..].find('}').map(|length| open + length) else {
            return Err(Fault::new(TextErrorKind::Syntax, start + open..start + text.len(), "`{` has no `}`"));
        };
        let (before, written, behind) = (&text[..open], &text[open + 1..close], &text[close + 1..]);
        if let Some(second) = behind.find('{') {
            let at = start + close + 1 + second;
            return Err(Fault::new(TextErrorKind::Syntax, at..start + text.len(), "a segment has one capture at most"));
        }
        let name = written.strip_prefix('*').unwrap_or(written);
        if !is_capture_name(name) {
            let span = start + open..start + close + 1;
            let message = "the name of a capture has lower-case letters, digits and `_`, and begins with a letter";
            return Err(Fault::new(TextErrorKind::Syntax, span, message));
        }
        let name = name.to_owned();
        if written.starts_with('*') {
            if !before.is_empty() || !behind.is_empty() {
                let message = "a capture of the rest stands alone behind a `/`";
                return Err(Fault::new(TextErrorKind::Syntax, start..start + text.len(), message));
            }
            return Ok(Piece::Rest(name));
        }
        Ok(Piece::Capture { prefix: literal(before, start)?, name, suffix: literal(behind, start + close + 1)? })
    }
}

fn is_capture_name(name: &str) -> bool {
    name.starts_with(|c: char| c.is_ascii_lowercase())
        && name.len() <= star_path::limits::VARIABLE_BYTES
        && name.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_')
}

/// The decoded text of a literal part.
fn literal(text: &str, start: usize) -> Result<String, Fault> {
    let odd = text
        .char_indices()
        .find(|(_, c)| matches!(c, '?' | '#' | '}' | '<' | '>' | '"' | '\\' | '^' | '|' | '`') || c.is_control());
    if let Some((at, found)) = odd {
        let span = start + at..start + at + found.len_utf8();
        let fault = Fault::new(TextErrorKind::Syntax, span, format!("`{found}` cannot stand in a pattern"));
        return Err(match found {
            '?' => fault.hint("rules see the path of a request, never its query"),
            '^' | '|' | '\\' => fault.hint("a regular expression stands behind `~ `"),
            _ => fault,
        });
    }
    let whole = start..start + text.len();
    let decoded = decode(text).ok_or_else(|| {
        Fault::new(TextErrorKind::Syntax, whole.clone(), "`%` needs two hexadecimal digits, and UTF-8 behind them")
    })?;
    match decoded.as_ref() {
        "." | ".." => Err(Fault::new(TextErrorKind::Syntax, whole, "a `.` or `..` segment matches no request")),
        text if text.chars().any(char::is_control) => {
            Err(Fault::new(TextErrorKind::Syntax, whole, "a control character matches no request"))
        }
        text => Ok(text.to_owned()),
    }
}
