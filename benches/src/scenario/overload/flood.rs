//! The load: askers who wait for each answer, a sender who waits for nobody, and somebody beside
//! them who asks something of another Space now and then.
//!
//! A message of the sender counts from the moment when it was due, so that being held up hides
//! nothing.

use std::fmt;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use async_trait::async_trait;
use tokio::runtime::Handle;

use crate::failure::Failure;
use crate::figures::Latency;
use crate::limits;
use crate::meter::Meter;

/// Who asks at the peak.
const ASKERS: usize = 64;

/// How often the sender looks whether messages are due.
const TICK: Duration = Duration::from_micros(500);

/// How often somebody asks something of another Space.
const BESIDE_EVERY: Duration = Duration::from_millis(10);

/// What became of a message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Outcome {
    Answered,
    Busy,
    /// Anything else, in words.
    Other(String),
}

/// Resources of one Space that have work to do, and one of another Space.
#[async_trait]
pub(super) trait Working: Send + Sync + 'static {
    /// Lets one of the first Space work, and waits for what becomes of that.
    async fn work(&self, resource: usize) -> Outcome;

    /// Asks the one of the other Space something small.
    async fn ask_beside(&self) -> Outcome;

    /// Begins to measure whoever works.
    fn meter(&self) -> Meter;
}

/// What became of the messages of a flood.
#[derive(Debug, Default)]
pub(super) struct Tally {
    pub(super) answered: u64,
    refused: Vec<Duration>,
    other: u64,
    another: Option<String>,
    beside: Vec<Duration>,
}

impl Tally {
    fn note(&mut self, outcome: Outcome, took: Duration) {
        match outcome {
            Outcome::Answered => self.answered += 1,
            Outcome::Busy => self.refused.push(took),
            Outcome::Other(what) => self.note_other(what),
        }
    }

    fn note_beside(&mut self, outcome: Outcome, took: Duration) {
        match outcome {
            Outcome::Answered => self.beside.push(took),
            // It has a share of its own, which is never full.
            Outcome::Busy => self.note_other("another Space was refused".to_owned()),
            Outcome::Other(what) => self.note_other(what),
        }
    }

    fn note_other(&mut self, what: String) {
        self.other += 1;
        self.another.get_or_insert(what);
    }

    /// Messages of the flood.
    pub(super) fn offered(&self) -> u64 {
        self.answered + self.refused.len() as u64 + self.other
    }

    /// In milliseconds; endless if somebody heard anything but that we are busy, or nobody was refused:
    /// then it was no flood.
    pub(super) fn slowest_refusal_ms(&self) -> f64 {
        let slowest = self.refused.iter().max().filter(|_| self.other == 0);
        slowest.map_or(f64::INFINITY, |slowest| slowest.as_secs_f64() * 1e3)
    }

    /// Of those who were refused, in milliseconds.
    pub(super) fn refusal_p99_ms(&self) -> f64 {
        p99_ms(&self.refused)
    }

    /// Of those who asked something of another Space, in milliseconds.
    pub(super) fn beside_p99_ms(&self) -> f64 {
        p99_ms(&self.beside)
    }

    /// All of them together, for a note.
    pub(super) fn sum(tallies: &[Tally]) -> Sum<'_> {
        Sum(tallies)
    }
}

fn p99_ms(took: &[Duration]) -> f64 {
    Latency::of(took.to_vec()).map_or(f64::INFINITY, |latency| latency.p99_us / 1e3)
}

/// Tallies in words.
pub(super) struct Sum<'t>(&'t [Tally]);

impl fmt::Display for Sum<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let sum = |of: fn(&Tally) -> u64| self.0.iter().map(of).sum::<u64>();
        let refused = sum(|tally| tally.refused.len() as u64);
        let (offered, answered, other) = (sum(Tally::offered), sum(|tally| tally.answered), sum(|tally| tally.other));
        write!(
            f,
            "of {offered} messages {answered} were answered, {refused} refused as Busy, {other} ended otherwise"
        )?;
        match self.0.iter().find_map(|tally| tally.another.as_ref()) {
            Some(another) => write!(f, " (such as: {another})"),
            None => Ok(()),
        }
    }
}

