//! A YAML document as a tree in which every value knows its bytes.
//!
//! Owns the way from YAML to the tree, its bounds, and the way back from a piece of a value to
//! the bytes that wrote it. What a document may contain is decided above, in
//! [`document`](super::document).

use std::fmt;
use std::ops::Range;

use serde::de::{Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};
use serde_saphyr::Spanned;
use serde_saphyr::budget::BudgetBreach;

use super::text::{Fault, TextErrorKind};
use crate::limits;

/// A value and the bytes that wrote it.
#[derive(Debug)]
pub(crate) struct Node {
    /// The bytes of the document; empty for what is not written out.
    pub(crate) span: Range<usize>,
    /// The value.
    pub(crate) value: Value,
}

/// What a value is, before anyone asked for more.
#[derive(Debug)]
pub(crate) enum Value {
    /// Nothing stands behind the key.
    Null,
    /// A number, or `true` or `false`, as it is written.
    Plain(String),
    /// Text, quotes and indentation taken off.
    Text(String),
    /// A list.
    List(Vec<Node>),
    /// Keys and values in their order, no key twice.
    Map(Vec<(Node, Node)>),
}

impl Node {
    /// Reads a document. Aliases, anchors, merge keys and unknown tags are refused: nothing here
    /// needs them, and they make a small text mean a large one.
    pub(crate) fn read(text: &str) -> Result<Node, Fault> {
        if text.len() > limits::DOCUMENT_BYTES {
            let message = format!("the document has {} bytes, at most {} are read", text.len(), limits::DOCUMENT_BYTES);
            return Err(Fault::new(TextErrorKind::TooLarge, 0..0, message));
        }
        let options = serde_saphyr::options! {
            budget: serde_saphyr::budget! {
                max_aliases: 0,
                max_anchors: 0,
                max_depth: limits::DOCUMENT_DEPTH,
                max_documents: 1,
                max_nodes: limits::DOCUMENT_NODES,
            },
            merge_keys: serde_saphyr::options::MergeKeyPolicy::Error,
            non_finite_float_policy: serde_saphyr::options::NonFiniteFloatPolicy::AsString,
            reject_unsupported_tags: true,
            strict_booleans: true,
            with_snippet: false,
        };
        let tree = serde_saphyr::from_str_with_options::<Spanned<Raw>>(text, options);
        tree.map(|tree| Node::settle(tree, text)).map_err(|error| fault(&error, text))
    }

    fn settle(raw: Spanned<Raw>, text: &str) -> Node {
        let place = raw.referenced.span();
        let start = place.byte_offset().map_or(0, as_index).min(text.len());
        let end = (start + place.byte_len().map_or(0, as_index)).min(text.len());
        let value = match raw.value {
            Raw::Null => Value::Null,
            Raw::Plain => Value::Plain(text.get(start..end).unwrap_or_default().to_owned()),
            Raw::Text(value) => Value::Text(value),
            Raw::List(items) => Value::List(items.into_iter().map(|item| Node::settle(item, text)).collect()),
            Raw::Map(entries) => {
                let settle = |(key, value)| (Node::settle(key, text), Node::settle(value, text));
                Value::Map(entries.into_iter().map(settle).collect())
            }
        };
        Node { span: start..end, value }
    }

    /// The bytes of the document `text` that wrote bytes `part` of this node's text; the whole
    /// node where escapes or folding leave no simple way back.
    pub(crate) fn place(&self, text: &str, part: Range<usize>) -> Range<usize> {
        let (Value::Text(value) | Value::Plain(value)) = &self.value else { return self.span.clone() };
        let Some(written) = text.get(self.span.clone()) else { return self.span.clone() };
        if written == value {
            return self.span.start + part.start..self.span.start + part.end;
        }
        let quoted = written.len() == value.len() + 2 && written.get(1..written.len() - 1) == Some(value);
        if quoted {
            return self.span.start + 1 + part.start..self.span.start + 1 + part.end;
        }
        match (self.block_offset(value, text, part.start), self.block_offset(value, text, part.end)) {
            (Some(start), Some(end)) => start..end.max(start),
            _ => self.span.clone(),
        }
    }

