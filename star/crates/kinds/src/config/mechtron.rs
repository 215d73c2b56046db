//! `mechtron.yaml`: a piece of code and what it is started with.

use std::collections::BTreeMap;

use star_path::ResourcePath;

use super::document::{Document, Keys};
use super::node::Node;
use super::scope::Scope;
use super::text::{Fault, TextError, TextErrorKind};
use crate::limits;

const KEYS: Keys =
    Keys { what: "a mechtron.yaml", known: &["schema", "wasm", "name", "bind", "state", "config"], later: &[] };

/// A piece of code and what it is started with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mechtron {
    /// The component.
    pub wasm: ResourcePath,
    /// The name of the mechtron: of the resource it becomes, and inside a component that holds
    /// several.
    pub name: String,
    /// Its `bind.yaml`.
    pub bind: ResourcePath,
    /// What its code is given at start; variables are put in.
    pub config: BTreeMap<String, String>,
}

impl Mechtron {
    /// The usual name of the document.
    pub const FILE: &'static str = "mechtron.yaml";

    /// Reads a `mechtron.yaml`; `${self}` is the resource that the mechtron becomes.
    pub fn parse(text: &str, scope: &Scope) -> Result<Mechtron, TextError> {
        Document::read(Mechtron::FILE, text, scope, &KEYS, |document, fields| {
            let wasm = fields.need("wasm", "like `wasm: \"${bundle}:/mechtron.wasm\"`")?;
            let bind = fields.need("bind", "like `bind: \"${bundle}:/bind.yaml\"`")?;
            let name = fields.need("name", "like `name: greeter`")?;
            // State lives in files or replicas in a later release; today there is one word.
            fields.map("state", |node| document.word(node, &[("none", ())], &["file", "replicated"]))?;
            Ok(Mechtron {
                wasm: document.file(wasm, "${bundle}:/mechtron.wasm")?,
                name: document.name(name)?,
                bind: document.file(bind, "${bundle}:/bind.yaml")?,
                config: fields.map("config", |node| config(document, node))?.unwrap_or_default(),
            })
        })
    }
}

fn config(document: &Document<'_>, node: &Node) -> Result<BTreeMap<String, String>, Fault> {
    let entries = document.map(node, "`config`")?;
    if let Some((extra, _)) = entries.get(limits::CONFIG_ENTRIES) {
        let message = format!("more than {} entries of `config`", limits::CONFIG_ENTRIES);
        return Err(Fault::new(TextErrorKind::TooLarge, extra.span.clone(), message));
    }
    let mut config = BTreeMap::new();
    for (key, value) in entries {
        let key_text = document.text(key)?;
        if key_text.is_empty() || key_text.len() > limits::NAME_BYTES {
            let message = format!("a key of `config` has 1 to {} bytes", limits::NAME_BYTES);
            return Err(document.wrong(key, &message));
        }
        let text = document.substituted(value)?;
        if text.len() > limits::CONFIG_VALUE_BYTES {
            let message = format!("{} bytes of text, at most {} are allowed", text.len(), limits::CONFIG_VALUE_BYTES);
            return Err(Fault::new(TextErrorKind::TooLarge, value.span.clone(), message));
        }
        config.insert(key_text.to_owned(), text);
    }
    Ok(config)
}
