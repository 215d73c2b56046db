//! `read`: a million resources on the disk: the record of one, ten in a row, a page of a list.
//!
//! Inside this process, because that is what every way to them is made of. Figures are for one
//! core: those of a reader on each core are divided by the cores.

use std::sync::Arc;
use std::time::{Duration, Instant};

use star_core::keys;
use star_core::ports::meta::{Key, KeyRange, MetaStore};
use star_path::Selector;
use star_store::{OpenOptions, Store};

use super::{Found, counted, scratch};
use crate::count::{Counted, Counter};
use crate::failure::{Failure, io};
use crate::figures::{Measure, Series};
use crate::fill::{self, Forest};
use crate::meter::Meter;
use crate::options::Plan;
use crate::report::{Row, Subject, Target, Unit};
use crate::tree::{BenchTree, refused};
use crate::turns::in_turns;

pub(super) const ABOUT: &str = "reading out of 1,000,000 resources on the disk, per core";

/// What is read from.
const FOREST: Forest = Forest { spaces: 10, resources: 1_000_000 };

/// A smaller one where only allocations are counted, and how often each thing is read for that.
const GROVE: Forest = Forest { spaces: 10, resources: 10_000 };
const COUNTED: u64 = 1_000;

/// Rows of a scan.
const SCAN: usize = 10;

/// Resources of a page.
const PAGE: usize = 100;

/// How long a page may take, in milliseconds, for 99 of 100.
const PAGE_IN_TIME: Target = Target::AtMost(10.0);

/// What is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Reading {
    Get,
    Scan,
    Page,
    Labelled,
}

const READINGS: [(&str, Reading, Option<Target>); 4] = [
    ("get", Reading::Get, Some(Target::AtLeast(200_000.0))),
    ("scan of 10", Reading::Scan, Some(Target::AtLeast(50_000.0))),
    ("page of 100", Reading::Page, None),
    ("page of 100 by label", Reading::Labelled, None),
];

pub(super) async fn run(plan: Plan) -> Result<Found, Failure> {
    let scratch = scratch()?;
    let library = Arc::new(Library::open(scratch.path(), FOREST).await?);
    let cores = std::thread::available_parallelism().map_err(io("count the cores"))?.get();
    let mut rows = Vec::new();
    for (name, reading, target) in READINGS {
        for readers in [1, cores] {
            let subjects =
                in_turns(plan, &[("star", ())], async |(), time| library.measure(reading, readers, time).await).await?;
            let p99_us = subjects[0].p99_us.clone();
            let shape = shape(name, readers);
            if let Some(p99_us) = p99_us.filter(|_| matches!(reading, Reading::Page | Reading::Labelled)) {
                let ms = p99_us.figures().iter().map(|us| us / 1e3).collect();
                rows.push(Row {
                    shape: format!("{shape}, 99th percentile"),
                    unit: Unit::Milliseconds,
                    subjects: vec![Subject::of("star", Series::of(ms))],
                    target: Some(PAGE_IN_TIME),
                });
            }
            rows.push(Row { shape, unit: Unit::PerSecond, subjects, target });
        }
    }
    let status = library.store.status();
    library.store.close().await;
    let note = format!(
        "Keys are chosen at random; a page begins at a random path and goes through selector and gate. The index ({}) \
         has {} MiB on the disk.",
        status.index,
        status.index_bytes >> 20
    );
    Ok((rows, vec![note]))
}

/// Counts the allocations of each way to read.
pub(super) async fn count(counter: Counter) -> Result<Vec<Counted>, Failure> {
    let scratch = scratch()?;
    let library = Library::open(scratch.path(), GROVE).await?;
    let mut all = Vec::new();
    for (name, reading, _) in READINGS {
        let mut dice = Dice::thrown(0);
        let read = async |times| {
            for _ in 0..times {
                library.read(reading, &mut dice).await?;
            }
            Ok(())
        };
        all.push(counter.of(COUNTED).count(&shape(name, 1), "star", read).await?);
    }
    Ok(all)
}

