//! redb, which holds our index, asked to be durable with every transaction: what it would cost if
//! it were the log too.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use redb::{Database, Durability, TableDefinition};

use super::rows::{Rows, rows};
use super::{Client, Committer, in_tasks};
use crate::failure::Failure;
use crate::figures::Measure;

const RECORDS: TableDefinition<'_, &str, &[u8]> = TableDefinition::new("records");
const CHILDREN: TableDefinition<'_, (&str, &str), u8> = TableDefinition::new("children");
const EVENTS: TableDefinition<'_, u64, &[u8]> = TableDefinition::new("events");

pub(super) struct Redb {
    database: Arc<Database>,
    made: Arc<AtomicU64>,
}

impl Redb {
    pub(super) fn open(path: &Path) -> Result<Redb, Failure> {
        let database = Database::create(path).map_err(wrong)?;
        Ok(Redb { database: Arc::new(database), made: Arc::default() })
    }
}

#[async_trait]
impl Committer for Redb {
    async fn measure(&self, clients: usize, parents: usize, time: Duration) -> Result<Measure, Failure> {
        let writer = |client| Writer {
            database: Arc::clone(&self.database),
            parent: client % parents,
            made: Arc::clone(&self.made),
        };
        in_tasks((0..clients).map(writer).collect(), time).await
    }
}

fn wrong(error: impl ToString) -> Failure {
    Failure::wrong("redb", error)
}

struct Writer {
    database: Arc<Database>,
    parent: usize,
    made: Arc<AtomicU64>,
}

impl Client for Writer {
    async fn commit(&mut self) -> Result<(), Failure> {
        let number = self.made.fetch_add(1, Ordering::Relaxed);
        let (database, rows) = (Arc::clone(&self.database), rows(self.parent, number)?);
        // There is one writer at a time, and who waits for it blocks a thread.
        let written = tokio::task::spawn_blocking(move || write(&database, &rows, number)).await;
        written.map_err(wrong)?.map_err(wrong)
    }
}

fn write(database: &Database, rows: &Rows, number: u64) -> Result<(), redb::Error> {
    let mut transaction = database.begin_write()?;
    transaction.set_durability(Durability::Immediate)?;
    {
        transaction.open_table(RECORDS)?.insert(rows.path.as_str(), rows.record.as_slice())?;
        transaction.open_table(CHILDREN)?.insert((rows.parent.as_str(), rows.name.as_str()), 1)?;
        transaction.open_table(EVENTS)?.insert(number, rows.event.as_slice())?;
    }
    transaction.commit()?;
    Ok(())
}
