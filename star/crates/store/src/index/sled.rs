//! The index in sled 0.34.7: a log-structured tree in a directory of its own.
//!
//! One tree, in which the first byte of a key says what it is:
//!
//! | key | value |
//! |---|---|
//! | `00` and `schema`, `installation`, `applied` | u32, 16 bytes, see [`super::row`] |
//! | `01` and the shard (u16) | see [`super::row`] |
//! | `02` and the key | see [`super::row`] |
//!
//! sled calls itself beta and its line is at its end, so it is trusted with nothing: a group is
//! one atomic batch that carries the applied position; `flush` does not sync files, so
//! [`Index::sync`] does; an error or a panic of it, at opening or at work, makes the whole
//! directory be put aside as `sled.unusable` and the index be made again. It has no snapshots:
//! reads that must see one moment are kept apart from the writer by a lock.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io;
use std::ops::Bound;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::{PoisonError, RwLock};

use bytes::Bytes;
use sled::{Batch, Db, IVec};
use star_core::ports::meta::{Key, KeyRange, Operation, Position, Revision, ScanPage, Shard};

use super::row::{self, Nonsense, RowHeader};
use super::{Index, IndexError, Record, Row, ShardState, View, aside, is_empty, is_since};
use crate::disk::is_full;
use crate::journal::record::Installation;
use crate::limits::{PAGE_BYTES, SLED_CACHE_BYTES, SLED_FLUSH_MS};

const SCHEMA: u32 = 1;
const NAME: &str = "sled";
/// The directory, in the directory of indexes.
pub(crate) const DIR: &str = "sled";

const ABOUT: u8 = 0;
const SHARDS: u8 = 1;
const ROWS: u8 = 2;

/// Rows in a directory of sled.
pub(crate) struct SledIndex {
    database: Db,
    path: PathBuf,
    /// Readers of more than one key hold it shared, the writer alone.
    moment: RwLock<()>,
}

/// What may go wrong inside.
enum Failure {
    Engine(sled::Error),
    Contents(Nonsense),
    Files(io::Error),
}

impl From<sled::Error> for Failure {
    fn from(error: sled::Error) -> Failure {
        Failure::Engine(error)
    }
}

impl From<Nonsense> for Failure {
    fn from(what: Nonsense) -> Failure {
        Failure::Contents(what)
    }
}

impl From<io::Error> for Failure {
    fn from(error: io::Error) -> Failure {
        Failure::Files(error)
    }
}

impl SledIndex {
    /// Opens the index in a directory, or begins an empty one where there is none of use.
    pub(crate) fn open(dir: &Path, installation: &Installation) -> Result<SledIndex, IndexError> {
        fs::create_dir_all(dir).map_err(|error| failed(error.into()))?;
        let path = dir.join(DIR);
        let unusable = match open_directory(&path, installation) {
            Ok(database) => return Ok(SledIndex { database, path, moment: RwLock::default() }),
            Err(error) if error.full => return Err(error),
            Err(error) => error,
        };
        tracing::warn!(
            dir = %path.display(),
            cause = %unusable.source,
            "the index cannot be used; it is put aside and made again"
        );
        aside(&path).map_err(|error| failed(error.into()))?;
        let database = open_directory(&path, installation)?;
        Ok(SledIndex { database, path, moment: RwLock::default() })
    }

    fn row(&self, key: &Key) -> Result<Option<Row>, Failure> {
        let found = self.database.get(tagged(ROWS, key.as_bytes()))?;
        Ok(found.map(|bytes| row::decode(key.as_bytes(), &bytes)).transpose()?)
    }

    /// The rows of a range as they lie there, without the tag in their keys.
    fn range(&self, range: &KeyRange) -> impl Iterator<Item = Result<(IVec, IVec), Failure>> {
        let start = tagged(ROWS, range.start.as_bytes());
        let end = range.end.as_ref().map_or_else(|| vec![ROWS + 1], |end| tagged(ROWS, end.as_bytes()));
        let found = (!is_empty(range))
            .then(|| self.database.range::<Vec<u8>, _>((Bound::Included(start), Bound::Excluded(end))));
        found.into_iter().flatten().map(|entry| {
            let (key, bytes) = entry?;
            Ok((key.subslice(1, key.len() - 1), bytes))
        })
    }

