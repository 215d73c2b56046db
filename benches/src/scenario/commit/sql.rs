//! PostgreSQL: the same rows in one statement and one round trip, which is one transaction.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use tokio_postgres::Statement;
use tokio_postgres::types::ToSql;

use super::rows::rows;
use super::{Client, Committer, in_tasks};
use crate::failure::Failure;
use crate::figures::Measure;
use crate::postgres::{Postgres, wrong};

const TABLES: &str = "
    CREATE TABLE records (path text PRIMARY KEY, record bytea NOT NULL);
    CREATE TABLE children (parent text, name text, PRIMARY KEY (parent, name));
    CREATE TABLE events (position bigserial PRIMARY KEY, body bytea NOT NULL);
";

const CREATE: &str = "
    WITH record AS (INSERT INTO records VALUES ($1, $2)),
         child AS (INSERT INTO children VALUES ($3, $4))
    INSERT INTO events (body) VALUES ($5)
";

pub(super) struct Sql {
    postgres: Postgres,
    made: Arc<AtomicU64>,
}

impl Sql {
    pub(super) async fn on(postgres: Postgres) -> Result<Sql, Failure> {
        postgres.client().await?.batch_execute(TABLES).await.map_err(wrong)?;
        Ok(Sql { postgres, made: Arc::default() })
    }
}

#[async_trait]
impl Committer for Sql {
    async fn measure(&self, clients: usize, parents: usize, time: Duration) -> Result<Measure, Failure> {
        let mut inserters = Vec::new();
        for client in 0..clients {
            let connection = self.postgres.client().await?;
            let create = connection.prepare(CREATE).await.map_err(wrong)?;
            inserters.push(Inserter { connection, create, parent: client % parents, made: Arc::clone(&self.made) });
        }
        // Most of the work is done by other processes, so ours says nothing.
        Ok(Measure { cpu_s: None, ..in_tasks(inserters, time).await? })
    }
}

struct Inserter {
    connection: tokio_postgres::Client,
    create: Statement,
    parent: usize,
    made: Arc<AtomicU64>,
}

impl Client for Inserter {
    async fn commit(&mut self) -> Result<(), Failure> {
        let rows = rows(self.parent, self.made.fetch_add(1, Ordering::Relaxed))?;
        let values: [&(dyn ToSql + Sync); 5] = [&rows.path, &rows.record, &rows.parent, &rows.name, &rows.event];
        self.connection.execute(&self.create, &values).await.map(drop).map_err(wrong)
    }
}
