//! What is wrong with a text: where, why, and what it might have meant.
//!
//! Owns [`PathError`], which every parser of this crate returns, and the fault that the
//! parsers pass among themselves until the whole input is known. Drawing is left to
//! [`crate::caret`].

use std::fmt;
use std::ops::Range;

use crate::caret::{self, Caret};
use crate::limits;

/// A text that is not what it should be, with the place of the mistake.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PathError {
    /// The whole text, cut to the longest that is ever accepted.
    pub input: String,
    /// The offending bytes of `input`; empty where something is missing.
    pub span: Range<usize>,
    /// What is wrong there.
    pub kind: PathErrorKind,
    /// What was probably meant, in backquotes, to follow "did you mean".
    pub suggestion: Option<String>,
}

/// The part of a text that a complaint is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Place {
    /// The Space: a domain or an e-mail address.
    Space,
    /// A name between colons.
    Name,
    /// A file or directory name after `:/`.
    File,
    /// The route before `::`.
    Remote,
    /// The kind in angle brackets.
    Kind,
    /// The property key after `#`.
    Property,
    /// A version or requirement.
    Version,
    /// The digest after `@`.
    Digest,
    /// A name of a capture or variable.
    Variable,
    /// A filter in square brackets.
    Filter,
    /// A relative path.
    Relative,
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Place::Space => "Space",
            Place::Name => "name",
            Place::File => "file name",
            Place::Remote => "remote",
            Place::Kind => "kind",
            Place::Property => "property key",
            Place::Version => "version",
            Place::Digest => "digest",
            Place::Variable => "variable",
            Place::Filter => "filter",
            Place::Relative => "relative path",
        })
    }
}

/// Why a text is refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PathErrorKind {
    /// There is no text.
    #[error("nothing is written here")]
    Empty,
    /// The whole text is too long.
    #[error("longer than {limit} bytes")]
    TooLong {
        /// Most bytes.
        limit: usize,
    },
    /// One part is too long.
    #[error("a {place} has at most {limit} bytes")]
    PartTooLong {
        /// Which part.
        place: Place,
        /// Most bytes.
        limit: usize,
    },
    /// Too many parts of one sort.
    #[error("more than {limit} {place}s")]
    TooMany {
        /// Which part.
        place: Place,
        /// Most of them.
        limit: usize,
    },
    /// Two separators follow each other, or one ends the text.
    #[error("a {place} is missing")]
    Missing {
        /// Which part.
        place: Place,
    },
    /// A character that cannot stand there.
    #[error("{} cannot stand in a {place}", caret::quoted(*found))]
    Character {
        /// The character.
        found: char,
        /// In what.
        place: Place,
    },
    /// A character that cannot stand at the edge of a part.
    #[error("a {place} cannot begin or end with {}", caret::quoted(*found))]
    Edge {
        /// The character.
        found: char,
        /// Of what.
        place: Place,
    },
    /// Capital letters where only small ones may stand.
    #[error("a {place} is written in lower case")]
    UpperCase {
        /// Of what.
        place: Place,
    },
    /// A domain that is not written in ASCII.
    #[error("a domain outside ASCII is written in punycode, like `xn--bcher-kva.example`")]
    International,
    /// A kind that is not written like `FileSystem`.
    #[error("a kind begins with a capital letter, like `FileSystem`")]
    NotCamel,
    /// A specific that does not have its four parts.
    #[error("a specific is `vendor:product:variant:version`")]
    Specific,
    /// An e-mail address without a proper domain.
    #[error("the domain of an e-mail address needs a dot")]
    Email,
    /// A name that reads as a version.
    #[error("a full version cannot be a name")]
    VersionAsName,
    /// A name or version after a version.
    #[error("only a digest or files can follow a version")]
    AfterVersion,
    /// A child below something that has none.
    #[error("no name can follow a {after}")]
    NoNameAfter {
        /// Behind what.
        after: Place,
    },
    /// Something that is no semantic version.
    #[error("not a version of three numbers, like `1.2.0`")]
    Version,
    /// A requirement that does not parse.
    #[error("not a version requirement, like `(^1.2)`")]
    Requirement,
    /// A bracket without its partner.
    #[error("`{open}` is never closed")]
    Unclosed {
        /// The opening bracket.
        open: char,
    },
    /// Text after the end.
    #[error("nothing can follow here")]
    Trailing,
    /// A digest of another form or length.
    #[error("a digest is `sha256:` with 64 or `sha512:` with 128 lower-case hexadecimal digits")]
    Digest,
    /// `.` or `..` as a file name.
    #[error("`.` and `..` cannot be file names")]
    DotFile,
    /// A percent sign without two upper-case hexadecimal digits.
    #[error("`%` needs two upper-case hexadecimal digits")]
    Encoding,
    /// Bytes that no file name has, encoded or not.
    #[error("a file name is UTF-8 without slashes and zero bytes")]
    EncodedBytes,
    /// A file part that does not begin with `/`.
    #[error("files begin with `/`")]
    FilesWithoutSlash,
    /// Something before `::` that is neither a tag nor a host.
    #[error("not a remote: a tag like `hub`, or a host like `star-b.lan:7443`")]
    Remote,
    /// A route in brackets that nothing separates from the path.
    #[error("`::` stands between a remote and its path")]
    OpenRoute,
    /// A well-formed remote that nobody knows; made by who resolves remotes.
    #[error("unknown remote")]
    UnknownRemote,
    /// Names below `ROOT`.
    #[error("`ROOT` has no names below it: a Space stands first in a path")]
    BelowRoot,
    /// Dots that are no relative path.
    #[error("a relative path begins with `.:` or `..:`")]
    Relative,
    /// More `..` than there are parents.
    #[error("climbs above `ROOT`")]
    AboveRoot,
    /// A well-formed part in a text that does not take it.
    #[error("no {place} can stand here")]
    NotHere {
        /// Which part.
        place: Place,
    },
    /// A `**` that shares its segment with something else.
    #[error("`**` stands alone between separators")]
    DoubleStar,
    /// A filter that is not `[key op value]`.
    #[error("a filter is `[key=value]` with one of `=` `!=` `^=` `>` `<`")]
    Filter,
    /// A variable that is captured twice.
    #[error("captured twice")]
    CapturedTwice,
    /// A closing brace without its partner.
    #[error("`}}` closes nothing; write `}}}}` for the character itself")]
    StrayBrace,
}

