//! How fast batches become durable here: a table for 1, 8, 64 and 256 committers; how fast they
//! are read; and how long a store of a million rows takes to start.
//!
//! `cargo run --release -p star-store --example commit_rate -- [redb|sled|memory] [DIRECTORY]`
//!
//! Each batch puts a value of 300 bytes under one of 200,000 keys and tells an event of 200
//! bytes. Beside it stands what the disk costs: the same bytes appended to a file and synced.
#![expect(clippy::print_stdout, reason = "a program whose output is its purpose")]

use std::fs::File;
use std::io::Write;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use star_core::ports::meta::{Batch, Key, KeyRange, MetaStore, NewEvent, Operation, Shard};
use star_store::{IndexKind, OpenOptions, Store};

const KEYS: u64 = 200_000;
const MANY_KEYS: u64 = 1_000_000;
const RUN: Duration = Duration::from_secs(3);

type Failure = Box<dyn std::error::Error + Send + Sync>;

#[tokio::main]
async fn main() -> Result<(), Failure> {
    let mut arguments = std::env::args_os().skip(1);
    let index = match arguments.next().as_deref().and_then(std::ffi::OsStr::to_str) {
        None | Some("redb") => IndexKind::Redb,
        Some("sled") => IndexKind::Sled,
        Some("memory") => IndexKind::Memory,
        Some(other) => return Err(format!("{other} is no engine").into()),
    };
    let dir = tempfile::tempdir_in(arguments.next().map_or_else(std::env::temp_dir, PathBuf::from))?;
    println!("index: {index:?}");
    println!("append and sync of 600 bytes: {}", sync_cost(&dir.path().join("bare"))?);
    let options = OpenOptions::new(dir.path().join("store")).with_index(index);
    let store = Store::open(options.clone())?;
    fill(&store, 0..KEYS).await?;
    for committers in [1, 8, 64, 256] {
        println!("{committers:>4} committers: {}", committed_by(&store, committers).await?);
    }
    println!("gets: {}", gets(&store).await?);
    println!("scans of ten: {}", scans(&store).await?);
    fill(&store, KEYS..MANY_KEYS).await?;
    store.checkpoint().await?;
    store.close().await;
    drop(store);
    starts(&options)?;
    if let Some(path) = index_of(&options) {
        std::fs::remove_dir_all(path)?;
        println!("start of {MANY_KEYS} rows, index gone: {:.1?}", start(&options)?);
    }
    Ok(())
}

fn starts(options: &OpenOptions) -> Result<(), Failure> {
    for round in 1..=3 {
        println!("start of {MANY_KEYS} rows, {round}: {:.1?}", start(options)?);
    }
    Ok(())
}

fn start(options: &OpenOptions) -> Result<Duration, Failure> {
    let begun = Instant::now();
    let store = Store::open(options.clone())?;
    let took = begun.elapsed();
    drop(store);
    Ok(took)
}

fn index_of(options: &OpenOptions) -> Option<PathBuf> {
    Some(options.dir.join("index")).filter(|path| path.exists())
}

fn sync_cost(path: &std::path::Path) -> Result<String, Failure> {
    let mut file = File::create(path)?;
    let begun = Instant::now();
    let mut took = Vec::new();
    while begun.elapsed() < RUN {
        let each = Instant::now();
        file.write_all(&[7; 600])?;
        file.sync_data()?;
        took.push(each.elapsed());
    }
    Ok(summary(took, begun.elapsed()))
}

async fn fill(store: &Arc<Store>, keys: std::ops::Range<u64>) -> Result<(), Failure> {
    for first in keys.step_by(500) {
        let operations = (first..first + 500).map(put).collect();
        store.commit(batch(u128::from(first), operations)).await?;
    }
    Ok(())
}

async fn committed_by(store: &Arc<Store>, committers: u64) -> Result<String, Failure> {
    let begun = Instant::now();
    let tasks: Vec<_> = (0..committers)
        .map(|committer| {
            let store = Arc::clone(store);
            tokio::spawn(async move {
                let mut took = Vec::new();
                for round in 0u64.. {
                    if begun.elapsed() > RUN {
                        break;
                    }
                    let number = (committer << 32 | round).wrapping_mul(0x9e37_79b9_7f4a_7c15);
                    let id = u128::from(committers) << 96 | u128::from(committer) << 64 | u128::from(round) | 1 << 63;
                    let each = Instant::now();
                    store.commit(batch(id, vec![put(number % KEYS)])).await?;
                    took.push(each.elapsed());
                }
                Ok::<_, Failure>(took)
            })
        })
        .collect();
    let mut took = Vec::new();
    for task in tasks {
        took.extend(task.await??);
    }
    Ok(summary(took, begun.elapsed()))
}

async fn gets(store: &Arc<Store>) -> Result<String, Failure> {
    let begun = Instant::now();
    let mut took = Vec::new();
    while begun.elapsed() < RUN {
        let number = (took.len() as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15) % KEYS;
        let each = Instant::now();
        store.read(&[key(number)]).await?;
        took.push(each.elapsed());
    }
    Ok(summary(took, begun.elapsed()))
}

async fn scans(store: &Arc<Store>) -> Result<String, Failure> {
    let begun = Instant::now();
    let mut took = Vec::new();
    while begun.elapsed() < RUN {
        let number = (took.len() as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15) % KEYS;
        let each = Instant::now();
        store.scan(KeyRange { start: key(number), end: None }, 10).await?;
        took.push(each.elapsed());
    }
    Ok(summary(took, begun.elapsed()))
}

fn batch(id: u128, operations: Vec<Operation>) -> Batch {
    let shard = Shard::of_space("acme");
    let events = vec![NewEvent { body: Bytes::from_static(&[1; 200]), leaf: None }];
    Batch { id, shard, preconditions: Vec::new(), operations, events, at: 0 }
}

fn put(number: u64) -> Operation {
    Operation::Put(key(number), Bytes::from_static(&[2; 300]))
}

fn key(number: u64) -> Key {
    Key::new(format!("r/acme/{number:08}"))
}

fn summary(mut took: Vec<Duration>, of: Duration) -> String {
    took.sort_unstable();
    let at = |part: usize| took[took.len() * part / 1_000];
    format!("p50 {:>9.1?}, p99 {:>9.1?}, {:>9.0} per second", at(500), at(990), took.len() as f64 / of.as_secs_f64())
}
