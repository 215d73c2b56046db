//! `commit`: creating resources that survive a power cut, against a bare append of as many bytes
//! with one `fdatasync`: first inside this process, then through the API of a running Star.
//!
//! With 64 clients the peer writes 64 records and syncs once, which is the best that any grouping
//! could do. Creates below one parent pass its actor one by one and cannot be grouped; creates
//! below several can.

use std::fs::{File, OpenOptions};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use star_core::kind::Kind;
use star_core::ports::meta::MetaStore;
use star_store::Store;

use super::{Found, counted, folder, scratch};
use crate::failure::{Failure, io};
use crate::figures::{Latency, Measure, per_second};
use crate::load;
use crate::options::Plan;
use crate::report::{Row, Unit};
use crate::star::Star;
use crate::tree::{BenchTree, path};
use crate::turns::in_turns;

pub(super) const ABOUT: &str = "durable creates, against a bare append and fdatasync of as many bytes";

/// Clients, and the parents below which they create.
const SHAPES: [(usize, usize); 3] = [(1, 1), (64, 1), (64, 64)];

/// The most parents of any shape.
const PARENTS: usize = 64;

/// Creates that tell how many bytes of the journal one takes.
const SAMPLE: u64 = 500;

/// What makes `wrk` create resources.
const CREATE: &str = include_str!("../load/create.lua");

pub(super) async fn run(plan: Plan) -> Result<Found, Failure> {
    let scratch = scratch()?;
    let inside = Inside::open(&scratch.path().join("store")).await?;
    let bytes = inside.bytes_of_one().await?;
    let (star, _) = Star::start(&folder(&scratch, "star")?).await?;
    let http = Http::open(star, scratch.path()).await?;
    let bare = Bare { path: scratch.path().join("bare"), bytes };

    let mut rows = Vec::new();
    for (way, ours) in [("in process", Way::Inside(inside)), ("HTTP", Way::Http(http))] {
        let contenders = [("star", &ours), ("append + fdatasync", &Way::Bare(bare.clone()))];
        for (clients, parents) in SHAPES {
            let subjects =
                in_turns(plan, &contenders, async |way, time| way.measure(clients, parents, time).await).await?;
            let shape = format!("{way}: {}, {}", counted(clients, "client"), counted(parents, "parent"));
            rows.push(Row { shape, unit: Unit::PerSecond, subjects, target: None });
        }
        if let Way::Inside(inside) = ours {
            inside.store.close().await;
        }
    }
    let note = format!("One create takes {bytes} bytes of the journal; the peer appends as many.");
    Ok((rows, vec![note]))
}

