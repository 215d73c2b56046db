//! Strict reading of a document: only known keys, each value of the kind that its key asks for,
//! every complaint with its place.
//!
//! Owns the words of those complaints. Knows no document in particular: each file beside this
//! one says which keys it has.

use std::ops::Range;

use star_path::{ResourcePath, Selector};

use super::node::{Node, Value};
use super::scope::{Scope, path_fault};
use super::text::{Fault, TextError, TextErrorKind};
use crate::limits;

/// The version of the documents that this release reads.
const SCHEMA: u64 = 1;

/// A document while it is read: its text, and where its variables come from.
pub(crate) struct Document<'a> {
    name: &'a str,
    text: &'a str,
    scope: &'a Scope,
}

/// The keys of a mapping. What it is given to, it must be asked about.
pub(crate) struct Keys {
    /// What the mapping is, for complaints: `a bind`.
    pub(crate) what: &'static str,
    /// Keys that are read.
    pub(crate) known: &'static [&'static str],
    /// Keys that the grammar has and this release refuses, with what to do instead.
    pub(crate) later: &'static [(&'static str, &'static str)],
}

/// The entries of a mapping whose keys were checked.
pub(crate) struct Fields<'n> {
    entries: Vec<(&'n str, &'n Node)>,
    span: Range<usize>,
    what: &'static str,
}

impl<'a> Document<'a> {
    /// Reads the text as a mapping with `schema: 1` and these keys, and makes of it what `build`
    /// says.
    pub(crate) fn read<T>(
        name: &'a str,
        text: &'a str,
        scope: &'a Scope,
        keys: &Keys,
        build: impl FnOnce(&Document<'a>, &Fields<'_>) -> Result<T, Fault>,
    ) -> Result<T, TextError> {
        let document = Document { name, text, scope };
        let read = Node::read(text).and_then(|root| {
            let fields = document.fields(&root, keys)?;
            document.check_schema(&fields)?;
            build(&document, &fields)
        });
        read.map_err(|fault| TextError::locate(document.name, document.text, fault))
    }

    fn check_schema(&self, fields: &Fields<'_>) -> Result<(), Fault> {
        let node = fields.need("schema", "every document begins with `schema: 1`")?;
        match self.integer(node, 0..=u64::MAX)? {
            SCHEMA => Ok(()),
            other => {
                let message = format!("this release reads schema {SCHEMA}, not {other}");
                Err(Fault::new(TextErrorKind::Invalid, node.span.clone(), message))
            }
        }
    }

