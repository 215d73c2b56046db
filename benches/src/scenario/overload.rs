//! `overload`: four times as many messages as can be handled, which come whether or not those
//! before them were answered. What can be done must still be done, and the rest must hear at once
//! that it was refused.
//!
//! The peak is what some askers get answered who wait for each answer. Then a thread that waits
//! for nobody sends four times as many. A message counts from the moment when it was due, so that
//! a sender who was held up hides nothing.

use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use star_core::kind::Kind;
use star_testkit::MemoryMeta;
use star_wire::{Envelope, ErrorCode, Method, StarError};
use tokio::runtime::Handle;

use super::{Found, counted};
use crate::failure::Failure;
use crate::figures::Series;
use crate::meter::Meter;
use crate::options::Plan;
use crate::report::{Row, Subject, Target, Unit};
use crate::tree::{BenchTree, WORK, path, refused};

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

/// Who asks at the peak.
const ASKERS: usize = 64;

/// Resources that share the work.
const RESOURCES: [usize; 2] = [1, 64];

/// How often the sender looks whether messages are due.
const TICK: Duration = Duration::from_micros(500);

pub(super) async fn run(plan: Plan) -> Result<Found, Failure> {
    let mut rows = Vec::new();
    let mut notes = vec![
        "Every message takes the same work of the processor, and the sender runs on the same cores. \
                          The slowest refusal counts; one that was anything but `Busy` would make it endless."
            .to_owned(),
    ];
    for resources in RESOURCES {
        let working = Arc::new(Working::start(resources).await?);
        working.peak(plan.time).await?;
        let (mut peaks, mut good, mut slowest, mut sum) = (Vec::new(), Vec::new(), Vec::new(), Tally::default());
        for _ in 0..plan.rounds {
            let peak = working.peak(plan.time).await?;
            let time = plan.time * LONGER;
            // Until the last is done with: what only waits somewhere must not count as done.
            let meter = Meter::start();
            let tally = working.flood(peak * TIMES, time).await?;
            peaks.push(peak);
            good.push(meter.measure(tally.answered).figure);
            slowest.push(tally.slowest_refusal_ms());
            sum.add(&tally);
        }
        let shape = counted(resources, "resource");
        notes.push(format!(
            "{shape}: of {} messages {} were answered, {} refused as Busy, {} ended otherwise{}.",
            sum.answered + sum.busy + sum.other,
            sum.answered,
            sum.busy,
            sum.other,
            sum.another.as_ref().map(|error| format!(" (such as: {error})")).unwrap_or_default()
        ));
        let subjects = vec![Subject::of("star", Series::of(good)), Subject::of("peak", Series::of(peaks))];
        rows.push(Row { shape: format!("{shape}: answered"), unit: Unit::PerSecond, subjects, target: Some(GOODPUT) });
        rows.push(Row {
            shape: format!("{shape}: slowest refusal"),
            unit: Unit::Milliseconds,
            subjects: vec![Subject::of("star", Series::of(slowest))],
            target: Some(REFUSED),
        });
    }
    Ok((rows, notes))
}

/// What became of messages.
#[derive(Debug, Default)]
struct Tally {
    answered: u64,
    busy: u64,
    other: u64,
    another: Option<StarError>,
    slowest_refusal: Duration,
}

impl Tally {
    fn note(&mut self, outcome: Result<(), StarError>, took: Duration) {
        match outcome {
            Ok(()) => self.answered += 1,
            Err(error) => {
                match error.code() {
                    ErrorCode::Busy => self.busy += 1,
                    _ => {
                        self.other += 1;
                        self.another.get_or_insert(error);
                    }
                }
                self.slowest_refusal = self.slowest_refusal.max(took);
            }
        }
    }

    /// In milliseconds; endless if somebody heard anything but that we are busy.
    fn slowest_refusal_ms(&self) -> f64 {
        if self.other > 0 { f64::INFINITY } else { self.slowest_refusal.as_secs_f64() * 1e3 }
    }