/// Answers per second where everybody waits for their answer.
pub(super) async fn peak<W: Working>(working: &Arc<W>, resources: usize, time: Duration) -> Result<f64, Failure> {
    let meter = Meter::start();
    let askers: Vec<_> = (0..ASKERS)
        .map(|asker| {
            let working = Arc::clone(working);
            tokio::spawn(async move {
                let mut answered = 0;
                while meter.elapsed() < time {
                    match working.work(asker % resources).await {
                        Outcome::Answered => answered += 1,
                        refused => return Err(Failure::wrong("what works", format!("{refused:?}"))),
                    }
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

/// Sends so many in a second for a time, and waits until something became of all of them; those of
/// which nothing became within [`limits::START`] count as ended otherwise.
pub(super) async fn flood<W: Working>(
    working: &Arc<W>,
    resources: usize,
    per_second: f64,
    time: Duration,
) -> Result<Tally, Failure> {
    let shared = Arc::new(Shared::default());
    let flood = Flood { working: Arc::clone(working), shared: Arc::clone(&shared), resources, per_second, time };
    let beside = tokio::spawn(beside(Arc::clone(working), Arc::clone(&shared), time));
    let runtime = Handle::current();
    // On a thread of its own, as what comes from outside waits for no task of ours.
    let sent = tokio::task::spawn_blocking(move || flood.send(&runtime)).await;
    sent.map_err(|error| Failure::wrong("the sender", error))?;
    beside.await.map_err(|error| Failure::wrong("who asks beside", error))?;
    let begun = Instant::now();
    while shared.under_way.load(Ordering::Acquire) > 0 && begun.elapsed() < limits::START {
        tokio::time::sleep(limits::LOOK).await;
    }
    let mut tally = std::mem::take(&mut *shared.tally());
    for _ in 0..shared.under_way.load(Ordering::Acquire) {
        tally.note_other("nothing, for a minute".to_owned());
    }
    Ok(tally)
}

/// What all messages of a flood share.
#[derive(Debug, Default)]
struct Shared {
    tally: Mutex<Tally>,
    under_way: AtomicUsize,
}

impl Shared {
    fn tally(&self) -> MutexGuard<'_, Tally> {
        self.tally.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

struct Flood<W> {
    working: Arc<W>,
    shared: Arc<Shared>,
    resources: usize,
    per_second: f64,
    time: Duration,
}

impl<W: Working> Flood<W> {
    fn send(&self, runtime: &Handle) {
        let begun = Instant::now();
        let mut sent = 0usize;
        while begun.elapsed() < self.time {
            while (sent as f64) < begun.elapsed().as_secs_f64() * self.per_second {
                let due = begun + Duration::from_secs_f64(sent as f64 / self.per_second);
                self.spawn(runtime, sent % self.resources, due);
                sent += 1;
            }
            thread::sleep(TICK);
        }
    }

    fn spawn(&self, runtime: &Handle, resource: usize, due: Instant) {
        let (working, shared) = (Arc::clone(&self.working), Arc::clone(&self.shared));
        shared.under_way.fetch_add(1, Ordering::Relaxed);
        runtime.spawn(async move {
            let outcome = working.work(resource).await;
            shared.tally().note(outcome, due.elapsed());
            shared.under_way.fetch_sub(1, Ordering::Release);
        });
    }
}

/// Asks something of another Space every now and then, whether or not that was answered.
async fn beside<W: Working>(working: Arc<W>, shared: Arc<Shared>, time: Duration) {
    let begun = Instant::now();
    let mut due = begun;
    while due.duration_since(begun) < time {
        tokio::time::sleep_until(due.into()).await;
        let (working, shared) = (Arc::clone(&working), Arc::clone(&shared));
        shared.under_way.fetch_add(1, Ordering::Relaxed);
        tokio::spawn(async move {
            let outcome = working.ask_beside().await;
            shared.tally().note_beside(outcome, due.elapsed());
            shared.under_way.fetch_sub(1, Ordering::Release);
        });
        due += BESIDE_EVERY;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Answers one in four, and refuses the others.
    #[derive(Default)]
    struct Fake(AtomicUsize);

    #[async_trait]
    impl Working for Fake {
        async fn work(&self, _: usize) -> Outcome {
            match self.0.fetch_add(1, Ordering::Relaxed) % 4 {
                0 => Outcome::Answered,
                _ => Outcome::Busy,
            }
        }

        async fn ask_beside(&self) -> Outcome {
            Outcome::Answered
        }

        fn meter(&self) -> Meter {
            Meter::start()
        }
    }

    #[tokio::test]
    async fn every_message_of_a_flood_is_counted_once() {
        let tally = flood(&Arc::new(Fake::default()), 1, 4_000.0, Duration::from_millis(100)).await.unwrap();
        let (answered, refused) = (tally.answered, tally.refused.len() as u64);
        // The sender may be held up, and then sends for longer.
        assert!((5..=4_000).contains(&tally.offered()), "{tally:?}");
        assert!(answered.abs_diff(refused / 3) <= 1, "{answered} {refused}");
        assert_eq!((tally.beside.len(), tally.other), (10, 0));
    }

    #[test]
    fn an_outcome_that_is_no_refusal_makes_the_slowest_endless() {
        let mut tally = Tally::default();
        assert_eq!(tally.slowest_refusal_ms(), f64::INFINITY);
        tally.note(Outcome::Busy, Duration::from_millis(3));
        tally.note(Outcome::Busy, Duration::from_millis(2));
        assert_eq!((tally.slowest_refusal_ms(), tally.offered()), (3.0, 2));
        tally.note_beside(Outcome::Busy, Duration::ZERO);
        assert_eq!(tally.slowest_refusal_ms(), f64::INFINITY);
        let text = Tally::sum(&[tally]).to_string();
        assert!(text.ends_with("2 refused as Busy, 1 ended otherwise (such as: another Space was refused)"), "{text}");
    }
}