    /// Where byte `at` of the text of a literal block (`|`) stands in the document: the same line
    /// of the block, behind the indentation that was taken off.
    fn block_offset(&self, value: &str, text: &str, at: usize) -> Option<usize> {
        let before = value.get(..at)?;
        let wanted = before.matches('\n').count();
        let column = at - before.rfind('\n').map_or(0, |newline| newline + 1);
        let mut start = text[..self.span.start].rfind('\n').map_or(0, |newline| newline + 1);
        let mut lines = value.split('\n');
        for number in 0..=wanted {
            let line = lines.next()?;
            let written = text[start..].split('\n').next()?;
            let indented = written.trim_end_matches('\r').strip_suffix(line)?;
            if !indented.bytes().all(|byte| byte == b' ') {
                return None;
            }
            if number == wanted {
                return Some(start + indented.len() + column);
            }
            start += written.len() + 1;
            if start > text.len() {
                return None;
            }
        }
        None
    }
}

/// Offsets come as `u64` and lie in a text that is in memory.
fn as_index(offset: u64) -> usize {
    usize::try_from(offset).unwrap_or(usize::MAX)
}

/// The tree as the YAML reader gives it, before spans are turned into byte ranges.
enum Raw {
    Null,
    Plain,
    Text(String),
    List(Vec<Spanned<Raw>>),
    Map(Vec<(Spanned<Raw>, Spanned<Raw>)>),
}

impl<'de> Deserialize<'de> for Raw {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Raw, D::Error> {
        deserializer.deserialize_any(RawVisitor)
    }
}

struct RawVisitor;

impl<'de> Visitor<'de> for RawVisitor {
    type Value = Raw;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a value")
    }

    fn visit_bool<E>(self, _: bool) -> Result<Raw, E> {
        Ok(Raw::Plain)
    }

    fn visit_i64<E>(self, _: i64) -> Result<Raw, E> {
        Ok(Raw::Plain)
    }

    fn visit_i128<E>(self, _: i128) -> Result<Raw, E> {
        Ok(Raw::Plain)
    }

    fn visit_u64<E>(self, _: u64) -> Result<Raw, E> {
        Ok(Raw::Plain)
    }

    fn visit_u128<E>(self, _: u128) -> Result<Raw, E> {
        Ok(Raw::Plain)
    }

    fn visit_f64<E>(self, _: f64) -> Result<Raw, E> {
        Ok(Raw::Plain)
    }

    fn visit_str<E>(self, text: &str) -> Result<Raw, E> {
        Ok(Raw::Text(text.to_owned()))
    }

    fn visit_string<E>(self, text: String) -> Result<Raw, E> {
        Ok(Raw::Text(text))
    }

    fn visit_unit<E>(self) -> Result<Raw, E> {
        Ok(Raw::Null)
    }

    fn visit_none<E>(self) -> Result<Raw, E> {
        Ok(Raw::Null)
    }

    fn visit_some<D: Deserializer<'de>>(self, deserializer: D) -> Result<Raw, D::Error> {
        Raw::deserialize(deserializer)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Raw, A::Error> {
        let mut list = Vec::new();
        while let Some(item) = items.next_element()? {
            list.push(item);
        }
        Ok(Raw::List(list))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Raw, A::Error> {
        let mut map = Vec::new();
        while let Some(entry) = entries.next_entry()? {
            map.push(entry);
        }
        Ok(Raw::Map(map))
    }
}

/// What the YAML reader complains about, in our words where ours say more.
fn fault(error: &serde_saphyr::Error, text: &str) -> Fault {
    use serde_saphyr::Error;
    let span = place_of(error, text);
    match error {
        Error::Budget { breach, .. } => budget_fault(breach, span),
        Error::MergeKeyNotAllowed { .. } => {
            Fault::new(TextErrorKind::Syntax, span, "merge keys (`<<`) are not allowed").hint("write the entries out")
        }
        Error::DuplicateMappingKey { key, .. } => {
            let message = match key {
                Some(key) => format!("the key `{key}` stands twice"),
                None => "a key stands twice".to_owned(),
            };
            Fault::new(TextErrorKind::Syntax, span, message)
        }
        _ => Fault::new(TextErrorKind::Syntax, span, without_place(&error.to_string())),
    }
}

