//! Which contents the records of a moment speak of: bodies of Files, manifests of bundles, and
//! what the manifests list.

use std::collections::BTreeMap;

use star_artifact::ContentRows;
use star_core::command::Manifest;
use star_core::keys;
use star_core::kind::Kind;
use star_core::ports::meta::Key;
use star_core::record::Record;
use star_path::Digest;

use super::Finding;
use super::contents::{Held, KnownPacks, Looked};
use super::error::Trouble;

/// Which rows count.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Scope<'a> {
    /// All of them.
    Star,
    /// Those of this Space.
    Space(&'a str),
}

impl Scope<'_> {
    /// Whether a row counts.
    pub(crate) fn holds(&self, key: &Key) -> bool {
        match self {
            Scope::Star => true,
            Scope::Space(space) => keys::belongs_to_space(key, space),
        }
    }
}

/// The contents that are needed, each with the first key that speaks of it.
#[derive(Debug, Default)]
pub(crate) struct References {
    bodies: BTreeMap<Digest, Key>,
    manifests: BTreeMap<Digest, Key>,
    unreadable: Vec<Key>,
    /// Where contents lie.
    contents: ContentRows,
    /// Rows that count.
    pub(crate) rows: u64,
}

/// What is needed, and what stands in the way.
#[derive(Debug, Default)]
pub(crate) struct Needed {
    /// The contents, each with the first key that speaks of it.
    pub(crate) contents: BTreeMap<Digest, Key>,
    /// Where they lie.
    pub(crate) rows: ContentRows,
    /// Records and manifests that cannot be read.
    pub(crate) findings: Vec<Finding>,
}

impl References {
    /// Looks at a row that says where contents lie. They belong to no Space.
    pub(crate) fn note_content(&mut self, key: &Key, value: &[u8]) {
        self.contents.note(key, value);
    }

    /// Looks at a row that counts.
    pub(crate) fn note(&mut self, key: &Key, value: &[u8]) {
        self.rows += 1;
        if !keys::is_record(key) {
            return;
        }
        match Record::decode(value) {
            Ok(Record { body: Some(body), kind, .. }) => {
                let known = if kind == Kind::ArtifactBundle { &mut self.manifests } else { &mut self.bodies };
                known.entry(body.content.digest).or_insert_with(|| key.clone());
            }
            Ok(_) => {}
            Err(_) => self.unreadable.push(key.clone()),
        }
    }

    /// Reads the manifests for what they list.
    pub(crate) fn expand(self, held: &Held) -> Needed {
        let mut needed = Needed { contents: self.bodies, rows: self.contents, findings: Vec::new() };
        for key in self.unreadable.iter().chain(needed.rows.damaged()) {
            needed.findings.push(Finding {
                file: text(key).into(),
                offset: 0,
                what: "the record cannot be read".to_owned(),
                remedy: "restore up to a position before it was written".to_owned(),
            });
        }
        for (digest, key) in self.manifests {
            // That it is missing or damaged is found where contents are looked at.
            let decoded = held.read(&needed.rows, &digest).map(|bytes| Manifest::decode(&bytes));
            match decoded {
                Some(Ok(manifest)) => {
                    for entry in manifest.files.into_values() {
                        needed.contents.entry(entry.body.content.digest).or_insert_with(|| key.clone());
                    }
                }
                Some(Err(error)) => needed.findings.push(Finding {
                    file: text(&key).into(),
                    offset: 0,
                    what: error.message().to_owned(),
                    remedy: "publish the bundle again, as another version".to_owned(),
                }),
                None => {}
            }
            needed.contents.insert(digest, key);
        }
        needed
    }
}

impl Needed {
    /// Those that cannot be had.
    pub(crate) fn missing(&self, held: &Held, packs: &mut KnownPacks) -> Result<Vec<Finding>, Trouble> {
        let mut findings = self.findings.clone();
        let mut looked = Looked::begin(held, &self.rows, packs);
        for (digest, key) in &self.contents {
            if let Some(trouble) = looked.trouble(digest)? {
                findings.push(Finding {
                    file: text(key).into(),
                    offset: 0,
                    what: format!("its content {digest} cannot be had: {trouble}"),
                    remedy: "write it again: nothing else has its bytes".to_owned(),
                });
            }
        }
        Ok(findings)
    }
}

/// The path that a key speaks of.
fn text(key: &Key) -> String {
    let text = String::from_utf8_lossy(key.as_bytes()).into_owned();
    text.get(2..).map_or(text.clone(), str::to_owned)
}
