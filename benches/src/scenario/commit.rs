//! `commit`: creating resources that survive a power cut, against a bare append of as many bytes
//! with one `fdatasync`, a transaction of redb, and one of PostgreSQL with the same rows: first
//! inside this process, then through the API of a running Star.
//!
//! With several clients the bare append writes as many records and syncs once, which is the best
//! that any grouping could do. Creates below one parent pass its actor one by one and cannot be
//! grouped; creates below several can.

mod bare;
mod http;
mod inside;
mod rows;
mod sql;
mod tree;

use std::path::Path;
use std::time::{Duration, Instant};

use async_trait::async_trait;

use super::{Found, counted, folder, scratch};
use crate::count::{Counted, Counter};
use crate::failure::Failure;
use crate::figures::{Measure, Series};
use crate::load;
use crate::meter::Meter;
use crate::options::Plan;
use crate::postgres::Postgres;
use crate::report::{Row, Subject, Target, Unit};
use crate::star::Star;
use crate::turns::in_turns;

pub(super) const ABOUT: &str = "durable creates, against a bare append and fdatasync of as many bytes";

/// Clients, and the parents below which they create.
const SHAPES: [(usize, usize); 4] = [(1, 1), (8, 8), (64, 1), (64, 64)];

/// The most parents of any shape.
const PARENTS: usize = 64;

/// What one create may take longer than a bare sync of the same run, in milliseconds.
const ALONE: Target = Target::Above(0.1);

/// Creates of 64 clients below 64 parents, where the disk syncs in a millisecond.
const GROUPED: Target = Target::AtLeast(30_000.0);

/// How fast a disk has to sync for that, in milliseconds.
const FAST_SYNC_MS: f64 = 1.0;

/// Creates of which the allocations are counted: each waits for the disk.
const COUNTED: u64 = 5_000;

/// Somebody who makes things durable.
#[async_trait]
trait Committer: Send + Sync {
    /// Lets some clients create below some parents for a time.
    async fn measure(&self, clients: usize, parents: usize, time: Duration) -> Result<Measure, Failure>;
}

type Named = (&'static str, Box<dyn Committer>);

pub(super) async fn run(plan: Plan) -> Result<Found, Failure> {
    let scratch = scratch()?;
    let inside = inside::Inside::open(&scratch.path().join("store")).await?;
    let bytes = inside.bytes_of_one().await?;
    let (star, _) = Star::start(&folder(&scratch, "star")?).await?;
    let postgres = Postgres::start().await?;
    let version = postgres.version().await?;

    let bare = bare::Bare { path: scratch.path().join("bare"), bytes };
    let mut contenders: Vec<Named> = vec![
        ("star", Box::new(inside)),
        ("append + fdatasync", Box::new(bare)),
        ("redb transaction", Box::new(tree::Redb::open(&scratch.path().join("redb"))?)),
        ("PostgreSQL", Box::new(sql::Sql::on(postgres).await?)),
    ];
    let mut rows = measured(plan, "in process", &contenders).await?;
    contenders[0].1 = Box::new(http::Http::open(star, scratch.path()).await?);
    rows.extend(measured(plan, "HTTP", &contenders[..2]).await?);
    let notes = vec![
        format!("One create takes {bytes} bytes of the journal; the bare append writes as many."),
        format!("redb and {version} write the same three rows (record, child, event) in one transaction each."),
    ];
    Ok((rows, notes))
}

/// Counts the allocations of a create.
pub(super) async fn count(counter: Counter) -> Result<Vec<Counted>, Failure> {
    let scratch = scratch()?;
    let inside = inside::Inside::open(&scratch.path().join("store")).await?;
    let shape = shape("in process", SHAPES[0]);
    Ok(vec![counter.of(COUNTED).count(&shape, "star", async |times| inside.create_times(times).await).await?])
}

/// Makes exactly so many resources in a running Star, one after the other.
pub(super) async fn create_resources(star: &Star, scratch: &Path, count: u64) -> Result<(), Failure> {
    star.run(&["create", "Space", "bench"]).await?;
    let bodies = (0..count).map(|number| format!(r#"{{"path":"bench:n{number}","kind":"Base"}}"#));
    load::posts(&star.api("/starlane.v1.Resources/Create"), &star.key()?, bodies, scratch).await
}

fn shape(way: &str, (clients, parents): (usize, usize)) -> String {
    format!("{way}: {}, {}", counted(clients, "client"), counted(parents, "parent"))
}

async fn measured(plan: Plan, way: &str, contenders: &[Named]) -> Result<Vec<Row>, Failure> {
    let mut rows: Vec<Row> = Vec::new();
    let mut fast_disk = false;
    for (clients, parents) in SHAPES {
        let subjects = in_turns(plan, contenders, async |who, time| who.measure(clients, parents, time).await).await?;
        let shape = shape(way, (clients, parents));
        if clients == 1 {
            fast_disk = median_ms(&subjects[1]).is_some_and(|ms| ms.median() <= FAST_SYNC_MS);
            rows.extend(alone(&shape, &subjects));
        }
        let target = (clients == PARENTS && parents == PARENTS && fast_disk).then_some(GROUPED);
        rows.push(Row { shape, unit: Unit::PerSecond, subjects, target });
    }
    Ok(rows)
}

/// How long one create takes where nobody else creates.
fn alone(shape: &str, subjects: &[Subject]) -> Option<Row> {
    let subjects: Option<Vec<Subject>> =
        subjects.iter().map(|subject| Some(Subject::of(&subject.name, median_ms(subject)?))).collect();
    let shape = format!("{shape}, median time");
    Some(Row { shape, unit: Unit::Milliseconds, subjects: subjects?, target: Some(ALONE) })
}

fn median_ms(subject: &Subject) -> Option<Series> {
    let p50_us = subject.p50_us.as_ref()?;
    Some(Series::of(p50_us.figures().iter().map(|us| us / 1e3).collect()))
}

/// Lets each of some clients do something over and over for a time, in a task of its own.
async fn in_tasks<C: Client>(clients: Vec<C>, time: Duration) -> Result<Measure, Failure> {
    let meter = Meter::start();
    let clients: Vec<_> = clients
        .into_iter()
        .map(|mut client| {
            tokio::spawn(async move {
                let mut took = Vec::new();
                while meter.elapsed() < time {
                    let each = Instant::now();
                    client.commit().await?;
                    took.push(each.elapsed());
                }
                Ok::<_, Failure>(took)
            })
        })
        .collect();
    let mut took = Vec::new();
    for client in clients {
        took.extend(client.await.map_err(|error| Failure::wrong("a client", error))??);
    }
    Ok(meter.measure(took.len() as u64).with_latency(took))
}

/// Somebody who makes one thing durable after the other.
trait Client: Send + 'static {
    fn commit(&mut self) -> impl Future<Output = Result<(), Failure>> + Send;
}
