//! The index in redb: a copy-on-write B-tree in one file.
//!
//! Three tables in `index/redb.db`:
//!
//! | table | key | value |
//! |---|---|---|
//! | `rows` | the key | see [`super::row`] |
//! | `shards` | shard | see [`super::row`] |
//! | `about` | `schema`, `installation`, `applied` | u32, 16 bytes, see [`super::row`] |
//!
//! Groups are applied without durability; [`Index::sync`] makes one durable commit, with the
//! allocator's state saved, so that the next start need not walk the file. A file that cannot be
//! opened, is of another schema or of another installation is put aside as `redb.db.unusable`
//! (one is kept, for whoever wants to look) and an empty one is begun. [`super::sums`] keeps checksums
//! of the file beside it.

mod cache;
mod file;
mod rows;

use std::collections::BTreeMap;
use std::fs;
use std::ops::Bound;
#[cfg(test)]
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use arc_swap::ArcSwap;
use redb::{Database, Durability, Error, ReadableDatabase, ReadableTable, Table, TableDefinition, WriteTransaction};
use star_core::ports::meta::{Key, KeyRange, Operation, Position, Revision, ScanPage, Shard};

use self::file::Unusable;
use self::rows::Rows;
use super::row::{self, RowHeader};
use super::{Index, IndexError, Record, Row, ShardState, View, aside, is_empty};
use crate::disk::is_full;
use crate::journal::record::Installation;

const ROWS: TableDefinition<'static, &[u8], &[u8]> = TableDefinition::new("rows");
const SHARDS: TableDefinition<'static, u16, &[u8]> = TableDefinition::new("shards");
const ABOUT: TableDefinition<'static, &str, &[u8]> = TableDefinition::new("about");
const SCHEMA: u32 = 2;
const NAME: &str = "redb";
/// The file, in the directory of indexes.
pub(crate) const FILE: &str = "redb.db";

/// Rows in a file of redb.
pub(crate) struct RedbIndex {
    /// As the last transaction left them. Opening the table anew for every read would take as long as
    /// finding a row in it. Let go of before the database, which then closes the file.
    rows: ArcSwap<Rows>,
    database: Database,
    path: PathBuf,
}

impl RedbIndex {
    /// Opens the index in a directory, or begins an empty one where there is none of use.
    pub(crate) fn open(dir: &Path, installation: &Installation) -> Result<RedbIndex, IndexError> {
        fs::create_dir_all(dir).map_err(failed)?;
        let path = dir.join(FILE);
        let existed = path.exists();
        let unusable = match file::open(&path, installation) {
            Ok(database) => {
                if !existed {
                    tracing::info!(file = %path.display(), "an empty index is begun; the journal fills it");
                }
                return RedbIndex::of(database, path);
            }
            Err(Unusable::Busy(error)) => return Err(failed(error)),
            Err(Unusable::Contents(why)) => why,
        };
        tracing::warn!(
            file = %path.display(),
            %unusable,
            "the index cannot be used; it is put aside and made again from the journal"
        );
        aside(&path).map_err(failed)?;
        match file::open(&path, installation) {
            Ok(database) => RedbIndex::of(database, path),
            Err(Unusable::Busy(error)) => Err(failed(error)),
            Err(Unusable::Contents(why)) => Err(failed(Error::Corrupted(why))),
        }
    }

    fn of(database: Database, path: PathBuf) -> Result<RedbIndex, IndexError> {
        let rows = ArcSwap::from_pointee(Rows::now(&database).map_err(failed)?);
        Ok(RedbIndex { rows, database, path })
    }

    /// The index on a storage of the caller's, for tests of what a cut of power leaves.
    #[cfg(test)]
    pub(crate) fn on(storage: impl redb::StorageBackend, installation: &Installation) -> Result<RedbIndex, IndexError> {
        let opened = catch_unwind(AssertUnwindSafe(|| {
            let database = Database::builder().create_with_backend(storage).map_err(failed)?;
            match file::introduce(&database, installation) {
                Ok(()) => RedbIndex::of(database, PathBuf::new()),
                Err(Unusable::Busy(error)) => Err(failed(error)),
                Err(Unusable::Contents(why)) => Err(failed(Error::Corrupted(why))),
            }
        }));
        opened.unwrap_or_else(|_| Err(failed(nonsense("the engine panicked while opening it"))))
    }

    fn write(
        &self,
        durability: Durability,
        change: impl FnOnce(&WriteTransaction) -> Result<(), Error>,
    ) -> Result<(), IndexError> {
        let run = || -> Result<(), Error> {
            let mut transaction = self.database.begin_write()?;
            transaction.set_durability(durability)?;
            transaction.set_quick_repair(matches!(durability, Durability::Immediate));
            change(&transaction)?;
            transaction.commit()?;
            self.rows.store(Arc::new(Rows::now(&self.database)?));
            Ok(())
        };
        run().map_err(failed)
    }
}

impl View for RedbIndex {
    fn read(&self, keys: &[Key]) -> Result<Vec<Option<Row>>, IndexError> {
        self.rows.load().read(keys)
    }

    fn scan(&self, range: &KeyRange, limit: usize) -> Result<ScanPage, IndexError> {
        self.rows.load().scan(range, limit)
    }

