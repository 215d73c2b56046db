//! `activate`: bringing resources to life: the first message to a resource that sleeps, read from
//! the store on the disk; and what a hundred thousand of them hold that have nothing to do.

use std::path::Path;
use std::sync::Arc;
use std::time::Instant;

use star_core::command::{Command, Info};
use star_core::ports::meta::MetaStore;
use star_store::{OpenOptions, Store};
use tempfile::TempDir;

use super::{Found, folder, scratch};
use crate::count::{Counted, Counter};
use crate::failure::Failure;
use crate::figures::{Measure, Series};
use crate::fill::Forest;
use crate::limits;
use crate::load;
use crate::meter::Meter;
use crate::options::Plan;
use crate::report::{Row, Subject, Target, Unit};
use crate::star::Star;
use crate::tree::{BenchTree, refused};
use crate::turns::warm_in_turns;

pub(super) const ABOUT: &str = "the first message to resources that sleep, and memory of those that are awake";

/// What sleeps.
const FOREST: Forest = Forest { spaces: 10, resources: 100_000 };

/// How long the first answer may take, in milliseconds, for 99 of 100.
const COLD: Target = Target::AtMost(2.0);

/// Resources that come to life in a second.
const RATE: Target = Target::AtLeast(20_000.0);

/// Memory of a Star in which all of them are awake, in bytes.
const IDLE: Target = Target::AtMost(400.0 * 1024.0 * 1024.0);

/// Those that are woken one after the other: enough for a 99th percentile.
const ALONE: usize = 2_000;

/// Who wakes them otherwise.
const CLIENTS: usize = 64;

/// What makes `wrk` ask one resource after the other.
const INFO: &str = include_str!("../load/info.lua");

const COLD_SHAPE: &str = "one after the other, 99th percentile";

/// Shapes: a name, who wakes, and how many resources in the order of their paths.
const SHAPES: [(&str, usize, usize); 3] = [
    ("one after the other", 1, ALONE),
    ("64 clients, one Space", CLIENTS, FOREST.resources / FOREST.spaces),
    ("64 clients, 10 Spaces", CLIENTS, FOREST.resources),
];

pub(super) async fn run(plan: Plan) -> Result<Found, Failure> {
    let scratch = scratch()?;
    let sleeping = Sleeping::plant(&scratch).await?;
    let mut rows = Vec::new();
    for (shape, clients, resources) in SHAPES {
        let contenders = [("star", (clients, resources))];
        let subjects =
            warm_in_turns(plan, &contenders, async |&(clients, resources), _| sleeping.wake(clients, resources).await)
                .await?;
        let cold = subjects[0].p99_us.as_ref().filter(|_| clients == 1).map(in_ms);
        rows.extend(cold.map(|p99_ms| Row {
            shape: COLD_SHAPE.to_owned(),
            unit: Unit::Milliseconds,
            subjects: vec![Subject::of("star", p99_ms)],
            target: Some(COLD),
        }));
        let target = (clients > 1).then_some(RATE);
        rows.push(Row { shape: shape.to_owned(), unit: Unit::PerSecond, subjects, target });
    }
    sleeping.store.close().await;
    let idle = idle(&folder(&scratch, "star")?).await?;
    let note = format!(
        "Each round wakes as many as the shape has, in a tree that begins without any. The Star held {:.1} MiB before; \
         {:.0} actors were in memory at the end.",
        idle.before_bytes / f64::from(1 << 20),
        idle.awake
    );
    rows.push(Row {
        shape: format!("{} asked once, then idle", FOREST.resources),
        unit: Unit::Bytes,
        subjects: vec![Subject::of("star", Series::of(vec![idle.bytes]))],
        target: Some(IDLE),
    });
    Ok((rows, vec![note]))
}

/// Counts the allocations of a first message.
pub(super) async fn count(counter: Counter) -> Result<Vec<Counted>, Failure> {
    let scratch = scratch()?;
    let sleeping = Sleeping::plant(&scratch).await?;
    let (bench, mut next) = (BenchTree::on(sleeping.store.clone()).await?, 0);
    let counted = counter
        .count(SHAPES[0].0, "star", async |times| {
            for _ in 0..times {
                wake(&bench, next).await?;
                next += 1;
            }
            Ok(())
        })
        .await?;
    Ok(vec![counted])
}

fn in_ms(us: &Series) -> Series {
    Series::of(us.figures().iter().map(|us| us / 1e3).collect())
}

/// A store full of resources, of which none lives.
struct Sleeping {
    store: Arc<Store>,
}

impl Sleeping {
    async fn plant(scratch: &TempDir) -> Result<Sleeping, Failure> {
        let store = Store::open(OpenOptions::new(scratch.path().join("store")));
        let store = store.map_err(|error| Failure::wrong("the store", error))?;
        BenchTree::on(store.clone()).await?;
        let meta: Arc<dyn MetaStore> = store.clone();
        FOREST.plant(&meta).await?;
        Ok(Sleeping { store })
    }

    /// Wakes the first ones, each once, in a tree of its own.
    async fn wake(&self, clients: usize, resources: usize) -> Result<Measure, Failure> {
        let bench = Arc::new(BenchTree::on(self.store.clone()).await?);
        let meter = Meter::start();
        let waking: Vec<_> = (0..clients)
            .map(|client| {
                let bench = Arc::clone(&bench);
                tokio::spawn(async move {
                    let mut took = Vec::with_capacity(resources / clients + 1);
                    for number in (client..resources).step_by(clients) {
                        let each = Instant::now();
                        wake(&bench, number).await?;
                        took.push(each.elapsed());
                    }
                    Ok::<_, Failure>(took)
                })
            })
            .collect();
        let mut took = Vec::with_capacity(resources);
        for waking in waking {
            took.extend(waking.await.map_err(|error| Failure::wrong("a client", error))??);
        }
        let measure = meter.measure(resources as u64).with_latency(took);
        let woken = bench.tree.actors().activations;
        bench.tree.shutdown().await;
        match woken >= resources as u64 {
            true => Ok(measure),
            false => Err(Failure::wrong("the tree", format!("{woken} of {resources} resources came to life"))),
        }
    }
}

async fn wake(bench: &BenchTree, number: usize) -> Result<(), Failure> {
    let envelope = Info.envelope(&FOREST.path(number)).map_err(refused)?;
    let permit = bench.tree.gate.admit(&bench.admin, envelope).await.map_err(refused)?;
    bench.tree.ask(permit).await.map(drop).map_err(refused)
}

/// A Star in which all of the resources were asked once.
struct Idle {
    before_bytes: f64,
    bytes: f64,
    /// Those that were still awake when memory was looked at.
    awake: f64,
}

async fn idle(home: &Path) -> Result<Idle, Failure> {
    drop(Star::start(home).await?);
    FOREST.plant_in(&home.join("data")).await?;
    let (star, _) = Star::start(home).await?;
    let before_bytes = star.resident_bytes()?;
    let script = home.join("info.lua");
    load::script(&script, &INFO.replace("KEY", &star.key()?).replace("SPACE", &FOREST.per_space().to_string()))?;
    let mut awake = 0.0;
    loop {
        load::requests("star", &star.api("/"), CLIENTS, limits::WAKE, &script, &[]).await?;
        let now = star.meter("star_actors_live").await?;
        // A Star may put some away before all are awake, and then there will never be more.
        let is_over = now >= FOREST.resources as f64 || now <= awake;
        awake = now;
        if is_over {
            break;
        }
    }
    tokio::time::sleep(limits::WARM_UP).await;
    Ok(Idle { before_bytes, bytes: star.resident_bytes()?, awake })
}
