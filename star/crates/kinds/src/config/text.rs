//! Errors in texts that people write, with the place where they are.
//!
//! Readers work on byte offsets and give a `Fault`; whoever holds the whole text turns it into
//! a [`TextError`], which knows line and column and draws a caret. Documents and routes share
//! both, so that a mistake looks the same wherever it was made.

use std::fmt;
use std::ops::Range;

use star_path::caret::{self, Caret};

/// What kind of mistake it is, named for what its author does next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TextErrorKind {
    /// The text does not follow the grammar.
    Syntax,
    /// A word that the grammar does not have.
    Unknown,
    /// Something that must be there is missing.
    Missing,
    /// A value that cannot be.
    Invalid,
    /// The grammar has it, this release does not act on it: leave it out.
    NotAvailable,
    /// A limit is exceeded: make it smaller.
    TooLarge,
}

/// A mistake at a span of bytes of some text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Fault {
    /// What kind.
    pub(crate) kind: TextErrorKind,
    /// Bytes of the text.
    pub(crate) span: Range<usize>,
    /// What is wrong, a lower-case fragment.
    pub(crate) message: String,
    /// How to mend it.
    pub(crate) hint: Option<String>,
}

impl Fault {
    /// A mistake without a hint.
    pub(crate) fn new(kind: TextErrorKind, span: Range<usize>, message: impl Into<String>) -> Fault {
        Fault { kind, span, message: message.into(), hint: None }
    }

    /// Adds how to mend it.
    pub(crate) fn hint(mut self, hint: impl Into<String>) -> Fault {
        self.hint = Some(hint.into());
        self
    }

    /// Adds "did you mean" when one of the candidates is near the word.
    pub(crate) fn nearest<'a>(self, word: &str, candidates: impl IntoIterator<Item = &'a str>) -> Fault {
        match star_path::suggest::nearest(word, candidates) {
            Some(near) => self.hint(format!("did you mean `{near}`?")),
            None => self,
        }
    }

    /// Something the grammar has and this release does not.
    pub(crate) fn not_available(span: Range<usize>, what: &str) -> Fault {
        Fault::new(TextErrorKind::NotAvailable, span, format!("{what} is not available in this release"))
    }
}

/// A mistake in a document or a file of routes. Displays as one line; [`TextError::excerpt`]
/// shows the line of the text with a caret.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TextError {
    kind: TextErrorKind,
    document: Box<str>,
    line: usize,
    column: usize,
    line_text: Box<str>,
    span: Range<usize>,
    message: Box<str>,
    hint: Option<Box<str>>,
}

impl TextError {
    /// Finds the line of a fault.
    pub(crate) fn locate(document: &str, text: &str, fault: Fault) -> TextError {
        let line = caret::locate(text, fault.span);
        TextError {
            kind: fault.kind,
            document: document.into(),
            line: line.number,
            column: line.text[..line.span.start].chars().count() + 1,
            line_text: line.text.into(),
            span: line.span,
            message: fault.message.into(),
            hint: fault.hint.map(String::into),
        }
    }

    /// The same mistake in a document of another name, e.g. the path of the file in its bundle.
    #[must_use]
    pub fn in_document(mut self, name: &str) -> TextError {
        self.document = name.into();
        self
    }

    /// What kind of mistake it is.
    pub fn kind(&self) -> TextErrorKind {
        self.kind
    }

    /// The name of the document, e.g. `bind.yaml`.
    pub fn document(&self) -> &str {
        &self.document
    }

    /// The line, from 1.
    pub fn line(&self) -> usize {
        self.line
    }

    /// The column in characters, from 1.
    pub fn column(&self) -> usize {
        self.column
    }

    /// What is wrong, without place and hint.
    pub fn message(&self) -> &str {
        &self.message
    }

    /// How to mend it.
    pub fn hint(&self) -> Option<&str> {
        self.hint.as_deref()
    }

    /// Several lines: place and mistake, the line of the text, a caret under it, the hint.
    pub fn excerpt(&self) -> String {
        let caret = Caret {
            source: &self.line_text,
            line: Some(self.line),
            span: self.span.clone(),
            message: &self.message,
            suggestion: self.hint.as_deref(),
        };
        format!("{}:{}:{}\n{}", self.document, self.line, self.column, caret.render())
    }
}

impl fmt::Display for TextError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let message = caret::visible(&self.message);
        write!(f, "{}:{}:{}: {message}", self.document, self.line, self.column)?;
        match &self.hint {
            Some(hint) => write!(f, "; {}", caret::visible(hint)),
            None => Ok(()),
        }
    }
}

impl std::error::Error for TextError {}

#[cfg(test)]
mod tests {
    use super::*;

    fn fault(span: Range<usize>) -> Fault {
        Fault::new(TextErrorKind::Syntax, span, "odd")
    }

    #[test]
    fn a_fault_is_placed_by_line_and_column_of_characters() {
        let text = "one\nzwölf äpfel\r\nend";
        let at = text.find("äpfel").expect("it is there");
        let error = TextError::locate("x.yaml", text, fault(at..at + 6));
        assert_eq!((error.line(), error.column()), (2, 7));
        assert_eq!(error.to_string(), "x.yaml:2:7: odd");
    }

    #[test]
    fn a_span_outside_of_the_text_or_over_several_lines_stays_on_one_line() {
        let error = TextError::locate("x", "ab\ncd", fault(99..120));
        assert_eq!((error.line(), error.column()), (2, 3));
        let error = TextError::locate("x", "ab\ncd", fault(1..5));
        assert_eq!((error.line(), error.span.clone()), (1, 1..2));
    }
}
