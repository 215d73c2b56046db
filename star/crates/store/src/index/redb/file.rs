//! Opening the file, and finding out whether it can be used.

use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;

use redb::{Database, DatabaseError, Error, ReadableTable, StorageError};

use super::{ABOUT, ROWS, SCHEMA, SHARDS, cache};
use crate::index::sums::{self, Trust};
use crate::journal::record::Installation;

/// Why a file did not become an index.
pub(super) enum Unusable {
    /// Trying again later may help; the contents are not to blame.
    Busy(Error),
    /// The contents are to blame.
    Contents(String),
}

/// Opens the file of an installation, or makes it.
pub(super) fn open(path: &Path, installation: &Installation) -> Result<Database, Unusable> {
    // A file of noise can break an assertion inside the engine; that, too, is only a bad index.
    let opened = catch_unwind(AssertUnwindSafe(|| {
        let (file, trust, voucher) = sums::open(path)?;
        let mut database = Database::builder().set_cache_size(cache::bytes()).create_with_backend(file)?;
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
pub(super) fn introduce(database: &Database, installation: &Installation) -> Result<(), Unusable> {
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
