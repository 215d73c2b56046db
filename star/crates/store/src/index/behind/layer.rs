//! What batches did to the rows, kept in memory until an engine has taken it.

use std::collections::BTreeMap;

use bytes::Bytes;
use star_core::ports::meta::{Key, KeyRange, Operation, Revision, Shard};

use crate::index::{IndexError, Record, Row, View, is_empty, overlap};

/// The effects of some batches, in the order of keys, and the batches themselves.
#[derive(Debug, Default)]
pub(super) struct Layer {
    keys: BTreeMap<Key, Entry>,
    /// Ranges that were removed; what `keys` holds inside of one was written after that.
    erased: Vec<KeyRange>,
    /// The batches.
    pub(super) records: Vec<Record>,
    /// What they weigh.
    pub(super) bytes: usize,
}

#[derive(Debug, Clone)]
enum Entry {
    Written(Written),
    Erased,
}

/// Most bytes of an entry: eleven of them with their keys, a node of the map, stay below a kilobyte.
/// For a larger block glibc's allocator first puts all small ones together that are free, which is work
/// for the one thread that all commits wait for.
const ENTRY_BYTES: usize = 56;

const _: () = assert!(size_of::<Entry>() <= ENTRY_BYTES, "an entry of a layer has grown");

/// A value that a batch wrote.
#[derive(Debug, Clone)]
pub(super) struct Written {
    value: Bytes,
    modified: Revision,
    /// When it was first written in this layer.
    first: Revision,
    shard: Shard,
    created: Created,
}

/// When a value came to be.
#[derive(Debug, Clone, Copy)]
enum Created {
    /// When it was first written in this layer: whatever was there before was removed.
    First,
    /// When the row below did; when it was first written where there is none.
    AsBelow,
}

/// What a layer says of a key.
pub(super) enum Found<'a> {
    Written(&'a Written),
    Erased,
    /// What is below has the last word.
    Nothing,
}

impl Layer {
    /// Adds a batch.
    pub(super) fn apply(&mut self, record: &Record) {
        for operation in &record.operations {
            match operation {
                Operation::Put(key, value) => self.put(key, value, record),
                Operation::Delete(key) => drop(self.keys.insert(key.clone(), Entry::Erased)),
                Operation::DeleteRange(range) => self.erase(range),
            }
        }
        self.bytes += record.operations.iter().map(weight).sum::<usize>();
        self.records.push(record.clone());
    }

    fn put(&mut self, key: &Key, value: &Bytes, record: &Record) {
        let revision = record.revision;
        let (first, created) = match self.find(key) {
            Found::Written(former) => (former.first, former.created),
            Found::Erased => (revision, Created::First),
            Found::Nothing => (revision, Created::AsBelow),
        };
        let written = Written { value: value.clone(), modified: revision, first, shard: record.shard, created };
        self.keys.insert(key.clone(), Entry::Written(written));
    }

    fn erase(&mut self, range: &KeyRange) {
        if is_empty(range) {
            return;
        }
        let inside: Vec<Key> = self.keys_in(range).cloned().collect();
        inside.iter().for_each(|key| drop(self.keys.remove(key)));
        self.erased.push(range.clone());
    }

    /// What it says of a key.
    pub(super) fn find(&self, key: &Key) -> Found<'_> {
        match self.keys.get(key) {
            Some(Entry::Written(written)) => Found::Written(written),
            Some(Entry::Erased) => Found::Erased,
            None if self.erased.iter().any(|range| range.contains(key)) => Found::Erased,
            None => Found::Nothing,
        }
    }

    /// Whether it says nothing at all.
    pub(super) fn is_silent(&self) -> bool {
        self.keys.is_empty() && self.erased.is_empty()
    }

    /// What it says of some keys.
    pub(super) fn about(&self, keys: &[Key]) -> Layer {
        if self.is_silent() {
            return Layer::default();
        }
        let said = keys.iter().filter_map(|key| Some((key.clone(), self.keys.get(key)?.clone()))).collect();
        let erased = self.erased.iter().filter(|range| keys.iter().any(|key| range.contains(key))).cloned().collect();
        Layer { keys: said, erased, ..Layer::default() }
    }

    /// What it says of the beginning of a range that does not end before it begins: enough of it for
    /// so many rows, as long as no newer layer takes any of them away.
    pub(super) fn beginning(&self, range: &KeyRange, rows: usize) -> Layer {
        if self.is_silent() {
            return Layer::default();
        }
        let (mut said, mut written) = (BTreeMap::new(), 0);
        for (key, entry) in self.keys.range(&range.start..).take_while(|(key, _)| range.contains(key)) {
            said.insert(key.clone(), entry.clone());
            written += usize::from(matches!(entry, Entry::Written(_)));
            if written == rows {
                break;
            }
        }
        let erased = self.erased.iter().filter(|erased| overlap(erased, range)).cloned().collect();
        Layer { keys: said, erased, ..Layer::default() }
    }

    /// The keys of a range, which must not end before it begins, that it wrote or removed singly.
    pub(super) fn keys_in(&self, range: &KeyRange) -> impl Iterator<Item = &Key> {
        self.keys.range(&range.start..).map(|(key, _)| key).take_while(|key| range.contains(key))
    }
}

/// The row of a key: what the newest layer says that says anything, else what the engine has.
pub(super) fn row(layers: &[&Layer], base: &dyn View, key: &Key) -> Result<Option<Row>, IndexError> {
    let Some((newest, below)) = layers.split_first() else {
        return Ok(base.read(std::slice::from_ref(key))?.pop().flatten());
    };
    match newest.find(key) {
        Found::Nothing => row(below, base, key),
        Found::Erased => Ok(None),
        Found::Written(Written { value, modified, first, shard, created }) => {
            let created = match created {
                Created::First => *first,
                Created::AsBelow => row(below, base, key)?.map_or(*first, |row| row.created),
            };
            Ok(Some(Row { value: value.clone(), created, modified: *modified, shard: *shard }))
        }
    }
}

/// Whether any layer says anything of a key.
pub(super) fn is_known(layers: &[&Layer], key: &Key) -> bool {
    layers.iter().any(|layer| !matches!(layer.find(key), Found::Nothing))
}

fn weight(operation: &Operation) -> usize {
    match operation {
        Operation::Put(key, value) => key.as_bytes().len() + value.len(),
        Operation::Delete(key) => key.as_bytes().len(),
        Operation::DeleteRange(range) => range.start.as_bytes().len(),
    }
}
