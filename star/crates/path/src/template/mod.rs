//! Texts with values to fill in: targets of web routes, and references in documents.
//!
//! Owns where a value stands and how it has to be written there. Who gives the values, and
//! which names exist, is not known here. Start at [`Template::route`] or
//! [`Template::document`].
//!
//! | written | is |
//! |---|---|
//! | `{name}` | a capture: one name, or part of one; written as one encoded file name |
//! | `{*name}` | a capture of the rest: several file names |
//! | `$1` | the same, captured by a regular expression |
//! | `${name}` | a variable: a text that is put in as it is |
//! | `{{`, `}}`, `$${` | `{`, `}`, `${` |

mod parse;
mod render;

use std::fmt;

pub use self::render::RenderError;

/// A text with captures and variables. Equal templates print the same text.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Template {
    parts: Vec<Part>,
    syntax: Syntax,
}

/// A piece of a [`Template`].
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Part {
    /// A text that stays as it is.
    Literal(String),
    /// A value of a request.
    Capture {
        /// By which it is asked for.
        name: String,
        /// How much it may stand for.
        reach: Reach,
    },
    /// A value of a document, by its name.
    Variable(String),
}

/// How much a capture may stand for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Reach {
    /// One name.
    One,
    /// Any number of file names with slashes between them.
    Rest,
}

/// What is special in a text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Syntax {
    /// `{name}`, `{*name}`, `$1` and `${name}`.
    Route,
    /// `${name}` alone, because documents are full of braces.
    Document,
}

impl Template {
    /// The pieces in their order; no two literals follow each other.
    pub fn parts(&self) -> &[Part] {
        &self.parts
    }

    /// What is special in this text.
    pub fn syntax(&self) -> Syntax {
        self.syntax
    }

    /// The names of all captures and variables, in the order in which they stand; a name
    /// that stands twice is given twice.
    pub fn variables(&self) -> impl Iterator<Item = &str> {
        self.parts.iter().filter_map(|part| match part {
            Part::Literal(_) => None,
            Part::Capture { name, .. } | Part::Variable(name) => Some(name.as_str()),
        })
    }

    /// Whether there is nothing to fill in.
    pub fn is_literal(&self) -> bool {
        self.variables().next().is_none()
    }

    /// This template with every capture `name` reaching as far as `{*name}`: for a target
    /// that writes `{p}` for what its pattern captured as `{*p}`.
    #[must_use]
    pub fn with_rest(mut self, name: &str) -> Template {
        for part in &mut self.parts {
            match part {
                Part::Capture { name: it, reach } if it == name => *reach = Reach::Rest,
                _ => {}
            }
        }
        self
    }
}

impl fmt::Display for Template {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for part in &self.parts {
            match part {
                Part::Literal(text) => write_literal(text, self.syntax, f)?,
                Part::Capture { name, .. } if name.starts_with(|c: char| c.is_ascii_digit()) => write!(f, "${name}")?,
                Part::Capture { name, reach: Reach::One } => write!(f, "{{{name}}}")?,
                Part::Capture { name, reach: Reach::Rest } => write!(f, "{{*{name}}}")?,
                Part::Variable(name) => write!(f, "${{{name}}}")?,
            }
        }
        Ok(())
    }
}

/// Writes a literal so that it is read as one again.
fn write_literal(text: &str, syntax: Syntax, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    let braces = syntax == Syntax::Route;
    let mut rest = text.chars();
    while let Some(c) = rest.next() {
        let next = rest.clone().next();
        match (c, next) {
            ('$', Some('{')) => {
                rest.next();
                f.write_str("$${")?;
            }
            ('$', Some('1'..='9')) if braces => f.write_str("$$")?,
            ('{', _) if braces => f.write_str("{{")?,
            ('}', _) if braces => f.write_str("}}")?,
            _ => fmt::Write::write_char(f, c)?,
        }
    }
    Ok(())
}