fn budget_fault(breach: &BudgetBreach, span: Range<usize>) -> Fault {
    match breach {
        BudgetBreach::Aliases { .. } | BudgetBreach::Anchors { .. } => {
            Fault::new(TextErrorKind::Syntax, span, "anchors and aliases (`&x`, `*x`) are not allowed")
                .hint("write the value out")
        }
        BudgetBreach::Documents { .. } => {
            Fault::new(TextErrorKind::Syntax, span, "a second document begins here").hint("one file holds one document")
        }
        BudgetBreach::Depth { .. } => {
            let message = format!("nested deeper than {} levels", limits::DOCUMENT_DEPTH);
            Fault::new(TextErrorKind::TooLarge, span, message)
        }
        BudgetBreach::Nodes { .. } => {
            Fault::new(TextErrorKind::TooLarge, span, format!("more than {} values", limits::DOCUMENT_NODES))
        }
        _ => Fault::new(TextErrorKind::TooLarge, span, "the document is too large"),
    }
}

fn place_of(error: &serde_saphyr::Error, text: &str) -> Range<usize> {
    let Some(location) = error.location() else { return 0..0 };
    if let Some(start) = location.span().byte_offset().map(as_index) {
        return start..start + location.span().byte_len().map_or(1, as_index).max(1);
    }
    let line_start: usize =
        text.split_inclusive('\n').take(as_index(location.line()).saturating_sub(1)).map(str::len).sum();
    let column = as_index(location.column()).saturating_sub(1);
    let within = text[line_start..].char_indices().nth(column).map_or(0, |(at, _)| at);
    line_start + within..line_start + within + 1
}

/// The reader pastes line and column into its text; ours stand before it.
fn without_place(message: &str) -> String {
    let end = message.rfind(" at line ").unwrap_or(message.len());
    message[..end].to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry<'n>(node: &'n Node, key: &str) -> &'n Node {
        let Value::Map(entries) = &node.value else { panic!("no map") };
        let is_key = |node: &Node| matches!(&node.value, Value::Text(text) if text == key);
        &entries.iter().find(|(name, _)| is_key(name)).expect("the key").1
    }

    #[test]
    fn a_piece_of_a_value_is_found_again_in_the_document() {
        let text = "plain: häs b\nquoted: \"has b\"\nblock: |\n    one\n    has b\nescaped: \"\\thas b\"\n";
        let node = Node::read(text).expect("good yaml");
        for (key, part) in [("plain", 5..6), ("quoted", 4..5), ("block", 8..9)] {
            let place = entry(&node, key).place(text, part);
            assert_eq!(&text[place.clone()], "b", "{key} {place:?}");
        }
        let whole = entry(&node, "escaped").place(text, 1..2);
        assert_eq!(&text[whole], "\"\\thas b\"");
    }

    #[test]
    fn numbers_keep_the_text_they_were_written_with() {
        let node = Node::read("a: 1.10\nb: true\nc: yes\nd: .nan\n").expect("good yaml");
        assert!(matches!(&entry(&node, "a").value, Value::Plain(text) if text == "1.10"));
        assert!(matches!(&entry(&node, "b").value, Value::Plain(text) if text == "true"));
        assert!(matches!(&entry(&node, "c").value, Value::Text(text) if text == "yes"));
    }

    #[test]
    fn what_makes_a_small_text_large_is_refused() {
        let deep = "[".repeat(limits::DOCUMENT_DEPTH + 1) + &"]".repeat(limits::DOCUMENT_DEPTH + 1);
        let many = format!("[{}]", "1,".repeat(limits::DOCUMENT_NODES));
        let long = format!("a: {}", "x".repeat(limits::DOCUMENT_BYTES));
        for (text, kind) in [
            ("a: &x 1\nb: *x\n", TextErrorKind::Syntax),
            ("<<: { a: 1 }\n", TextErrorKind::Syntax),
            (deep.as_str(), TextErrorKind::TooLarge),
            (many.as_str(), TextErrorKind::TooLarge),
            (long.as_str(), TextErrorKind::TooLarge),
        ] {
            let fault = Node::read(text).expect_err("refused");
            assert_eq!(fault.kind, kind, "{}", fault.message);
        }
    }
}