    /// The entries of a mapping, after a look at every key.
    pub(crate) fn fields<'n>(&self, node: &'n Node, keys: &Keys) -> Result<Fields<'n>, Fault> {
        let mut entries = Vec::new();
        for (key, value) in self.map(node, keys.what)? {
            let name = self.text(key)?;
            if let Some((_, instead)) = keys.later.iter().find(|(later, _)| *later == name) {
                return Err(Fault::not_available(key.span.clone(), &format!("`{name}`")).hint(*instead));
            }
            if !keys.known.contains(&name) {
                return Err(keys.unknown(name, key));
            }
            entries.push((name, value));
        }
        Ok(Fields { entries, span: node.span.clone(), what: keys.what })
    }

    /// The entries of a mapping whose keys are free.
    pub(crate) fn map<'n>(&self, node: &'n Node, what: &str) -> Result<&'n [(Node, Node)], Fault> {
        match &node.value {
            Value::Map(entries) => Ok(entries),
            _ => Err(self.wrong(node, &format!("{what} is a mapping of keys to values"))),
        }
    }

    /// The items of a list with at most `most` of them.
    pub(crate) fn list<'n>(&self, node: &'n Node, most: usize) -> Result<&'n [Node], Fault> {
        match &node.value {
            Value::List(items) if items.len() <= most => Ok(items),
            Value::List(items) => {
                let message = format!("{} entries, at most {most} are allowed", items.len());
                Err(Fault::new(TextErrorKind::TooLarge, items[most].span.clone(), message))
            }
            _ => Err(self.wrong(node, "a list is expected")),
        }
    }

    /// A text. Numbers and booleans count as the text that they are written with.
    pub(crate) fn text<'n>(&self, node: &'n Node) -> Result<&'n str, Fault> {
        match &node.value {
            Value::Text(text) | Value::Plain(text) => Ok(text),
            _ => Err(self.wrong(node, "a text is expected")),
        }
    }

    /// Text for people, of bounded length.
    pub(crate) fn prose(&self, node: &Node) -> Result<String, Fault> {
        let text = self.text(node)?;
        if text.len() > limits::PROSE_BYTES {
            let message = format!("{} bytes of text, at most {} are allowed", text.len(), limits::PROSE_BYTES);
            return Err(Fault::new(TextErrorKind::TooLarge, node.span.clone(), message));
        }
        Ok(text.to_owned())
    }

    /// A list of texts for people.
    pub(crate) fn prose_list(&self, node: &Node) -> Result<Vec<String>, Fault> {
        self.list(node, limits::PROSE_ENTRIES)?.iter().map(|item| self.prose(item)).collect()
    }

    /// A name as an ordinary resource has it.
    pub(crate) fn name(&self, node: &Node) -> Result<String, Fault> {
        let text = self.text(node)?;
        if star_path::ordinary_name(text) && text.len() <= limits::NAME_BYTES {
            return Ok(text.to_owned());
        }
        let message = "a name has lower-case letters, digits, `.`, `_` and `-`, and begins with a letter or digit";
        Err(self.wrong(node, message))
    }

    /// A whole number within bounds.
    pub(crate) fn integer(&self, node: &Node, bounds: std::ops::RangeInclusive<u64>) -> Result<u64, Fault> {
        let Value::Plain(text) = &node.value else { return Err(self.wrong(node, "a whole number is expected")) };
        let number: u64 = text.parse().map_err(|_| self.wrong(node, "a whole number is expected"))?;
        if bounds.contains(&number) {
            return Ok(number);
        }
        let message = format!("{number} is not between {} and {}", bounds.start(), bounds.end());
        Err(Fault::new(TextErrorKind::TooLarge, node.span.clone(), message))
    }

    /// One of some words; `later` are words of the grammar that this release refuses.
    pub(crate) fn word<T: Copy>(&self, node: &Node, words: &[(&str, T)], later: &[&str]) -> Result<T, Fault> {
        let text = self.text(node)?;
        if let Some((_, meaning)) = words.iter().find(|(word, _)| *word == text) {
            return Ok(*meaning);
        }
        if later.contains(&text) {
            return Err(Fault::not_available(node.span.clone(), &format!("`{text}`")).hint(choice(words)));
        }
        let message = format!("`{text}` is not known here: {}", choice(words));
        Err(Fault::new(TextErrorKind::Unknown, node.span.clone(), message)
            .nearest(text, words.iter().map(|(word, _)| *word)))
    }

    /// The path of a file of a bundle or file system.
    pub(crate) fn file(&self, node: &Node, example: &str) -> Result<ResourcePath, Fault> {
        let text = self.text(node)?;
        let path = self.scope.path(text).map_err(|fault| self.inside(node, fault))?;
        if path.files().is_none() || path.is_directory() {
            return Err(self.wrong(node, "the path of a file is expected").hint(format!("like `{example}`")));
        }
        Ok(path)
    }

    /// A selector, with variables put in.
    pub(crate) fn selector(&self, node: &Node) -> Result<Selector, Fault> {
        let written = self.text(node)?;
        let text = self.substituted(node)?;
        Selector::parse(&text).map_err(|error| {
            let mut fault = path_fault(error);
            if text != written {
                fault.span = 0..written.len();
            }
            self.inside(node, fault)
        })
    }

    /// A text with variables put in.
    pub(crate) fn substituted(&self, node: &Node) -> Result<String, Fault> {
        self.scope.substitute(self.text(node)?).map_err(|fault| self.inside(node, fault))
    }

    /// Moves a fault from the text of a node to the bytes of the document.
    pub(crate) fn inside(&self, node: &Node, mut fault: Fault) -> Fault {
        fault.span = node.place(self.text, fault.span);
        fault
    }

    /// The surroundings of the document.
    pub(crate) fn scope(&self) -> &Scope {
        self.scope
    }

    /// A value that cannot be.
    pub(crate) fn wrong(&self, node: &Node, message: &str) -> Fault {
        Fault::new(TextErrorKind::Invalid, node.span.clone(), message)
    }
}

/// The words that can stand in a place.
fn choice<T>(words: &[(&str, T)]) -> String {
    let all: Vec<String> = words.iter().map(|(word, _)| format!("`{word}`")).collect();
    match all.as_slice() {
        [only] => format!("the only value is {only}"),
        all => format!("the values are {}", all.join(", ")),
    }
}

impl Keys {
    fn unknown(&self, name: &str, key: &Node) -> Fault {
        let fault = Fault::new(TextErrorKind::Unknown, key.span.clone(), format!("{} has no key `{name}`", self.what));
        let later = self.later.iter().map(|(later, _)| *later);
        match star_path::suggest::nearest(name, self.known.iter().copied().chain(later)) {
            Some(near) => fault.hint(format!("did you mean `{near}`?")),
            None => fault.hint(format!("its keys are `{}`", self.known.join("`, `"))),
        }
    }
}

impl<'n> Fields<'n> {
    /// The value of a key; a key with nothing behind it counts as absent.
    pub(crate) fn get(&self, key: &str) -> Option<&'n Node> {
        let found = self.entries.iter().find(|(name, _)| *name == key)?;
        (!matches!(found.1.value, Value::Null)).then_some(found.1)
    }

    /// The value of a key that must be there.
    pub(crate) fn need(&self, key: &str, hint: &str) -> Result<&'n Node, Fault> {
        self.get(key).ok_or_else(|| {
            let message = format!("{} needs the key `{key}`", self.what);
            Fault::new(TextErrorKind::Missing, self.span.clone(), message).hint(hint)
        })
    }

    /// The value of a key, read by `read` if it is there.
    pub(crate) fn map<T>(
        &self,
        key: &str,
        read: impl FnOnce(&'n Node) -> Result<T, Fault>,
    ) -> Result<Option<T>, Fault> {
        self.get(key).map(read).transpose()
    }
}
