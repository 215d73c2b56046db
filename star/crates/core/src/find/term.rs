//! What a resource can be found by, and the rows that say so.
//!
//! What nearly every resource has is no term, because its rows would be nearly as many as the records:
//! being a File, and being `Ready`.

use std::collections::BTreeSet;

use bytes::Bytes;
use star_path::{Digest, ResourcePath};

use crate::keys;
use crate::kind::Kind;
use crate::ports::meta::{Key, Operation};
use crate::record::Record;
use crate::status::State;

/// What a resource can be found by, hashed to one length: a row must not be longer than a store allows
/// because somebody chose a long label. Two that share a hash cost a look, and nothing else.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Term([u8; keys::TERM_BYTES]);

impl Term {
    /// Being of a kind; none for one that is not looked for like this.
    pub(crate) fn kind(kind: Kind) -> Option<Term> {
        (kind != Kind::File).then(|| Term::of(&["kind", kind.spec().name]))
    }

    /// Being in a state, by its word; none for the one that nearly all are in.
    pub(crate) fn status(word: &str) -> Option<Term> {
        (word != State::Ready.word()).then(|| Term::of(&["status", word]))
    }

    /// Having a label with this value.
    pub(crate) fn label(name: &str, value: &str) -> Term {
        Term::of(&["label", name, value])
    }

    /// Having a label, whatever its value.
    pub(crate) fn labelled(name: &str) -> Term {
        Term::of(&["labelled", name])
    }

    /// Having a content as its bytes.
    pub(crate) fn content(digest: &Digest) -> Term {
        Term::of(&["content", &digest.to_string()])
    }

    fn of(words: &[&str]) -> Term {
        Term(xxhash_rust::xxh3::xxh3_128(words.join("\0").as_bytes()).to_be_bytes())
    }

    /// All terms of a resource.
    pub(crate) fn all(record: &Record) -> BTreeSet<Term> {
        let labels = record.labels.iter().flat_map(|(name, value)| [Term::label(name, value), Term::labelled(name)]);
        let content = record.body.as_ref().map(|body| Term::content(&body.content.digest));
        let others = [Term::kind(record.kind), Term::status(record.status.state.word()), content];
        labels.chain(others.into_iter().flatten()).collect()
    }

    /// The term of a row.
    pub(crate) fn of_row(key: &Key) -> Option<Term> {
        let term = key.as_bytes().get(keys::TABLE_BYTES..keys::TABLE_BYTES + keys::TERM_BYTES)?;
        term.try_into().ok().map(Term)
    }

    /// The row that says that a resource has it.
    pub(crate) fn row(self, path: &ResourcePath) -> Key {
        keys::found(&self.0, path)
    }

    /// The bytes of it that stand in keys.
    pub(crate) fn bytes(&self) -> &[u8; keys::TERM_BYTES] {
        &self.0
    }
}

/// The rows of a resource that is written.
pub(crate) fn rows(path: &ResourcePath, record: &Record) -> impl Iterator<Item = Key> {
    Term::all(record).into_iter().map(|term| term.row(path))
}

/// What writes the rows of a resource, whatever it had before.
pub(crate) fn enter(path: &ResourcePath, record: &Record) -> impl Iterator<Item = Operation> {
    rows(path, record).map(|row| Operation::Put(row, Bytes::new()))
}

/// What brings the rows of a resource from one record to another.
pub(crate) fn change(path: &ResourcePath, before: &Record, after: &Record) -> Vec<Operation> {
    let (before, after) = (Term::all(before), Term::all(after));
    let gone = before.difference(&after).map(|term| Operation::Delete(term.row(path)));
    gone.chain(after.difference(&before).map(|term| Operation::Put(term.row(path), Bytes::new()))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ports::content::ContentRef;
    use crate::record::Body;
    use crate::status::Status;

    fn record(kind: Kind, labels: &[(&str, &str)]) -> Record {
        let mut record = Record::new(kind, ResourcePath::root(), 0);
        record.labels = labels.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        record
    }

    #[test]
    fn a_resource_is_found_by_its_kind_its_trouble_and_its_labels() {
        let mut base = record(Kind::Base, &[("env", "prod")]);
        assert_eq!(Term::all(&base).len(), 3);
        base.status = Status { state: State::Pending, ..base.status };
        assert!(Term::all(&base).contains(&Term::status("Pending").unwrap()));
        assert!(Term::all(&record(Kind::File, &[])).is_empty(), "a directory is found by nothing");
    }

    #[test]
    fn a_file_is_found_by_its_content() {
        let mut file = record(Kind::File, &[]);
        let digest = Digest::sha256([7; 32]);
        let content = ContentRef { digest: digest.clone(), size_bytes: 3 };
        file.body = Some(Body { content, content_type: "text/plain".into() });
        assert_eq!(Term::all(&file), [Term::content(&digest)].into());
    }

    #[test]
    fn only_what_differs_is_written() {
        let path = ResourcePath::parse("acme:b").unwrap();
        let (before, after) = (record(Kind::Base, &[("env", "prod")]), record(Kind::Base, &[("env", "test")]));
        let operations = change(&path, &before, &after);
        assert!(change(&path, &after, &after).is_empty());
        assert_eq!(operations.len(), 2, "{operations:?}");
        assert!(operations.contains(&Operation::Delete(Term::label("env", "prod").row(&path))));
    }

    #[test]
    fn the_term_of_a_row_is_read_back() {
        let term = Term::label("env", "prod");
        assert_eq!(Term::of_row(&term.row(&ResourcePath::parse("acme:b").unwrap())), Some(term));
    }
}