fn shape(name: &str, readers: usize) -> String {
    format!("{name}, {}", counted(readers, "reader"))
}

/// What is read from.
struct Library {
    forest: Forest,
    store: Arc<Store>,
    bench: BenchTree,
    all: Selector,
    /// One resource in [`fill::LABELLED`].
    labelled: Selector,
}

impl Library {
    async fn open(dir: &std::path::Path, forest: Forest) -> Result<Library, Failure> {
        let store = Store::open(OpenOptions::new(dir.join("store")));
        let store = store.map_err(|error| Failure::wrong("the store", error))?;
        let bench = BenchTree::on(store.clone()).await?;
        let meta: Arc<dyn MetaStore> = store.clone();
        forest.plant(&meta).await?;
        let all = Selector::parse("**").map_err(|error| Failure::wrong("the benchmark", error))?;
        let labelled = Selector::parse("**[labels.env=prod]");
        let labelled = labelled.map_err(|error| Failure::wrong("the benchmark", error))?;
        Ok(Library { forest, store, bench, all, labelled })
    }

    async fn measure(self: &Arc<Self>, reading: Reading, readers: usize, time: Duration) -> Result<Measure, Failure> {
        let meter = Meter::start();
        let readers: Vec<_> = (0..readers)
            .map(|reader| {
                let library = Arc::clone(self);
                tokio::spawn(async move {
                    let (mut took, mut dice) = (Vec::new(), Dice::thrown(reader));
                    while meter.elapsed() < time {
                        let each = Instant::now();
                        library.read(reading, &mut dice).await?;
                        took.push(each.elapsed());
                    }
                    Ok::<_, Failure>(took)
                })
            })
            .collect();
        let (mut took, cores) = (Vec::new(), readers.len());
        for reader in readers {
            took.extend(reader.await.map_err(|error| Failure::wrong("a reader", error))??);
        }
        let measure = meter.measure(took.len() as u64);
        Ok(Measure { figure: measure.figure / cores as f64, ..measure }.with_latency(took))
    }

    /// Reads once, and makes sure that as much came as is there.
    async fn read(&self, reading: Reading, dice: &mut Dice) -> Result<(), Failure> {
        let (wanted, got) = match reading {
            Reading::Get => {
                let key = self.record(dice.below(self.forest.resources));
                (1, self.store.read(&[key]).await.map_err(wrong)?.into_iter().flatten().count())
            }
            Reading::Scan => {
                let range = KeyRange { start: self.record(dice.below(self.forest.resources - SCAN)), end: None };
                (SCAN, self.store.scan(range, SCAN).await.map_err(wrong)?.rows.len())
            }
            Reading::Page => {
                let from = self.forest.text(dice.below(self.forest.resources - PAGE));
                let BenchTree { tree, admin } = &self.bench;
                (PAGE, tree.select(admin, &self.all, Some(&from), PAGE).await.map_err(refused)?.resources.len())
            }
            Reading::Labelled => {
                let from = self.forest.text(dice.below(self.forest.resources - PAGE * fill::LABELLED));
                let BenchTree { tree, admin } = &self.bench;
                (PAGE, tree.select(admin, &self.labelled, Some(&from), PAGE).await.map_err(refused)?.resources.len())
            }
        };
        if got == wanted { Ok(()) } else { Err(Failure::wrong("the store", format!("{got} rows instead of {wanted}"))) }
    }

    /// The key of a record, without what it takes to parse its path.
    fn record(&self, number: usize) -> Key {
        let key = Key::new(format!("r/{}", self.forest.text(number)));
        debug_assert_eq!(key, keys::record(&self.forest.path(number)));
        key
    }
}

fn wrong(error: impl ToString) -> Failure {
    Failure::wrong("the store", error)
}

/// Numbers without an order: the generator of Marsaglia (xorshift64).
struct Dice(u64);

impl Dice {
    fn thrown(by: usize) -> Dice {
        Dice(0x9e37_79b9_7f4a_7c15 ^ ((by as u64) << 7))
    }

    fn below(&mut self, limit: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 % limit as u64) as usize
    }
}
