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
//! (one is kept, for whoever wants to look) and an empty one is begun. [`sums`] keeps checksums of
//! the file beside it.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::ops::Bound;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};

use bytes::Bytes;
use redb::{
    Database, DatabaseError, Durability, Error, ReadableDatabase, ReadableTable, StorageError, Table, TableDefinition,
    WriteTransaction,
};
use star_core::ports::meta::{Key, KeyRange, Operation, Position, Revision, ScanPage, Shard};

use super::row::{self, RowHeader};
use super::sums::{self, Trust};
use super::{Index, IndexError, Record, Row, ShardState, aside, is_empty, is_since};
use crate::disk::is_full;
use crate::journal::record::Installation;
use crate::limits::{INDEX_CACHE_BYTES, PAGE_BYTES};

const ROWS: TableDefinition<'static, &[u8], &[u8]> = TableDefinition::new("rows");
const SHARDS: TableDefinition<'static, u16, &[u8]> = TableDefinition::new("shards");
const ABOUT: TableDefinition<'static, &str, &[u8]> = TableDefinition::new("about");
const SCHEMA: u32 = 2;
const NAME: &str = "redb";
/// The file, in the directory of indexes.
pub(crate) const FILE: &str = "redb.db";

/// Rows in a file of redb.
pub(crate) struct RedbIndex {
    database: Database,
    path: PathBuf,
}

