//! `tree-write`: many small files at the same time, each durable before it is answered for: PUTs over
//! 64 connections of a running Star, against as many threads that write files into an empty folder and
//! sync each of them.
//!
//! Every file has bytes of its own, so that nobody gets by with having them already.

use std::fs::File;
use std::io::Write;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use super::{Found, counted, folder, scratch};
use crate::failure::{Failure, io};
use crate::figures::Measure;
use crate::http::Connection;
use crate::meter::Meter;
use crate::options::Plan;
use crate::report::{Row, Target, Unit};
use crate::star::{SPACE, Star};
use crate::turns::in_turns;

pub(super) const ABOUT: &str = "durable files of 4 KiB, against 64 threads that write and sync each";

/// What we want to reach.
const TARGET: Target = Target::AtLeast(5_000.0);

/// The length of a file.
const SIZE: usize = 4096;

/// Who write at the same time.
const WRITERS: usize = 64;

/// Directories over which the files are spread.
const DIRECTORIES: u64 = 100;

/// The status of an answer to a PUT that made a file.
const MADE: u16 = 201;

/// Somewhere files are written.
enum Writer {
    Star { star: Box<Star>, address: SocketAddr, key: String, files: AtomicU64 },
    Folder { root: PathBuf, files: AtomicU64 },
}

pub(super) async fn run(plan: Plan) -> Result<Found, Failure> {
    let scratch = scratch()?;
    let (star, _) = Star::start(&folder(&scratch, "star")?).await?;
    star.run(&["create", "Space", SPACE]).await?;
    star.run(&["create", "FileSystem", &format!("{SPACE}:files")]).await?;
    let (address, key) = (star.api_address()?, star.key()?);
    let root = folder(&scratch, "folder")?;
    for directory in 0..DIRECTORIES {
        let path = root.join(format!("d{directory}"));
        std::fs::create_dir(&path).map_err(io(format!("make {}", path.display())))?;
    }
    let contenders = [
        ("star", Writer::Star { star: Box::new(star), address, key, files: AtomicU64::new(0) }),
        ("write + fsync", Writer::Folder { root, files: AtomicU64::new(0) }),
    ];
    let subjects = in_turns(plan, &contenders, async |who, time| who.measure(time).await).await?;
    let shape = format!("{} at the same time", counted(WRITERS, "writer"));
    let notes = vec![
        "The peer syncs files and not the folders that name them; nginx takes files by WebDAV too, and syncs nothing."
            .to_owned(),
    ];
    Ok((vec![Row { shape, unit: Unit::PerSecond, subjects, target: Some(TARGET) }], notes))
}

impl Writer {
    /// Lets all writers write for a time.
    async fn measure(&self, time: Duration) -> Result<Measure, Failure> {
        match self {
            Writer::Star { star, address, key, files } => {
                let first = files.fetch_add(1 << 32, Ordering::Relaxed);
                put_all(Meter::of(star.pid()), *address, key, first, time).await
            }
            Writer::Folder { root, files } => {
                let (root, first) = (root.clone(), files.fetch_add(1 << 32, Ordering::Relaxed));
                let writing = tokio::task::spawn_blocking(move || write_all(&root, first, time));
                writing.await.map_err(|error| Failure::wrong("a writer", error))?
            }
        }
    }
}

/// PUTs over connections of their own; `first` is the number of the first file, which no other run has.
async fn put_all(meter: Meter, address: SocketAddr, key: &str, first: u64, time: Duration) -> Result<Measure, Failure> {
    let writers: Vec<_> = (0..WRITERS as u64)
        .map(|writer| {
            let key = key.to_owned();
            tokio::spawn(async move {
                let mut connection = Connection::open(address).await?;
                let mut took = Vec::new();
                while meter.elapsed() < time {
                    let number = first + took.len() as u64 * WRITERS as u64 + writer;
                    let each = Instant::now();
                    let answer = connection.call(&put(address, &key, number)).await?;
                    if answer.status != MADE {
                        let text = String::from_utf8_lossy(answer.body).into_owned();
                        return Err(Failure::wrong("star", format!("status {}: {text}", answer.status)));
                    }
                    took.push(each.elapsed());
                }
                Ok::<_, Failure>(took)
            })
        })
        .collect();
    let mut took = Vec::new();
    for writer in writers {
        took.extend(writer.await.map_err(|error| Failure::wrong("a writer", error))??);
    }
    Ok(meter.measure(took.len() as u64).with_latency(took))
}

/// The bytes of a request that writes a file.
fn put(address: SocketAddr, key: &str, number: u64) -> Vec<u8> {
    let directory = number % DIRECTORIES;
    let head = format!(
        "PUT /r/{SPACE}:files:/d{directory}/{number}.bin HTTP/1.1\r\nHost: {address}\r\nAuthorization: Bearer {key}\r\n\
         Content-Length: {SIZE}\r\n\r\n"
    );
    [head.into_bytes(), bytes(number)].concat()
}

/// Writes and syncs files in threads.
fn write_all(root: &Path, first: u64, time: Duration) -> Result<Measure, Failure> {
    let meter = Meter::start();
    let took: Result<Vec<Vec<Duration>>, Failure> = std::thread::scope(|scope| {
        let writers: Vec<_> = (0..WRITERS as u64)
            .map(|writer| {
                scope.spawn(move || {
                    let mut took = Vec::new();
                    while meter.elapsed() < time {
                        let number = first + took.len() as u64 * WRITERS as u64 + writer;
                        let each = Instant::now();
                        write(root, number).map_err(io("write a file"))?;
                        took.push(each.elapsed());
                    }
                    Ok(took)
                })
            })
            .collect();
        let joined =
            writers.into_iter().map(|writer| writer.join().map_err(|_| Failure::wrong("a writer", "it panicked"))?);
        joined.collect()
    });
    let took = took?.concat();
    Ok(meter.measure(took.len() as u64).with_latency(took))
}

fn write(root: &Path, number: u64) -> std::io::Result<()> {
    let path = root.join(format!("d{}", number % DIRECTORIES)).join(format!("{number}.bin"));
    let mut file = File::create_new(path)?;
    file.write_all(&bytes(number))?;
    file.sync_all()
}

/// The bytes of a file, which no other has.
fn bytes(number: u64) -> Vec<u8> {
    // The generator of Marsaglia (xorshift64), begun with the number of the file.
    let mut state = 0x9e37_79b9_7f4a_7c15u64 ^ (number + 1);
    let mut bytes = Vec::with_capacity(SIZE);
    while bytes.len() < SIZE {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        bytes.extend_from_slice(&state.to_le_bytes());
    }
    bytes
}
