//! What a mechtron may do to others: the `calls` of its bind, denied by default.

use std::fmt;

use star_path::Selector;

use super::document::{Document, Keys};
use super::node::Node;
use super::text::{Fault, TextErrorKind};
use crate::limits;

const KEYS: Keys = Keys { what: "an entry of `calls`", known: &["to", "can"], later: &[] };

/// What can be done to a resource.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Verb {
    /// Read its properties and its bytes.
    Read,
    /// Write its properties and its bytes.
    Write,
    /// Send it messages.
    Execute,
}

const VERBS: [(&str, Verb); 3] = [("read", Verb::Read), ("write", Verb::Write), ("execute", Verb::Execute)];

/// Verbs of the grammar that no resource of this release understands.
const LATER: [&str; 6] = ["create", "delete", "list", "watch", "sql.read", "sql.write"];

/// What people write for sending a message.
const SENDING: [&str; 4] = ["ask", "tell", "call", "send"];

impl Verb {
    /// The word for it in a bind.
    pub fn as_str(self) -> &'static str {
        match self {
            Verb::Read => "read",
            Verb::Write => "write",
            Verb::Execute => "execute",
        }
    }
}

impl fmt::Display for Verb {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A set of verbs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Verbs(u8);

impl Verbs {
    /// Whether the verb is in the set.
    pub fn contains(self, verb: Verb) -> bool {
        self.0 & Verbs::bit(verb) != 0
    }

    /// The verbs of the set, in the order of their declaration.
    pub fn iter(self) -> impl Iterator<Item = Verb> {
        VERBS.into_iter().map(|(_, verb)| verb).filter(move |verb| self.contains(*verb))
    }

    fn with(self, verb: Verb) -> Verbs {
        Verbs(self.0 | Verbs::bit(verb))
    }

    fn bit(verb: Verb) -> u8 {
        1 << verb as u8
    }
}

impl FromIterator<Verb> for Verbs {
    fn from_iter<I: IntoIterator<Item = Verb>>(verbs: I) -> Verbs {
        verbs.into_iter().fold(Verbs::default(), Verbs::with)
    }
}

/// One entry of `calls`: these verbs on every resource that the selector matches.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CallGrant {
    /// Which resources.
    pub to: Selector,
    /// What may be done to them.
    pub can: Verbs,
}

impl CallGrant {
    /// The line of a bind that would grant a verb on a resource; for refusals, which name it.
    pub fn line_for(to: &str, verb: Verb) -> String {
        format!("- {{ to: \"{to}\", can: [ {verb} ] }}")
    }
}

/// Reads the list.
pub(super) fn read(document: &Document<'_>, node: &Node) -> Result<Vec<CallGrant>, Fault> {
    document.list(node, limits::BIND_CALLS)?.iter().map(|item| grant(document, item)).collect()
}

fn grant(document: &Document<'_>, node: &Node) -> Result<CallGrant, Fault> {
    let fields = document.fields(node, &KEYS)?;
    let to_node = fields.need("to", "like `to: \"acme:files:**\"`")?;
    let to = document.selector(to_node)?;
    if to.route().is_some() {
        return Err(Fault::not_available(to_node.span.clone(), "a selector on another Star"));
    }
    let can_node = fields.need("can", "like `can: [ read, write ]`")?;
    let items = document.list(can_node, VERBS.len())?;
    if items.is_empty() {
        return Err(document.wrong(can_node, "an empty `can` allows nothing").hint("leave the entry out"));
    }
    let can = items.iter().map(|item| verb(document, item)).collect::<Result<Verbs, Fault>>()?;
    Ok(CallGrant { to, can })
}

fn verb(document: &Document<'_>, node: &Node) -> Result<Verb, Fault> {
    let text = document.text(node)?;
    if SENDING.contains(&text) {
        let fault = Fault::new(TextErrorKind::Unknown, node.span.clone(), format!("`{text}` is not a verb"));
        return Err(fault.hint("the verb for sending messages is `execute`"));
    }
    document.word(node, &VERBS, &LATER)
}