impl PathError {
    /// The lines that show the text with carets below the offending part.
    pub fn excerpt(&self) -> String {
        Caret {
            source: &self.input,
            line: None,
            span: self.span.clone(),
            message: &self.kind.to_string(),
            suggestion: self.question().as_deref(),
        }
        .render()
    }

    /// The suggestion as a question, if there is one.
    pub fn question(&self) -> Option<String> {
        self.suggestion.as_ref().map(|meant| format!("did you mean {meant}?"))
    }

    /// The same complaint about a text that holds this one from byte `offset` on.
    #[must_use]
    pub fn within(mut self, text: &str, offset: usize) -> PathError {
        self.span = self.span.start + offset..self.span.end + offset;
        text.clone_into(&mut self.input);
        self
    }
}

impl fmt::Display for PathError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if !self.input.is_empty() {
            write!(f, "`{}`: ", caret::shortened(&self.input, self.span.clone()))?;
        }
        write!(f, "{}", self.kind)?;
        match self.question() {
            Some(question) => write!(f, "; {}", caret::visible(&question)),
            None => Ok(()),
        }
    }
}

impl std::error::Error for PathError {}

/// A complaint about a piece of the input, before the whole of it is known.
#[derive(Debug)]
pub(crate) struct Fault {
    span: Range<usize>,
    kind: PathErrorKind,
    fix: Option<(Range<usize>, String)>,
}

impl Fault {
    pub(crate) fn new(span: Range<usize>, kind: PathErrorKind) -> Fault {
        Fault { span, kind, fix: None }
    }

    /// Proposes `text` in place of the offending part.
    pub(crate) fn fix(self, text: impl Into<String>) -> Fault {
        let span = self.span.clone();
        self.fix_at(span, text)
    }

    /// Proposes `text` in place of `span`.
    pub(crate) fn fix_at(mut self, span: Range<usize>, text: impl Into<String>) -> Fault {
        self.fix = Some((span, text.into()));
        self
    }

    /// The same fault in a text where this piece begins at byte `by`.
    pub(crate) fn shifted(mut self, by: usize) -> Fault {
        self.span = self.span.start + by..self.span.end + by;
        if let Some((span, _)) = &mut self.fix {
            *span = span.start + by..span.end + by;
        }
        self
    }

    /// The error for the whole `input`. A proposal is kept only if `accepts` it, because a
    /// suggestion that is refused in turn misleads.
    pub(crate) fn of(self, input: &str, accepts: impl Fn(&str) -> bool) -> PathError {
        let suggestion = self.fix.and_then(|(span, text)| {
            let meant = format!("{}{text}{}", input.get(..span.start)?, input.get(span.end..)?);
            let helpful = meant.len() <= limits::SUGGESTION_BYTES && accepts(&meant);
            helpful.then(|| format!("`{meant}`"))
        });
        let kept = input.floor_char_boundary(limits::TEMPLATE_BYTES.min(input.len()));
        let start = self.span.start.min(kept);
        PathError {
            input: input[..kept].to_owned(),
            span: start..self.span.end.clamp(start, kept),
            kind: self.kind,
            suggestion,
        }
    }
}