    fn written_since(
        &self,
        range: &KeyRange,
        shard: Shard,
        since: Revision,
        except: &dyn Fn(&[u8]) -> bool,
    ) -> Result<Option<Row>, IndexError> {
        self.rows.load().written_since(range, shard, since, except)
    }
}

impl Index for RedbIndex {
    fn name(&self) -> &'static str {
        NAME
    }

    fn moment(&self) -> Option<Arc<dyn View>> {
        Some(self.rows.load_full())
    }

    fn apply(&self, records: &[Record]) -> Result<(), IndexError> {
        let Some(last) = records.last() else { return Ok(()) };
        self.write(Durability::None, |transaction| {
            let mut rows = transaction.open_table(ROWS)?;
            let mut shards = transaction.open_table(SHARDS)?;
            let mut scratch = Vec::new();
            for record in records {
                apply_record(&mut rows, record, &mut scratch)?;
                let number = record.shard.number();
                let former = shards.get(number)?.map(|state| decode_state(number, state.value())).transpose()?;
                let state = former.unwrap_or_default().after(record);
                shards.insert(number, row::encode_state(number, state).as_slice())?;
            }
            transaction.open_table(ABOUT)?.insert("applied", row::encode_position(last.position).as_slice())?;
            Ok(())
        })
    }

    fn fill(&self, rows: &[(Key, Row)]) -> Result<(), IndexError> {
        self.write(Durability::None, |transaction| {
            let mut table = transaction.open_table(ROWS)?;
            let mut scratch = Vec::new();
            for (key, Row { value, created, modified, shard }) in rows {
                let header = RowHeader { created: *created, modified: *modified, shard: *shard };
                row::encode(&mut scratch, key.as_bytes(), header, value);
                table.insert(key.as_bytes(), scratch.as_slice())?;
            }
            Ok(())
        })
    }

    fn filled(&self, shards: &BTreeMap<Shard, ShardState>, applied: Position) -> Result<(), IndexError> {
        self.write(Durability::Immediate, |transaction| {
            let mut table = transaction.open_table(SHARDS)?;
            for (shard, state) in shards {
                let number = shard.number();
                table.insert(number, row::encode_state(number, *state).as_slice())?;
            }
            transaction.open_table(ABOUT)?.insert("applied", row::encode_position(applied).as_slice())?;
            Ok(())
        })
    }

    fn sync(&self) -> Result<(), IndexError> {
        self.write(Durability::Immediate, |_| Ok(()))
    }

    fn applied(&self) -> Result<Position, IndexError> {
        let run = || -> Result<Position, Error> {
            let table = self.database.begin_read()?.open_table(ABOUT)?;
            let applied = table.get("applied")?;
            applied.map_or(Ok(0), |bytes| row::decode_position(bytes.value()).map_err(nonsense))
        };
        run().map_err(failed)
    }

    fn shards(&self) -> Result<Vec<(Shard, ShardState)>, IndexError> {
        let run = || -> Result<Vec<(Shard, ShardState)>, Error> {
            let table = self.database.begin_read()?.open_table(SHARDS)?;
            table
                .iter()?
                .map(|entry| {
                    let (number, state) = entry?;
                    let number = number.value();
                    let shard = Shard::new(number).ok_or_else(|| nonsense("a shard with a number out of range"))?;
                    Ok((shard, decode_state(number, state.value())?))
                })
                .collect()
        };
        run().map_err(failed)
    }

    fn bytes(&self) -> u64 {
        // The size is shown to people; a file that cannot be asked shows as nothing.
        fs::metadata(&self.path).map_or(0, |data| data.len())
    }
}

fn apply_record(
    rows: &mut Table<'_, &'static [u8], &'static [u8]>,
    record: &Record,
    scratch: &mut Vec<u8>,
) -> Result<(), Error> {
    for operation in &record.operations {
        match operation {
            Operation::Put(key, value) => {
                let bytes = key.as_bytes();
                let former = rows.get(bytes)?.map(|row| decode_row_header(bytes, row.value())).transpose()?;
                let created = former.map_or(record.revision, |former| former.created);
                let header = RowHeader { created, modified: record.revision, shard: record.shard };
                row::encode(scratch, bytes, header, value);
                rows.insert(key.as_bytes(), scratch.as_slice())?;
            }
            Operation::Delete(key) => {
                rows.remove(key.as_bytes())?;
            }
            Operation::DeleteRange(range) if is_empty(range) => {}
            Operation::DeleteRange(range) => rows.retain_in::<&[u8], _>(bounds(range), |_, _| false)?,
        }
    }
    Ok(())
}

fn decode_row_header(key: &[u8], bytes: &[u8]) -> Result<RowHeader, Error> {
    row::decode_header(key, bytes).map_err(nonsense)
}

fn decode_state(shard: u16, bytes: &[u8]) -> Result<ShardState, Error> {
    row::decode_state(shard, bytes).map_err(nonsense)
}

fn bounds(range: &KeyRange) -> (Bound<&[u8]>, Bound<&[u8]>) {
    range.bounds()
}

fn nonsense(what: &str) -> Error {
    Error::Corrupted(what.to_owned())
}

fn failed(error: impl Into<Error>) -> IndexError {
    let error = error.into();
    let full = matches!(&error, Error::Io(cause) if is_full(cause));
    IndexError { engine: NAME, full, source: error.into() }
}
