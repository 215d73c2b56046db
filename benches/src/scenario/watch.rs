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
use crate::options::Plan;
use crate::report::{Row, Subject, Target, Unit};
use crate::star::Star;

use crowd::Crowd;

pub(super) const ABOUT: &str = "1,000 watchers of the log: events that reach them, and how late";

/// How many watch.
const WATCHERS: usize = 1_000;

/// Events that reach a watcher, in a second, all watchers together.
const DELIVERIES: Target = Target::AtLeast(100_000.0);

/// What is offered where lateness is looked at: as many deliveries as the target wants.
const OFFERED: u32 = 100;

/// How late an event may be, in milliseconds, for 99 of 100.
const LATE: Target = Target::AtMost(100.0);

/// What a watcher may hold that does not read, in bytes.
const STALLED: Target = Target::AtMost(1024.0 * 1024.0);

/// Something that is watched, and a way to let something happen to it.
#[async_trait]
trait Watched: Send + Sync {
    /// Lets one thing happen; watchers can tell from it when that was.
    async fn happen(&self, since: Duration) -> Result<(), Failure>;

    /// Watchers that are told of it.
    fn crowd(&self) -> &Crowd;
}

pub(super) async fn run(plan: Plan) -> Result<Found, Failure> {
    let scratch = scratch()?;
    let mut rows = Vec::new();
    let inside = inside::Inside::start(&scratch.path().join("store"), WATCHERS).await?;
    rows.extend(measured(plan, "in process", &inside).await?);
    inside.close().await;

    let (star, _) = Star::start(&folder(&scratch, "star")?).await?;
    let http = http::Http::start(star, WATCHERS).await?;
    rows.extend(measured(plan, "HTTP", &http).await?);
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
        "Watchers over HTTP read `/events?follow=true` in this process, on the same cores. CPU seconds and allocations \
         are those of a million deliveries."
            .to_owned(),
        format!("Memory is looked at after {} MiB of events that {} watchers left unread.", stalled::MIB, stalled::WATCHERS),
    ];
    Ok((rows, notes))
}

/// Counts the allocations of a delivery.
pub(super) async fn count(counter: Counter) -> Result<Vec<Counted>, Failure> {
    let scratch = scratch()?;
    let inside = inside::Inside::start(&scratch.path().join("store"), WATCHERS).await?;
    let deliver = async |times: u64| {
        for _ in 0..times.div_ceil(WATCHERS as u64) {
            crowd::one(&inside).await?;
        }
        Ok(())
    };
    Ok(vec![counter.count(&shape_of_most("in process"), "star", deliver).await?])
}

fn shape_of_most(way: &str) -> String {
    format!("{way}: as many as it can")
}

async fn measured(plan: Plan, way: &str, watched: &dyn Watched) -> Result<Vec<Row>, Failure> {
    let mut most: Vec<Measure> = Vec::new();
    let (mut reached, mut late_ms) = (Vec::new(), Vec::new());
    crowd::flow(watched, plan.time).await?;
    for _ in 0..plan.rounds {
        most.push(crowd::flow(watched, plan.time).await?);
        let paced = crowd::paced(watched, OFFERED, plan.time).await?;
        reached.push(paced.figure);
        late_ms.push(paced.latency.map_or(f64::INFINITY, |latency| latency.p99_us / 1e3));
    }
    let cpu_s: Option<Vec<f64>> = most.iter().map(|measure| measure.cpu_s).collect();
    let flow = Subject {
        cpu_s: cpu_s.filter(|_| way == "in process").map(Series::of),
        ..Subject::of("star", Series::of(most.iter().map(|measure| measure.figure).collect()))
    };
    let row = |shape, unit, subject, target| Row { shape, unit, subjects: vec![subject], target };
    let offered = OFFERED as usize * WATCHERS;
    Ok(vec![
        row(shape_of_most(way), Unit::PerSecond, flow, Some(DELIVERIES)),
        row(
            format!("{way}: {offered}/s offered, reached"),
            Unit::PerSecond,
            Subject::of("star", Series::of(reached)),
            None,
        ),
        row(
            format!("{way}: {offered}/s offered, 99th percentile"),
            Unit::Milliseconds,
            Subject::of("star", Series::of(late_ms)),
            Some(LATE),
        ),
    ])
}
