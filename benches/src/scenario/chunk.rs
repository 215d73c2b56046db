//! `chunk`: fresh content from plain bytes to checked frames and the SHA-256 of the whole, against
//! `zstd -3` and `sha256sum` over the same file at the same time.
//!
//! The peers compress in one piece and check nothing; we cut, name and decode each chunk as well.

use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use bytes::Bytes;
use star_artifact::chunk::cut::ChunkerParameters;
use star_artifact::chunk::pipeline::{Feed, Pipeline};
use tokio::process::Command;
use tokio::sync::Semaphore;

use super::{Found, scratch};
use crate::corpus;
use crate::failure::{Failure, io};
use crate::figures::{Measure, Series, per_second};
use crate::limits;
use crate::meter::Meter;
use crate::options::Plan;
use crate::process::{output, version};
use crate::report::{Row, Subject, Target, Unit};
use crate::turns::in_turns;

pub(super) const ABOUT: &str = "512 MiB of fresh content in the page cache, against `zstd -3` beside `sha256sum`";

/// What we want to reach of the peers.
const TARGET: Target = Target::Ratio(0.8);

/// The length of the content.
const SIZE_BYTES: u64 = 512 << 20;

/// How it comes in: as large as pieces of a busy connection are.
const PIECE_BYTES: u64 = 64 << 10;

/// What may be under way.
const BUDGET_BYTES: usize = 64 << 20;

/// Somebody who takes the content in, and how long the processors worked for each time.
struct Contender {
    who: Who,
    processors_ms: Mutex<Vec<f64>>,
}

enum Who {
    Ours(Pipeline),
    Tools,
}

pub(super) async fn run(plan: Plan) -> Result<Found, Failure> {
    let scratch = scratch()?;
    let path = scratch.path().join("content");
    corpus::write(&path, SIZE_BYTES).map_err(io(format!("write {}", path.display())))?;
    let pipeline = Pipeline::start().map_err(io("start the threads"))?;
    let contender = |who| Contender { who, processors_ms: Mutex::default() };
    let contenders = [("star", contender(Who::Ours(pipeline))), ("zstd -3 beside sha256sum", contender(Who::Tools))];
    let digest = sha256(&path).await?;
    let subjects = in_turns(plan, &contenders, async |contender, _| contender.measure(&path, &digest).await).await?;
    let processors = contenders.iter().map(|(name, contender)| Subject::of(name, contender.processors_ms(plan)));
    let rows = vec![
        Row {
            shape: "work of the processors".to_owned(),
            unit: Unit::Milliseconds,
            subjects: processors.collect(),
            target: None,
        },
        Row { shape: "fresh".to_owned(), unit: Unit::BytesPerSecond, subjects, target: Some(TARGET) },
    ];
    let peers = [version("zstd", "--version").await?, version("sha256sum", "--version").await?];
    Ok((rows, vec![format!("Peers: {}.", peers.join("; "))]))
}

impl Contender {
    async fn measure(&self, path: &Path, digest: &str) -> Result<Measure, Failure> {
        let begun = Instant::now();
        let (found, processors_s) = match &self.who {
            Who::Ours(pipeline) => {
                let meter = Meter::start();
                let found = ours(pipeline, path.to_owned()).await?;
                (found, meter.cpu_s(1e6).ok_or_else(|| Failure::wrong("star", "no time of the processors"))?)
            }
            Who::Tools => tools(path).await?,
        };
        let elapsed = begun.elapsed();
        if found != digest {
            return Err(Failure::wrong("a contender", format!("{found} instead of {digest}")));
        }
        self.processors_ms.lock().unwrap_or_else(PoisonError::into_inner).push(processors_s * 1e3);
        Ok(per_second(SIZE_BYTES, elapsed).into())
    }

    /// Without the time for warming up.
    fn processors_ms(&self, plan: Plan) -> Series {
        let all = self.processors_ms.lock().unwrap_or_else(PoisonError::into_inner);
        let warm = all.len().saturating_sub(usize::try_from(plan.rounds).unwrap_or(usize::MAX));
        Series::of(all[warm..].to_vec())
    }
}

/// Takes the content in, and gives its digest.
async fn ours(pipeline: &Pipeline, path: PathBuf) -> Result<String, Failure> {
    let wrong = |error| Failure::wrong("star", error);
    let budget = Arc::new(Semaphore::new(BUDGET_BYTES));
    let (feed, mut frames) = pipeline.begin(ChunkerParameters::STANDARD, budget, Box::new(|_| false));
    let sent = tokio::spawn(send(feed, path));
    while frames.next().await.map_err(wrong)?.is_some() {}
    sent.await.map_err(|error| Failure::wrong("star", error))?
}

async fn send(mut feed: Feed, path: PathBuf) -> Result<String, Failure> {
    let wrong = |error| Failure::wrong("star", error);
    let mut file = File::open(path).map_err(io("open the content"))?;
    loop {
        let mut piece = Vec::with_capacity(PIECE_BYTES as usize);
        let len = file.by_ref().take(PIECE_BYTES).read_to_end(&mut piece).map_err(io("read the content"))?;
        if len == 0 {
            return Ok(feed.finish().await.map_err(wrong)?.digest.hex());
        }
        feed.push(Bytes::from(piece)).await.map_err(wrong)?;
    }
}

/// Lets both tools run, and gives the digest and the seconds that they took of the processors.
async fn tools(path: &Path) -> Result<(String, f64), Failure> {
    const BOTH: &str = r#"zstd -3 -q -c "$0" > /dev/null & zstd=$!
        sha256sum "$0" & sha256sum=$!
        wait $zstd && wait $sha256sum && times"#;
    let said = output("sh", Command::new("sh").args(["-c", BOTH]).arg(path), limits::COMMAND).await?;
    let digest = said.split_whitespace().next().unwrap_or_default().to_owned();
    // The last line is of the children: user and system, each like `1m2.34s`.
    let times = said.lines().last().unwrap_or_default().split_whitespace().map(seconds);
    let processors_s = times.sum::<Option<f64>>().ok_or_else(|| Failure::wrong("sh", &said))?;
    Ok((digest, processors_s))
}

fn seconds(time: &str) -> Option<f64> {
    let (minutes, seconds) = time.strip_suffix('s')?.split_once('m')?;
    Some(minutes.parse::<f64>().ok()? * 60.0 + seconds.parse::<f64>().ok()?)
}

async fn sha256(path: &Path) -> Result<String, Failure> {
    let said = output("sha256sum", Command::new("sha256sum").arg(path), limits::COMMAND).await?;
    Ok(said.split_whitespace().next().unwrap_or_default().to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_of_a_shell_are_read() {
        assert_eq!(seconds("1m2.50s"), Some(62.5));
        assert_eq!(seconds("0m0.000000s"), Some(0.0));
        assert_eq!(seconds("later"), None);
    }

    #[tokio::test]
    async fn both_ways_find_the_same_digest() {
        let scratch = tempfile::tempdir().unwrap();
        let path = scratch.path().join("content");
        corpus::write(&path, 1_000_000).unwrap();
        let ours = ours(&Pipeline::with_threads(1).unwrap(), path.clone()).await.unwrap();
        assert_eq!(ours, sha256(&path).await.unwrap());
    }
}
