//! `watch`: a thousand watchers of the log: how many events reach them, how late at a hundred
//! thousand in a second, and what one holds that does not read. First inside this process, then
//! over HTTP from a running Star.

mod crowd;
mod http;
mod inside;
mod stalled;

use std::time::Duration;

use async_trait::async_trait;

use super::{Found, folder, scratch};
use crate::count::{Counted, Counter};
use crate::failure::Failure;
use crate::figures::{Measure, Series};
use crate::meter::Meter;
use crate::options::Plan;
use crate::report::{Row, Subject, Target, Unit};
use crate::star::Star;

use crowd::{Crowd, Paced};

pub(super) const ABOUT: &str = "1,000 watchers of the log: events that reach them, and how late";

/// How many watch.
const WATCHERS: usize = 1_000;

/// Events that reach a watcher, in a second, all watchers together.
const DELIVERIES: Target = Target::AtLeast(100_000.0);

/// Events a second where lateness is looked at, each for all watchers: as many deliveries as the target
/// wants, and half of them, which leaves room on the processors.
const OFFERED: [(u32, Option<Target>); 2] = [(50, None), (100, Some(LATE))];

/// How late an event may be, in milliseconds, for 99 of 100.
const LATE: Target = Target::AtMost(100.0);

/// What a watcher may hold that does not read, in bytes.
const STALLED: Target = Target::AtMost(1024.0 * 1024.0);

/// Something that is watched, and a way to let something happen to it.
#[async_trait]
trait Watched: Send + Sync {
    /// Lets one thing happen; watchers can tell from it when that was.
    async fn happen(&self, since: Duration) -> Result<(), Failure>;

    /// Begins to measure whoever tells the watchers.
    fn meter(&self) -> Meter;

    /// Watchers that are told of it.
    fn crowd(&self) -> &Crowd;
}

pub(super) async fn run(plan: Plan) -> Result<Found, Failure> {
    let scratch = scratch()?;
    let inside = inside::Inside::start(&scratch.path().join("store"), WATCHERS).await?;
    let (mut rows, _) = measured(plan, "in process", &inside).await?;
    inside.close().await;

    let (star, _) = Star::start(&folder(&scratch, "star")?).await?;
    let http = http::Http::start(star, WATCHERS).await?;
    let (more, readers) = measured(plan, "HTTP", &http).await?;
    rows.extend(more);
    drop(http);

    let (star, _) = Star::start(&folder(&scratch, "stalled")?).await?;
    let held = stalled::held(star).await?;
    let mut stalled_row = |shape: &str, bytes: f64, target| {
        rows.push(Row {
            shape: format!("HTTP: {shape}"),
            unit: Unit::Bytes,
            subjects: vec![Subject::of("star", Series::of(vec![bytes]))],
            target,
        });
    };
    stalled_row("one that does not read, memory of the Star", held.process, Some(STALLED));
    stalled_row("one that does not read, its socket's buffers in the kernel", held.kernel, None);
    let notes = vec![
        format!(
            "Watchers over HTTP read `/events?follow=true` in this process, on the same cores, which took {readers} CPU \
             seconds of it for a million deliveries. CPU seconds in the table are those of the process that delivers: \
             over HTTP the Star's alone."
        ),
        format!(
            "Memory is looked at after {} MiB of events that {} watchers left unread.",
            stalled::MIB,
            stalled::WATCHERS
        ),
    ];
    Ok((rows, notes))
}

/// Counts the allocations of a delivery. Over HTTP everything is in one process, and reading takes none.
pub(super) async fn count(counter: Counter) -> Result<Vec<Counted>, Failure> {
    let scratch = scratch()?;
    let inside = inside::Inside::start(&scratch.path().join("store"), WATCHERS).await?;
    let mut all = vec![delivered(counter, "in process", &inside).await?];
    inside.close().await;
    let served = http::Served::start(&scratch.path().join("served"), WATCHERS).await?;
    all.push(delivered(counter, "HTTP", &served).await?);
    Ok(all)
}

async fn delivered(counter: Counter, way: &str, watched: &dyn Watched) -> Result<Counted, Failure> {
    let deliver = async |times: u64| {
        for _ in 0..times.div_ceil(WATCHERS as u64) {
            crowd::one(watched).await?;
        }
        Ok(())
    };
    counter.count(&shape_of_most(way), "star", deliver).await
}

fn shape_of_most(way: &str) -> String {
    format!("{way}: as many as it can")
}

/// The rows of one way to watch, and what this process took of the processors for a million deliveries
/// at the highest pace, in words.
async fn measured(plan: Plan, way: &str, watched: &dyn Watched) -> Result<(Vec<Row>, String), Failure> {
    let mut most: Vec<Measure> = Vec::new();
    let mut paced: [Vec<Paced>; OFFERED.len()] = Default::default();
    crowd::flow(watched, plan.time).await?;
    for _ in 0..plan.rounds {
        most.push(crowd::flow(watched, plan.time).await?);
        for ((per_second, _), paced) in OFFERED.iter().zip(&mut paced) {
            paced.push(crowd::paced(watched, *per_second, plan.time).await?);
        }
    }
    let row = |shape, unit, subject, target| Row { shape, unit, subjects: vec![subject], target };
    let flow = Subject { cpu_s: cpu_s(most.iter().map(|measure| measure.cpu_s)), ..subject(&most, figure) };
    let mut rows = vec![row(shape_of_most(way), Unit::PerSecond, flow, Some(DELIVERIES))];
    for ((per_second, target), paced) in OFFERED.iter().zip(&paced) {
        let offered = *per_second as usize * WATCHERS;
        let measures: Vec<Measure> = paced.iter().map(|paced| paced.measure).collect();
        let cpu_s = cpu_s(measures.iter().map(|measure| measure.cpu_s));
        let reached = Subject { cpu_s, ..subject(&measures, figure) };
        rows.push(row(format!("{way}: {offered}/s offered, reached"), Unit::PerSecond, reached, None));
        let late = subject(&measures, |measure| measure.latency.map_or(f64::INFINITY, |latency| latency.p99_us / 1e3));
        rows.push(row(format!("{way}: {offered}/s offered, 99th percentile"), Unit::Milliseconds, late, *target));
    }
    let ours = paced.last().and_then(|paced| cpu_s(paced.iter().map(|paced| paced.ours_cpu_s)));
    Ok((rows, ours.map_or("unknown".to_owned(), |ours| format!("{:.2}", ours.median()))))
}

fn figure(measure: &Measure) -> f64 {
    measure.figure
}

fn subject(measures: &[Measure], of: impl Fn(&Measure) -> f64) -> Subject {
    Subject::of("star", Series::of(measures.iter().map(of).collect()))
}

/// The series, where every round has a figure.
fn cpu_s(rounds: impl Iterator<Item = Option<f64>>) -> Option<Series> {
    rounds.collect::<Option<Vec<f64>>>().map(Series::of)
}