impl RedbIndex {
    /// Opens the index in a directory, or begins an empty one where there is none of use.
    pub(crate) fn open(dir: &Path, installation: &Installation) -> Result<RedbIndex, IndexError> {
        fs::create_dir_all(dir).map_err(failed)?;
        let path = dir.join(FILE);
        let existed = path.exists();
        let unusable = match open_file(&path, installation) {
            Ok(database) => {
                if !existed {
                    tracing::info!(file = %path.display(), "an empty index is begun; the journal fills it");
                }
                return Ok(RedbIndex { database, path });
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
        match open_file(&path, installation) {
            Ok(database) => Ok(RedbIndex { database, path }),
            Err(Unusable::Busy(error)) => Err(failed(error)),
            Err(Unusable::Contents(why)) => Err(failed(Error::Corrupted(why))),
        }
    }

    /// The index on a storage of the caller's, for tests of what a cut of power leaves.
    #[cfg(test)]
    pub(crate) fn on(storage: impl redb::StorageBackend, installation: &Installation) -> Result<RedbIndex, IndexError> {
        let opened = catch_unwind(AssertUnwindSafe(|| {
            let database = Database::builder().create_with_backend(storage).map_err(failed)?;
            match introduce(&database, installation) {
                Ok(()) => Ok(RedbIndex { database, path: PathBuf::new() }),
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
            Ok(())
        };
        run().map_err(failed)
    }
}

impl Index for RedbIndex {
    fn name(&self) -> &'static str {
        NAME
    }

    fn read(&self, keys: &[Key]) -> Result<Vec<Option<Row>>, IndexError> {
        let run = || -> Result<Vec<Option<Row>>, Error> {
            let table = self.database.begin_read()?.open_table(ROWS)?;
            keys.iter()
                .map(|key| table.get(key.as_bytes())?.map(|row| decode_row(key.as_bytes(), row.value())).transpose())
                .collect()
        };
        run().map_err(failed)
    }

    fn scan(&self, range: &KeyRange, limit: usize) -> Result<ScanPage, IndexError> {
        let mut page = ScanPage::default();
        let mut bytes = 0;
        let mut run = || -> Result<(), Error> {
            if is_empty(range) {
                return Ok(());
            }
            let table = self.database.begin_read()?.open_table(ROWS)?;
            for entry in table.range::<&[u8]>(bounds(range))? {
                let (key, row) = entry?;
                if page.rows.len() == limit || bytes >= PAGE_BYTES {
                    page.next = Some(Key::new(Bytes::copy_from_slice(key.value())));
                    break;
                }
                bytes += key.value().len() + row.value().len();
                page.rows.push((
                    Key::new(Bytes::copy_from_slice(key.value())),
                    decode_row(key.value(), row.value())?.into(),
                ));
            }
            Ok(())
        };
        run().map_err(failed)?;
        Ok(page)
    }

    fn written_since(
        &self,
        range: &KeyRange,
        shard: Shard,
        since: Revision,
        except: &dyn Fn(&[u8]) -> bool,
    ) -> Result<Option<Row>, IndexError> {
        let run = || -> Result<Option<Row>, Error> {
            if is_empty(range) {
                return Ok(None);
            }
            let table = self.database.begin_read()?.open_table(ROWS)?;
            for entry in table.range::<&[u8]>(bounds(range))? {
                let (key, row) = entry?;
                let header = decode_row_header(key.value(), row.value())?;
                if is_since(header.shard, header.modified, shard, since) && !except(key.value()) {
                    return Ok(Some(decode_row(key.value(), row.value())?));
                }
            }
            Ok(None)
        };
        run().map_err(failed)
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

fn decode_row(key: &[u8], bytes: &[u8]) -> Result<Row, Error> {
    row::decode(key, bytes).map_err(nonsense)
}

fn decode_state(shard: u16, bytes: &[u8]) -> Result<ShardState, Error> {
    row::decode_state(shard, bytes).map_err(nonsense)
}

fn bounds(range: &KeyRange) -> (Bound<&[u8]>, Bound<&[u8]>) {
    range.bounds()
}

/// Why a file did not become an index.
enum Unusable {
    /// Trying again later may help; the contents are not to blame.
    Busy(Error),
    /// The contents are to blame.
    Contents(String),
}

fn open_file(path: &Path, installation: &Installation) -> Result<Database, Unusable> {
    // A file of noise can break an assertion inside the engine; that, too, is only a bad index.
    let opened = catch_unwind(AssertUnwindSafe(|| {
        let (file, trust, voucher) = sums::open(path)?;
        let mut database = Database::builder().set_cache_size(INDEX_CACHE_BYTES).create_with_backend(file)?;
        if trust == Trust::Unknown {
            verify(&mut database)?;
        }
        introduce(&database, installation)?;
        voucher.vouch().map_err(|error| Unusable::Busy(error.into()))?;
        Ok(database)
    }));
    opened.unwrap_or_else(|_| Err(Unusable::Contents("the engine panicked while opening it".to_owned())))
}

impl From<DatabaseError> for Unusable {
    fn from(error: DatabaseError) -> Unusable {
        match error {
            DatabaseError::DatabaseAlreadyOpen => Unusable::Busy(error.into()),
            DatabaseError::Storage(StorageError::Io(cause)) if !is_about_contents(&cause) => {
                Unusable::Busy(cause.into())
            }
            other => Unusable::Contents(other.to_string()),
        }
    }
}

fn is_about_contents(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::InvalidData | io::ErrorKind::UnexpectedEof)
}

/// Walks all pages and checks their checksums, which the engine does by itself only after a
/// crash: a bit that flipped in a page above the rows would lead reads to the wrong ones. Takes a
/// second for a million rows, so it is done where [`sums`] cannot tell.
fn verify(database: &mut Database) -> Result<(), Unusable> {
    match database.check_integrity() {
        Ok(true) => Ok(()),
        Ok(false) => Err(Unusable::Contents("a page is not what was written".to_owned())),
        Err(error) => Err(Unusable::Contents(error.to_string())),
    }
}

/// Writes into an empty index whose it is, and checks it in another.
fn introduce(database: &Database, installation: &Installation) -> Result<(), Unusable> {
    let run = || -> Result<Option<String>, Error> {
        let transaction = database.begin_write()?;
        let mut fresh = false;
        let mut about = transaction.open_table(ABOUT)?;
        let schema = about.get("schema")?.map(|bytes| bytes.value().to_vec());
        let owner = about.get("installation")?.map(|bytes| bytes.value().to_vec());
        let mismatch = match (schema, owner) {
            (None, None) => {
                about.insert("schema", SCHEMA.to_be_bytes().as_slice())?;
                about.insert("installation", installation.as_slice())?;
                fresh = true;
                None
            }
            (Some(schema), _) if schema != SCHEMA.to_be_bytes() => Some("it has another schema".to_owned()),
            (_, Some(owner)) if owner == installation => None,
            _ => Some("it belongs to another installation".to_owned()),
        };
        drop(about);
        if fresh {
            transaction.open_table(ROWS)?;
            transaction.open_table(SHARDS)?;
            transaction.commit()?;
        } else {
            transaction.abort()?;
        }
        Ok(mismatch)
    };
    match run() {
        Ok(None) => Ok(()),
        Ok(Some(mismatch)) => Err(Unusable::Contents(mismatch)),
        Err(error) => Err(Unusable::Contents(error.to_string())),
    }
}

fn nonsense(what: &str) -> Error {
    Error::Corrupted(what.to_owned())
}

fn failed(error: impl Into<Error>) -> IndexError {
    let error = error.into();
    let full = matches!(&error, Error::Io(cause) if is_full(cause));
    IndexError { engine: NAME, full, source: error.into() }
}