    fn add(&mut self, other: &Tally) {
        self.answered += other.answered;
        self.busy += other.busy;
        self.other += other.other;
        self.another = self.another.take().or_else(|| other.another.clone());
        self.slowest_refusal = self.slowest_refusal.max(other.slowest_refusal);
    }
}

/// Resources that have work to do.
struct Working {
    bench: BenchTree,
    resources: usize,
    method: Method,
}

impl Working {
    async fn start(resources: usize) -> Result<Working, Failure> {
        let bench = BenchTree::on(MemoryMeta::new()).await?;
        bench.create(Kind::Space, path("bench")).await?;
        for resource in 0..resources {
            bench.create(Kind::Base, path(&format!("bench:r{resource}"))).await?;
        }
        let method = Method::parse(WORK).map_err(|error| Failure::wrong("the benchmark", error))?;
        Ok(Working { bench, resources, method })
    }

    /// Sends one message and waits for what becomes of it.
    async fn send(&self, number: usize) -> Result<(), StarError> {
        let to = path(&format!("bench:r{}", number % self.resources));
        let envelope = Envelope::new(to, self.method.clone());
        let permit = self.bench.tree.gate.admit(&self.bench.admin, envelope).await?;
        self.bench.tree.ask(permit).await.map(drop)
    }

    /// Answers per second where everybody waits for their answer.
    async fn peak(self: &Arc<Self>, time: Duration) -> Result<f64, Failure> {
        let meter = Meter::start();
        let askers: Vec<_> = (0..ASKERS)
            .map(|asker| {
                let working = Arc::clone(self);
                tokio::spawn(async move {
                    let mut answered = 0;
                    while meter.elapsed() < time {
                        working.send(asker).await.map_err(refused)?;
                        answered += 1;
                    }
                    Ok::<u64, Failure>(answered)
                })
            })
            .collect();
        let mut answered = 0;
        for asker in askers {
            answered += asker.await.map_err(|error| Failure::wrong("an asker", error))??;
        }
        Ok(meter.measure(answered).figure)
    }

    /// Sends so many in a second for a time, and waits until something became of all of them.
    async fn flood(self: &Arc<Self>, per_second: f64, time: Duration) -> Result<Tally, Failure> {
        let tally = Arc::new(Mutex::new(Tally::default()));
        let flood = Flood { working: Arc::clone(self), tally: Arc::clone(&tally), per_second, time };
        let runtime = Handle::current();
        // On a thread of its own, as what comes from outside waits for no task of ours.
        let sent = tokio::task::spawn_blocking(move || flood.send(&runtime)).await;
        let sent = sent.map_err(|error| Failure::wrong("the sender", error))?;
        for message in sent {
            message.await.map_err(|error| Failure::wrong("a message", error))?;
        }
        let mut tally = tally.lock().unwrap_or_else(PoisonError::into_inner);
        Ok(std::mem::take(&mut *tally))
    }
}

struct Flood {
    working: Arc<Working>,
    tally: Arc<Mutex<Tally>>,
    per_second: f64,
    time: Duration,
}

impl Flood {
    fn send(&self, runtime: &Handle) -> Vec<tokio::task::JoinHandle<()>> {
        let begun = Instant::now();
        let mut under_way = Vec::new();
        let mut sent = 0usize;
        while begun.elapsed() < self.time {
            while (sent as f64) < begun.elapsed().as_secs_f64() * self.per_second {
                let due = begun + Duration::from_secs_f64(sent as f64 / self.per_second);
                let (working, tally) = (Arc::clone(&self.working), Arc::clone(&self.tally));
                under_way.push(runtime.spawn(async move {
                    let outcome = working.send(sent).await;
                    tally.lock().unwrap_or_else(PoisonError::into_inner).note(outcome, due.elapsed());
                }));
                sent += 1;
            }
            thread::sleep(TICK);
        }
        under_way
    }
}