    fn apply_all(&self, records: &[Record], last: &Record) -> Result<(), Failure> {
        let mut changes = Pending::default();
        let mut shards: BTreeMap<Shard, ShardState> = BTreeMap::new();
        for record in records {
            for operation in &record.operations {
                self.apply_one(operation, record, &mut changes)?;
            }
            let former = match shards.get(&record.shard) {
                Some(state) => *state,
                None => self.shard(record.shard)?,
            };
            shards.insert(record.shard, former.after(record));
        }
        let mut batch = Batch::default();
        for (key, bytes) in changes.0 {
            match bytes {
                Some(bytes) => batch.insert(tagged(ROWS, key.as_bytes()), bytes),
                None => batch.remove(tagged(ROWS, key.as_bytes())),
            }
        }
        mark(&mut batch, &shards, last.position);
        self.database.apply_batch(batch)?;
        Ok(())
    }

    fn apply_one(&self, operation: &Operation, record: &Record, changes: &mut Pending) -> Result<(), Failure> {
        match operation {
            Operation::Put(key, value) => {
                let former = match changes.0.get(key) {
                    Some(Some(bytes)) => Some(row::decode_header(key.as_bytes(), bytes)?.created),
                    Some(None) => None,
                    None => self.row(key)?.map(|row| row.created),
                };
                let created = former.unwrap_or(record.revision);
                let header = RowHeader { created, modified: record.revision, shard: record.shard };
                changes.put(key, header, value);
            }
            Operation::Delete(key) => drop(changes.0.insert(key.clone(), None)),
            Operation::DeleteRange(range) => {
                for entry in self.range(range) {
                    changes.0.insert(Key::new(entry?.0.to_vec()), None);
                }
                let inside = changes.0.iter_mut().filter(|(key, _)| range.contains(key));
                inside.for_each(|(_, bytes)| *bytes = None);
            }
        }
        Ok(())
    }

    fn shard(&self, shard: Shard) -> Result<ShardState, Failure> {
        let found = self.database.get(tagged(SHARDS, &shard.number().to_be_bytes()))?;
        Ok(found.map(|bytes| row::decode_state(shard.number(), &bytes)).transpose()?.unwrap_or_default())
    }

    /// Syncs the files, which the engine's own flush leaves to the kernel.
    fn sync_files(&self) -> Result<(), Failure> {
        for entry in fs::read_dir(&self.path)? {
            let path = entry?.path();
            if path.is_file() {
                match File::open(&path) {
                    Ok(file) => file.sync_all()?,
                    // A snapshot that was replaced in the meantime.
                    Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                    Err(error) => return Err(error.into()),
                }
            }
        }
        File::open(&self.path)?.sync_all()?;
        Ok(())
    }
}

/// What a group does to rows: the bytes that a key gets, or none.
#[derive(Default)]
struct Pending(BTreeMap<Key, Option<Vec<u8>>>);

impl Pending {
    fn put(&mut self, key: &Key, header: RowHeader, value: &Bytes) {
        let mut bytes = Vec::new();
        row::encode(&mut bytes, key.as_bytes(), header, value);
        self.0.insert(key.clone(), Some(bytes));
    }
}

impl View for SledIndex {
    fn read(&self, keys: &[Key]) -> Result<Vec<Option<Row>>, IndexError> {
        guarded(|| {
            let _moment = self.moment.read().unwrap_or_else(PoisonError::into_inner);
            keys.iter().map(|key| self.row(key)).collect()
        })
    }

    fn scan(&self, range: &KeyRange, limit: usize) -> Result<ScanPage, IndexError> {
        guarded(|| {
            let _moment = self.moment.read().unwrap_or_else(PoisonError::into_inner);
            let mut page = ScanPage::default();
            let mut bytes = 0;
            for entry in self.range(range) {
                let (key, row) = entry?;
                if page.rows.len() == limit || bytes >= PAGE_BYTES {
                    page.next = Some(Key::new(key.to_vec()));
                    break;
                }
                bytes += key.len() + row.len();
                page.rows.push((Key::new(key.to_vec()), row::decode(&key, &row)?.into()));
            }
            Ok(page)
        })
    }

    fn written_since(
        &self,
        range: &KeyRange,
        shard: Shard,
        since: Revision,
        except: &dyn Fn(&[u8]) -> bool,
    ) -> Result<Option<Row>, IndexError> {
        guarded(|| {
            for entry in self.range(range) {
                let (key, bytes) = entry?;
                let header = row::decode_header(&key, &bytes)?;
                if is_since(header.shard, header.modified, shard, since) && !except(&key) {
                    return Ok(Some(row::decode(&key, &bytes)?));
                }
            }
            Ok(None)
        })
    }
}

