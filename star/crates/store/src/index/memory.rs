//! The index in memory: a sorted map behind a lock.

use std::collections::{BTreeMap, HashMap};
use std::sync::{PoisonError, RwLock, RwLockReadGuard};

use star_core::ports::meta::{Key, KeyRange, Operation, Position, Revision, ScanPage, Shard};

use super::{Index, IndexError, Record, Row, ShardState, View, is_empty, is_since};
use crate::limits::PAGE_BYTES;

/// Rows in a map. Gone with the process, made again from the journal.
#[derive(Debug, Default)]
pub(crate) struct MemoryIndex {
    contents: RwLock<Contents>,
}

#[derive(Debug, Clone, Default)]
struct Contents {
    rows: BTreeMap<Key, Row>,
    shards: HashMap<Shard, ShardState>,
    applied: Position,
    bytes: u64,
}

impl MemoryIndex {
    /// The same rows once more, for a test that wants to keep a moment.
    #[cfg(test)]
    pub(crate) fn copy(&self) -> MemoryIndex {
        MemoryIndex { contents: RwLock::new(self.contents().clone()) }
    }

    fn contents(&self) -> RwLockReadGuard<'_, Contents> {
        self.contents.read().unwrap_or_else(PoisonError::into_inner)
    }
}

impl View for MemoryIndex {
    fn read(&self, keys: &[Key]) -> Result<Vec<Option<Row>>, IndexError> {
        let contents = self.contents();
        Ok(keys.iter().map(|key| contents.rows.get(key).cloned()).collect())
    }

    fn scan(&self, range: &KeyRange, limit: usize) -> Result<ScanPage, IndexError> {
        let contents = self.contents();
        let mut page = ScanPage::default();
        let mut bytes = 0;
        for (key, row) in contents.range(range) {
            if page.rows.len() == limit || bytes >= PAGE_BYTES {
                page.next = Some(key.clone());
                break;
            }
            bytes += key.as_bytes().len() + row.value.len();
            page.rows.push((key.clone(), row.clone().into()));
        }
        Ok(page)
    }

    fn written_since(
        &self,
        range: &KeyRange,
        shard: Shard,
        since: Revision,
        except: &dyn Fn(&[u8]) -> bool,
    ) -> Result<Option<Row>, IndexError> {
        let contents = self.contents();
        let mut rows = contents.range(range).filter(|(key, _)| !except(key.as_bytes())).map(|(_, row)| row);
        Ok(rows.find(|row| is_since(row.shard, row.modified, shard, since)).cloned())
    }
}

impl Index for MemoryIndex {
    fn name(&self) -> &'static str {
        "memory"
    }

    fn apply(&self, records: &[Record]) -> Result<(), IndexError> {
        let mut contents = self.contents.write().unwrap_or_else(PoisonError::into_inner);
        for record in records {
            contents.apply(record);
        }
        Ok(())
    }

    fn fill(&self, rows: &[(Key, Row)]) -> Result<(), IndexError> {
        let mut contents = self.contents.write().unwrap_or_else(PoisonError::into_inner);
        for (key, row) in rows {
            contents.bytes += weight(key, row);
            contents.rows.insert(key.clone(), row.clone());
        }
        Ok(())
    }

    fn filled(&self, shards: &BTreeMap<Shard, ShardState>, applied: Position) -> Result<(), IndexError> {
        let mut contents = self.contents.write().unwrap_or_else(PoisonError::into_inner);
        contents.shards = shards.iter().map(|(shard, state)| (*shard, *state)).collect();
        contents.applied = applied;
        Ok(())
    }

    fn sync(&self) -> Result<(), IndexError> {
        Ok(())
    }

    fn applied(&self) -> Result<Position, IndexError> {
        Ok(self.contents().applied)
    }

    fn shards(&self) -> Result<Vec<(Shard, ShardState)>, IndexError> {
        Ok(self.contents().shards.iter().map(|(shard, state)| (*shard, *state)).collect())
    }

    fn bytes(&self) -> u64 {
        self.contents().bytes
    }
}

impl Contents {
    /// The rows of a range; a map panics when asked for one that ends before it begins.
    fn range<'a>(&'a self, range: &'a KeyRange) -> impl Iterator<Item = (&'a Key, &'a Row)> {
        let start = (!is_empty(range)).then_some(&range.start);
        start
            .map(|start| self.rows.range(start..))
            .into_iter()
            .flatten()
            .take_while(|(key, _)| range.end.as_ref().is_none_or(|end| *key < end))
    }

    fn apply(&mut self, record: &Record) {
        for operation in &record.operations {
            match operation {
                Operation::Put(key, value) => self.put(key, value, record),
                Operation::Delete(key) => self.remove(key),
                Operation::DeleteRange(range) => {
                    let gone: Vec<Key> = self.range(range).map(|(key, _)| key.clone()).collect();
                    gone.iter().for_each(|key| self.remove(key));
                }
            }
        }
        let state = self.shards.entry(record.shard).or_default();
        *state = state.after(record);
        self.applied = record.position;
    }

    fn put(&mut self, key: &Key, value: &bytes::Bytes, record: &Record) {
        let former = self.rows.get(key);
        let created = former.map_or(record.revision, |row| row.created);
        let freed = former.map_or(0, |row| weight(key, row));
        let row = Row { value: value.clone(), created, modified: record.revision, shard: record.shard };
        self.bytes = self.bytes + weight(key, &row) - freed;
        self.rows.insert(key.clone(), row);
    }

    fn remove(&mut self, key: &Key) {
        if let Some(row) = self.rows.remove(key) {
            self.bytes -= weight(key, &row);
        }
    }
}

fn weight(key: &Key, row: &Row) -> u64 {
    (key.as_bytes().len() + row.value.len()) as u64
}