/// Makes exactly so many resources in a running Star, one after the other.
pub(super) async fn create_resources(star: &Star, scratch: &Path, count: u64) -> Result<(), Failure> {
    star.run(&["create", "Space", "bench"]).await?;
    let bodies = (0..count).map(|number| format!(r#"{{"path":"bench:n{number}","kind":"Base"}}"#));
    load::posts(&star.api("/starlane.v1.Resources/Create"), &star.key()?, bodies, scratch).await
}

/// A way to make something durable.
enum Way {
    Inside(Inside),
    Http(Http),
    Bare(Bare),
}

impl Way {
    async fn measure(&self, clients: usize, parents: usize, time: Duration) -> Result<Measure, Failure> {
        match self {
            Way::Inside(inside) => inside.measure(clients, parents, time).await,
            Way::Http(http) => http.measure(clients, parents, time).await,
            Way::Bare(bare) => bare.measure(clients, time).await,
        }
    }
}

/// The tree of this process, on a store on the disk.
struct Inside {
    store: Arc<Store>,
    tree: Arc<BenchTree>,
    made: Arc<AtomicU64>,
}

impl Inside {
    async fn open(dir: &Path) -> Result<Inside, Failure> {
        let store =
            Store::open(star_store::OpenOptions::new(dir)).map_err(|error| Failure::wrong("the store", error))?;
        let tree = BenchTree::on(store.clone()).await?;
        tree.create(Kind::Space, path("bench")).await?;
        for parent in 0..PARENTS {
            tree.create(Kind::Base, path(&format!("bench:p{parent}"))).await?;
        }
        Ok(Inside { store, tree: Arc::new(tree), made: Arc::default() })
    }

    /// How many bytes of the journal one create takes.
    async fn bytes_of_one(&self) -> Result<usize, Failure> {
        let before = self.store.status().journal_bytes;
        for _ in 0..SAMPLE {
            create(&self.tree, 0, &self.made).await?;
        }
        Ok(usize::try_from((self.store.status().journal_bytes - before) / SAMPLE).unwrap_or(usize::MAX))
    }

    async fn measure(&self, clients: usize, parents: usize, time: Duration) -> Result<Measure, Failure> {
        let begun = Instant::now();
        let creating: Vec<_> = (0..clients)
            .map(|client| {
                let (tree, made) = (Arc::clone(&self.tree), Arc::clone(&self.made));
                tokio::spawn(async move {
                    let mut took = Vec::new();
                    while begun.elapsed() < time {
                        let each = Instant::now();
                        create(&tree, client % parents, &made).await?;
                        took.push(each.elapsed());
                    }
                    Ok::<_, Failure>(took)
                })
            })
            .collect();
        let mut took = Vec::new();
        for creating in creating {
            took.extend(creating.await.map_err(|error| Failure::wrong("a client", error))??);
        }
        Ok(Measure { figure: per_second(took.len() as u64, begun.elapsed()), latency: Latency::of(took) })
    }
}

async fn create(tree: &BenchTree, parent: usize, made: &AtomicU64) -> Result<(), Failure> {
    let number = made.fetch_add(1, Ordering::Relaxed);
    tree.create(Kind::Base, path(&format!("bench:p{parent}:n{number}"))).await
}

/// A running Star, and the script that creates resources in it.
struct Http {
    star: Star,
    script: PathBuf,
    runs: AtomicU64,
}

impl Http {
    async fn open(star: Star, scratch: &Path) -> Result<Http, Failure> {
        let script = scratch.join("create.lua");
        load::script(&script, &CREATE.replace("KEY", &star.key()?))?;
        star.run(&["create", "Space", "bench"]).await?;
        let parents = (0..PARENTS).map(|parent| format!(r#"{{"path":"bench:p{parent}","kind":"Base"}}"#));
        load::posts(&star.api("/starlane.v1.Resources/Create"), &star.key()?, parents, scratch).await?;
        Ok(Http { star, script, runs: AtomicU64::new(0) })
    }

    async fn measure(&self, clients: usize, parents: usize, time: Duration) -> Result<Measure, Failure> {
        let run = self.runs.fetch_add(1, Ordering::Relaxed);
        let arguments = [run.to_string(), parents.to_string()];
        load::requests("star", &self.star.api("/"), clients, time, &self.script, &arguments).await
    }
}

/// A file that grows.
#[derive(Debug, Clone)]
struct Bare {
    path: PathBuf,
    bytes: usize,
}

impl Bare {
    /// Appends as many records as there are clients, and syncs, over and over.
    async fn measure(&self, clients: usize, time: Duration) -> Result<Measure, Failure> {
        let bare = self.clone();
        let appended = tokio::task::spawn_blocking(move || bare.append(clients, time)).await;
        appended.map_err(|error| Failure::wrong("the disk", error))?.map_err(io("append to a file"))
    }

    fn append(&self, records: usize, time: Duration) -> std::io::Result<Measure> {
        let mut file: File = OpenOptions::new().create(true).append(true).open(&self.path)?;
        let group = vec![7; self.bytes * records];
        let (begun, mut took) = (Instant::now(), Vec::new());
        while begun.elapsed() < time {
            let each = Instant::now();
            file.write_all(&group)?;
            file.sync_data()?;
            took.push(each.elapsed());
        }
        let figure = per_second((took.len() * records) as u64, begun.elapsed());
        Ok(Measure { figure, latency: Latency::of(took) })
    }
}
