//! What a stretch of the log does to the rows before it, without knowing those rows.

use std::collections::BTreeMap;

use bytes::Bytes;
use star_core::ports::meta::{Key, KeyRange, Operation, Revision, Shard};

use crate::index::{Record, Row, is_empty};

/// The last word of a stretch of the log on every key that it touches.
#[derive(Debug, Default)]
pub(crate) struct Changes {
    keys: BTreeMap<Key, Change>,
    /// Every row from before that lies in one of these is gone, whatever `keys` says of it.
    erased: Ranges,
    bytes: usize,
}

#[derive(Debug, Clone)]
enum Change {
    Written { value: Bytes, created: Created, modified: Revision, shard: Shard },
    Erased,
}

/// When a key was made.
#[derive(Debug, Clone, Copy)]
enum Created {
    /// At this revision.
    At(Revision),
    /// When the row from before was; at this revision where there was none.
    AsBefore(Revision),
}

impl Changes {
    /// Memory that the changes take, about.
    pub(crate) fn bytes(&self) -> usize {
        self.bytes
    }

    /// Adds the next batch of the log.
    pub(crate) fn apply(&mut self, record: &Record) {
        for operation in &record.operations {
            match operation {
                Operation::Put(key, value) => {
                    let created = match self.keys.get(key) {
                        Some(Change::Written { created, .. }) => *created,
                        Some(Change::Erased) => Created::At(record.revision),
                        None if self.erased.contains(key) => Created::At(record.revision),
                        None => Created::AsBefore(record.revision),
                    };
                    let (modified, shard) = (record.revision, record.shard);
                    self.bytes += key.as_bytes().len() + value.len() + size_of::<(Key, Change)>();
                    self.keys.insert(key.clone(), Change::Written { value: value.clone(), created, modified, shard });
                }
                Operation::Delete(key) => {
                    self.bytes += key.as_bytes().len() + size_of::<(Key, Change)>();
                    self.keys.insert(key.clone(), Change::Erased);
                }
                Operation::DeleteRange(range) if is_empty(range) => {}
                Operation::DeleteRange(range) => {
                    let inside = self.keys.range(&range.start..).take_while(|(key, _)| range.contains(key));
                    let gone: Vec<Key> = inside.map(|(key, _)| key.clone()).collect();
                    gone.iter().for_each(|key| drop(self.keys.remove(key)));
                    self.erased.add(range);
                }
            }
        }
    }

    /// The changes in the order of their keys, to be laid over the rows from before.
    pub(crate) fn over<E>(
        &self,
        before: impl Iterator<Item = Result<(Key, Row), E>>,
        mut visit: impl FnMut(Key, Row) -> Result<(), E>,
    ) -> Result<(), E> {
        let mut changes = self.keys.iter().peekable();
        for row in before {
            let (key, row) = row?;
            while let Some((earlier, change)) = changes.next_if(|(earlier, _)| **earlier < key) {
                visit_written(earlier, change, None, &mut visit)?;
            }
            match changes.next_if(|(same, _)| **same == key) {
                Some((_, change)) => visit_written(&key, change, Some(&row), &mut visit)?,
                None if self.erased.contains(&key) => {}
                None => visit(key, row)?,
            }
        }
        changes.try_for_each(|(key, change)| visit_written(key, change, None, &mut visit))
    }
}

fn visit_written<E>(
    key: &Key,
    change: &Change,
    before: Option<&Row>,
    visit: &mut impl FnMut(Key, Row) -> Result<(), E>,
) -> Result<(), E> {
    let Change::Written { value, created, modified, shard } = change else { return Ok(()) };
    let created = match (*created, before) {
        (Created::AsBefore(_), Some(row)) => row.created,
        (Created::At(revision) | Created::AsBefore(revision), _) => revision,
    };
    visit(key.clone(), Row { value: value.clone(), created, modified: *modified, shard: *shard })
}

/// Spans of keys that do not touch, by their start.
#[derive(Debug, Default)]
struct Ranges(BTreeMap<Key, Option<Key>>);

impl Ranges {
    fn contains(&self, key: &Key) -> bool {
        let before = self.0.range(..=key).next_back();
        before.is_some_and(|(_, end)| end.as_ref().is_none_or(|end| key < end))
    }

    fn add(&mut self, range: &KeyRange) {
        let (mut start, mut end) = (range.start.clone(), range.end.clone());
        if let Some((before, upto)) = self.0.range(..=&start).next_back()
            && upto.as_ref().is_none_or(|upto| *upto >= start)
        {
            start = before.clone();
            end = later(end, upto.clone());
        }
        let touching = |key: &Key, end: &Option<Key>| end.as_ref().is_none_or(|end| key <= end);
        while let Some((next, upto)) = self.0.range(&start..).next().filter(|(next, _)| touching(next, &end)) {
            let next = next.clone();
            end = later(end, upto.clone());
            self.0.remove(&next);
        }
        self.0.insert(start, end);
    }
}

/// The end that is further; none is behind every key.
fn later(a: Option<Key>, b: Option<Key>) -> Option<Key> {
    Some(a?.max(b?))
}

#[cfg(test)]
mod tests {
    use std::convert::Infallible;

    use proptest::prelude::*;

    use super::*;
    use crate::index::memory::MemoryIndex;
    use crate::index::{Index, View};

    fn any_key() -> impl Strategy<Value = Key> {
        (0u8..12).prop_map(|number| Key::new(vec![b'a' + number]))
    }

    fn any_operation() -> impl Strategy<Value = Operation> {
        prop_oneof![
            4 => (any_key(), any::<u8>()).prop_map(|(key, byte)| Operation::Put(key, Bytes::from(vec![byte]))),
            2 => any_key().prop_map(Operation::Delete),
            1 => (any_key(), proptest::option::of(any_key()))
                .prop_map(|(start, end)| Operation::DeleteRange(KeyRange { start, end })),
        ]
    }

    fn any_log() -> impl Strategy<Value = Vec<Record>> {
        let shard = |number| Shard::new(number).unwrap();
        proptest::collection::vec((0u16..3, proptest::collection::vec(any_operation(), 0..4)), 0..30).prop_map(
            move |batches| {
                let numbered = (1u64..).zip(batches);
                numbered
                    .map(|(position, (number, operations))| Record {
                        position,
                        shard: shard(number),
                        revision: position,
                        operations,
                    })
                    .collect()
            },
        )
    }

    fn rows_of(index: &MemoryIndex) -> Vec<(Key, Row)> {
        let keys: Vec<Key> = (0u8..12).map(|number| Key::new(vec![b'a' + number])).collect();
        let rows = index.read(&keys).unwrap();
        keys.into_iter().zip(rows).filter_map(|(key, row)| Some((key, row?))).collect()
    }

    proptest! {
        #[test]
        fn the_rows_before_with_the_changes_over_them_are_the_rows_after(log in any_log(), part in 0usize..30) {
            let (former, latter) = log.split_at(part.min(log.len()));
            let index = MemoryIndex::default();
            index.apply(former).unwrap();
            let before = rows_of(&index);
            let mut changes = Changes::default();
            latter.iter().for_each(|record| changes.apply(record));
            index.apply(latter).unwrap();
            let mut after = Vec::new();
            let visited: Result<(), Infallible> = changes.over(before.into_iter().map(Ok), |key, row| {
                after.push((key, row));
                Ok(())
            });
            visited.unwrap();
            prop_assert_eq!(after, rows_of(&index));
        }
    }
}