impl Index for SledIndex {
    fn name(&self) -> &'static str {
        NAME
    }

    fn apply(&self, records: &[Record]) -> Result<(), IndexError> {
        let Some(last) = records.last() else { return Ok(()) };
        guarded(|| {
            let _moment = self.moment.write().unwrap_or_else(PoisonError::into_inner);
            self.apply_all(records, last)
        })
    }

    fn fill(&self, rows: &[(Key, Row)]) -> Result<(), IndexError> {
        guarded(|| {
            let mut batch = Batch::default();
            for (key, Row { value, created, modified, shard }) in rows {
                let header = RowHeader { created: *created, modified: *modified, shard: *shard };
                let mut bytes = Vec::new();
                row::encode(&mut bytes, key.as_bytes(), header, value);
                batch.insert(tagged(ROWS, key.as_bytes()), bytes);
            }
            Ok(self.database.apply_batch(batch)?)
        })
    }

    fn filled(&self, shards: &BTreeMap<Shard, ShardState>, applied: Position) -> Result<(), IndexError> {
        guarded(|| {
            let mut batch = Batch::default();
            mark(&mut batch, shards, applied);
            Ok(self.database.apply_batch(batch)?)
        })?;
        self.sync()
    }

    fn sync(&self) -> Result<(), IndexError> {
        guarded(|| {
            self.database.flush()?;
            self.sync_files()
        })
    }

    fn applied(&self) -> Result<Position, IndexError> {
        guarded(|| {
            let applied = self.database.get(tagged(ABOUT, b"applied"))?;
            Ok(applied.map(|bytes| row::decode_position(&bytes)).transpose()?.unwrap_or_default())
        })
    }

    fn shards(&self) -> Result<Vec<(Shard, ShardState)>, IndexError> {
        guarded(|| {
            let mut shards = Vec::new();
            for entry in self.database.scan_prefix([SHARDS]) {
                let (key, bytes) = entry?;
                let number: [u8; 2] = key[1..].try_into().map_err(|_| "a shard without a number")?;
                let number = u16::from_be_bytes(number);
                let shard = Shard::new(number).ok_or("a shard with a number out of range")?;
                shards.push((shard, row::decode_state(number, &bytes)?));
            }
            Ok(shards)
        })
    }

    fn bytes(&self) -> u64 {
        // The size is shown to people; a directory that cannot be asked shows as nothing.
        self.database.size_on_disk().unwrap_or(0)
    }
}

fn tagged(tag: u8, key: &[u8]) -> Vec<u8> {
    let mut tagged = Vec::with_capacity(1 + key.len());
    tagged.push(tag);
    tagged.extend_from_slice(key);
    tagged
}

fn mark(batch: &mut Batch, shards: &BTreeMap<Shard, ShardState>, applied: Position) {
    for (shard, state) in shards {
        let number = shard.number();
        batch.insert(tagged(SHARDS, &number.to_be_bytes()), row::encode_state(number, *state).to_vec());
    }
    batch.insert(tagged(ABOUT, b"applied"), row::encode_position(applied).to_vec());
}

fn open_directory(path: &Path, installation: &Installation) -> Result<Db, IndexError> {
    guarded(|| {
        let database = sled::Config::new()
            .path(path)
            .cache_capacity(SLED_CACHE_BYTES as u64)
            .flush_every_ms(Some(SLED_FLUSH_MS))
            .open()?;
        introduce(&database, installation)?;
        Ok(database)
    })
}

/// Writes into an empty index whose it is, and checks it in another.
fn introduce(database: &Db, installation: &Installation) -> Result<(), Failure> {
    let about = |name: &[u8]| database.get(tagged(ABOUT, name));
    match (about(b"schema")?, about(b"installation")?) {
        (None, None) => {
            let mut batch = Batch::default();
            batch.insert(tagged(ABOUT, b"schema"), SCHEMA.to_be_bytes().to_vec());
            batch.insert(tagged(ABOUT, b"installation"), installation.to_vec());
            Ok(database.apply_batch(batch)?)
        }
        (Some(schema), _) if schema != SCHEMA.to_be_bytes() => Err(Failure::Contents("it has another schema")),
        (_, Some(owner)) if owner == installation => Ok(()),
        _ => Err(Failure::Contents("it belongs to another installation")),
    }
}

/// Runs what calls the engine; a panic in it is an error like another.
fn guarded<T>(run: impl FnOnce() -> Result<T, Failure>) -> Result<T, IndexError> {
    let outcome = catch_unwind(AssertUnwindSafe(run));
    outcome.unwrap_or(Err(Failure::Contents("the engine panicked"))).map_err(failed)
}

fn failed(failure: Failure) -> IndexError {
    let full = match &failure {
        Failure::Engine(sled::Error::Io(error)) | Failure::Files(error) => is_full(error),
        Failure::Engine(_) | Failure::Contents(_) => false,
    };
    let source = match failure {
        Failure::Engine(error) => error.into(),
        Failure::Contents(what) => what.into(),
        Failure::Files(error) => error.into(),
    };
    IndexError { engine: NAME, full, source }
}
