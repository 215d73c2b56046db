//! `overload`: four times as many messages as can be handled, which come whether or not those
//! before them were answered. What can be done must still be done, and the rest must hear at once
//! that it was refused; and whoever asks something of another Space must hardly notice.
//!
//! In process, through the same admission that an ingress takes, and over HTTP. [`flood`] makes the
//! load, [`inside`] and [`http`] are what is flooded.

mod flood;
mod http;
mod inside;

use std::sync::Arc;

use super::{Found, counted, scratch};
use crate::count::{Counted, Counter};
use crate::failure::Failure;
use crate::figures::Series;
use crate::meter::Meter;
use crate::options::Plan;
use crate::report::{Row, Subject, Target, Unit};
use crate::tree::RESOURCES;

use flood::{Tally, Working};

pub(super) const ABOUT: &str = "four times the messages that can be handled, against the peak without overload";

/// What is left of the peak.
const GOODPUT: Target = Target::Ratio(0.9);

/// Until whoever is refused has heard of it, in milliseconds, whoever waits longest.
const REFUSED: Target = Target::AtMost(50.0);

/// How many times the peak is offered.
const TIMES: f64 = 4.0;

/// How much longer an overload lasts than another measurement: ten seconds by default, in which
/// every queue is full.
const LONGER: u32 = 5;

/// The row of what a refusal costs.
const REFUSALS: &str = "in process: nothing but refusals";

pub(super) async fn run(plan: Plan) -> Result<Found, Failure> {
    let mut found = Flooded { plan, rows: Vec::new(), notes: Vec::new() };
    let inside = Arc::new(inside::Inside::start().await?);
    found.flood("in process", &inside, 1).await?;
    found.flood("in process", &inside, RESOURCES).await?;
    found.rows.push(refusals(plan, &inside).await?);
    let scratch = scratch()?;
    let http = Arc::new(http::Http::start(scratch.path()).await?);
    found.flood("HTTP", &http, 1).await?;
    found.flood("HTTP", &http, RESOURCES).await?;
    found.notes.push(
        "The load comes from the same cores. A refusal counts from the moment when its message was due, and the \
         slowest one counts; an outcome that is neither an answer nor `Busy` would make it endless. CPU seconds of \
         `answered` are those of a million messages, the refused ones included: over HTTP the server's alone."
            .to_owned(),
    );
    Ok((found.rows, found.notes))
}

/// Counts the allocations of a refusal.
pub(super) async fn count(counter: Counter) -> Result<Vec<Counted>, Failure> {
    let inside = inside::Inside::start().await?;
    let full = inside.fill().await?;
    let counted = counter.count(REFUSALS, "star", async |times| inside.refuse_times(times).await).await?;
    drop(full);
    Ok(vec![counted])
}

/// What a Star takes to say no, where it does nothing else.
async fn refusals(plan: Plan, inside: &inside::Inside) -> Result<Row, Failure> {
    const AT_ONCE: u64 = 1_000;
    let full = inside.fill().await?;
    let (mut figures, mut cpu_s) = (Vec::new(), Vec::new());
    for _ in 0..plan.rounds {
        let (meter, mut refused) = (Meter::start(), 0);
        while meter.elapsed() < plan.time {
            inside.refuse_times(AT_ONCE).await?;
            refused += AT_ONCE;
        }
        let measure = meter.measure(refused);
        figures.push(measure.figure);
        cpu_s.extend(measure.cpu_s);
    }
    drop(full);
    let subject = Subject { cpu_s: Some(Series::of(cpu_s)), ..Subject::of("star", Series::of(figures)) };
    Ok(Row { shape: REFUSALS.to_owned(), unit: Unit::PerSecond, subjects: vec![subject], target: None })
}

/// What floods came to.
struct Flooded {
    plan: Plan,
    rows: Vec<Row>,
    notes: Vec<String>,
}

impl Flooded {
    /// Floods something round by round, each time with a multiple of the peak right before.
    async fn flood<W: Working>(&mut self, way: &str, working: &Arc<W>, resources: usize) -> Result<(), Failure> {
        let shape = format!("{way}, {}", counted(resources, "resource"));
        flood::peak(working, resources, self.plan.time).await?;
        let (mut peaks, mut good, mut cpu_s, mut tallies) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
        for _ in 0..self.plan.rounds {
            let peak = flood::peak(working, resources, self.plan.time).await?;
            let meter = working.meter();
            let tally = flood::flood(working, resources, peak * TIMES, self.plan.time * LONGER).await?;
            // Until the last is done with: what only waits somewhere must not count as done.
            good.push(meter.measure(tally.answered).figure);
            cpu_s.extend(meter.cpu_s(tally.offered() as f64));
            peaks.push(peak);
            tallies.push(tally);
        }
        self.notes.push(format!("{shape}: {}.", Tally::sum(&tallies)));
        let star = Subject { cpu_s: Some(Series::of(cpu_s)), ..Subject::of("star", Series::of(good)) };
        self.rows.push(Row {
            shape: format!("{shape}: answered"),
            unit: Unit::PerSecond,
            subjects: vec![star, Subject::of("peak", Series::of(peaks))],
            target: Some(GOODPUT),
        });
        let mut late = |what: &str, of: fn(&Tally) -> f64, target| {
            self.rows.push(Row {
                shape: format!("{shape}: {what}"),
                unit: Unit::Milliseconds,
                subjects: vec![Subject::of("star", Series::of(tallies.iter().map(of).collect()))],
                target,
            });
        };
        late("slowest refusal", Tally::slowest_refusal_ms, Some(REFUSED));
        late("refusals, 99th percentile", Tally::refusal_p99_ms, None);
        late("another Space, 99th percentile", Tally::beside_p99_ms, None);
        Ok(())
    }
}
