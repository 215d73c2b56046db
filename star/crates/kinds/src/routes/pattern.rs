//! The left side of a rule: a template of a path, or a regular expression.
//!
//! Owns what both have in common, and regular expressions; templates have a file of their own.

use std::fmt;
use std::ops::Range;

use regex::{Regex, RegexBuilder};

use super::request::RequestPath;
use super::template::Template;
use crate::config::text::{Fault, TextErrorKind};
use crate::limits;

/// What a path must look like.
#[derive(Debug, Clone)]
pub struct Pattern {
    text: String,
    shape: Shape,
}

/// The two ways to describe a path.
#[derive(Debug, Clone)]
pub(crate) enum Shape {
    /// Segment by segment.
    Template(Template),
    /// As a whole, decoded.
    Regex(Regex),
}

/// Which capture of a pattern.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Capture {
    /// A part of this segment, without so many bytes at its beginning and end.
    Segment { index: usize, prefix: usize, suffix: usize },
    /// All segments from this one on.
    Rest { from: usize },
    /// A group of the regular expression.
    Group(usize),
}

impl Pattern {
    /// Reads a template.
    pub(crate) fn template(text: &str) -> Result<Pattern, Fault> {
        Ok(Pattern { text: text.to_owned(), shape: Shape::Template(Template::parse(text)?) })
    }

    /// Reads a regular expression; it must match the whole path.
    pub(crate) fn regex(text: &str) -> Result<Pattern, Fault> {
        let whole = 0..text.len();
        if text.len() > limits::ROUTE_REGEX_BYTES {
            let message = format!(
                "{} bytes of regular expression, at most {} are allowed",
                text.len(),
                limits::ROUTE_REGEX_BYTES
            );
            return Err(Fault::new(TextErrorKind::TooLarge, whole, message));
        }
        // Compiled alone first: `a)(b` would close the group that anchors it.
        compile(text).map_err(|error| regex_fault(&error, whole.clone()))?;
        let anchored = compile(&format!(r"\A(?:{text})\z")).map_err(|error| regex_fault(&error, whole))?;
        Ok(Pattern { text: text.to_owned(), shape: Shape::Regex(anchored) })
    }

    /// The text that was read, without the `~` of a regular expression.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// Whether it is a regular expression.
    pub fn is_regex(&self) -> bool {
        matches!(self.shape, Shape::Regex(_))
    }

    pub(crate) fn shape(&self) -> &Shape {
        &self.shape
    }

    /// The capture that a name means: of a template its name, of a regular expression the name of
    /// a group.
    pub(crate) fn capture(&self, name: &str) -> Option<Capture> {
        match &self.shape {
            Shape::Template(template) => template.capture(name),
            Shape::Regex(regex) => regex.capture_names().position(|group| group == Some(name)).map(Capture::Group),
        }
    }

    /// The group with a number, if this is a regular expression that has it.
    pub(crate) fn group(&self, number: usize) -> Option<Capture> {
        match &self.shape {
            Shape::Regex(regex) if number < regex.captures_len() => Some(Capture::Group(number)),
            _ => None,
        }
    }

    /// The names that captures have.
    pub(crate) fn names(&self) -> Vec<&str> {
        match &self.shape {
            Shape::Template(template) => template.names().collect(),
            Shape::Regex(regex) => regex.capture_names().flatten().collect(),
        }
    }

    /// Whether a path looks like this.
    pub fn matches(&self, path: &RequestPath<'_>) -> bool {
        match &self.shape {
            Shape::Template(template) => template.matches(path),
            Shape::Regex(regex) => path.joined().is_some_and(|path| regex.is_match(&path)),
        }
    }

    /// Whether every path that looks like `other` looks like this too. Errs on the side of no:
    /// of regular expressions only the obvious is known.
    pub(crate) fn contains(&self, other: &Pattern) -> bool {
        match (&self.shape, &other.shape) {
            (Shape::Template(this), Shape::Template(other)) => this.contains(other),
            (Shape::Template(this), Shape::Regex(_)) => this.is_catch_all(),
            (Shape::Regex(_), Shape::Regex(_)) => self.text == other.text || self.is_catch_all(),
            // A path with an encoded slash is taken by the template alone.
            (Shape::Regex(_), Shape::Template(_)) => false,
        }
    }

    /// Whether every path looks like this.
    pub(crate) fn is_catch_all(&self) -> bool {
        match &self.shape {
            Shape::Template(template) => template.is_catch_all(),
            Shape::Regex(_) => matches!(self.text.as_str(), ".*" | "/.*" | "(.*)" | "/(.*)"),
        }
    }
}

impl fmt::Display for Pattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.shape {
            Shape::Template(_) => f.write_str(&self.text),
            Shape::Regex(_) => write!(f, "~ {}", self.text),
        }
    }
}

fn compile(text: &str) -> Result<Regex, regex::Error> {
    RegexBuilder::new(text)
        .size_limit(limits::ROUTE_REGEX_COMPILED_BYTES)
        .nest_limit(limits::ROUTE_REGEX_NESTING)
        .build()
}

fn regex_fault(error: &regex::Error, span: Range<usize>) -> Fault {
    match error {
        regex::Error::CompiledTooBig(_) => {
            let message = "the regular expression takes too much memory when it is compiled";
            Fault::new(TextErrorKind::TooLarge, span, message)
        }
        other => {
            // The last line of several says what is wrong; the others draw it.
            let text = other.to_string();
            let reason = text.lines().last().unwrap_or_default().trim_start_matches("error: ").to_owned();
            Fault::new(TextErrorKind::Syntax, span, format!("not a regular expression: {reason}"))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_regular_expression_that_is_nested_too_deep_is_refused_and_ends_no_thread() {
        let deep = |levels: usize| format!("{}a{}", "(".repeat(levels), ")+".repeat(levels));
        let refused = |levels| Pattern::regex(&deep(levels)).err().map(|fault| format!("{fault:?}"));
        assert_eq!(refused(10), None);
        for levels in [17, 50, limits::ROUTE_REGEX_BYTES / 4] {
            let said = refused(levels).unwrap_or_default();
            assert!(said.contains("nest"), "{levels}: {said}");
        }
    }
}
