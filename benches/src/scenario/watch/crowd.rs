//! What watchers have seen, and the two ways in which something happens for them: as fast as they
//! follow, and at a fixed pace.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use super::Watched;
use crate::failure::Failure;
use crate::figures::Measure;
use crate::limits;
use crate::meter::Meter;

/// Events that may be under way to the last watcher before the next one happens.
const AHEAD: u64 = 16;

/// What all watchers together have seen. Events carry the time since the crowd came together, so
/// that their lateness can be told.
#[derive(Debug)]
pub(super) struct Crowd {
    since: Instant,
    watchers: u64,
    seen: AtomicU64,
    /// One for each watcher that notes, so that they do not wait for each other.
    late: Vec<Mutex<Vec<Duration>>>,
}

impl Crowd {
    pub(super) fn of(watchers: usize) -> Crowd {
        let late = (0..watchers).map(|_| Mutex::default()).collect();
        Crowd { since: Instant::now(), watchers: watchers as u64, seen: AtomicU64::new(0), late }
    }

    /// A watcher saw something that happened so long after the crowd came together.
    pub(super) fn saw(&self, watcher: usize, happened: Duration) {
        let late = self.since.elapsed().saturating_sub(happened);
        self.late[watcher].lock().unwrap_or_else(PoisonError::into_inner).push(late);
        self.seen.fetch_add(1, Ordering::Release);
    }

    fn seen(&self) -> u64 {
        self.seen.load(Ordering::Acquire)
    }

    fn take_late(&self) -> Vec<Duration> {
        let all = self.late.iter();
        all.flat_map(|late| std::mem::take(&mut *late.lock().unwrap_or_else(PoisonError::into_inner))).collect()
    }

    /// Waits until so much was seen.
    async fn have_seen(&self, wanted: u64) -> Result<(), Failure> {
        let begun = Instant::now();
        while self.seen() < wanted {
            if begun.elapsed() > limits::START {
                let what = format!("event {wanted} of all watchers together ({} reached them)", self.seen());
                return Err(Failure::Late { what, within: limits::START, said: String::new() });
            }
            tokio::time::sleep(limits::LOOK).await;
        }
        Ok(())
    }
}

/// Lets things happen one after the other as fast as the crowd follows.
pub(super) async fn flow(watched: &dyn Watched, time: Duration) -> Result<Measure, Failure> {
    let crowd = watched.crowd();
    let (meter, before, mut happened) = (watched.meter(), crowd.seen(), 0u64);
    while meter.elapsed() < time {
        watched.happen(crowd.since.elapsed()).await?;
        happened += 1;
        crowd.have_seen(before + happened.saturating_sub(AHEAD) * crowd.watchers).await?;
    }
    crowd.have_seen(before + happened * crowd.watchers).await?;
    let measure = meter.measure(crowd.seen() - before);
    crowd.take_late();
    Ok(measure)
}

/// Lets one thing happen, and waits until everybody saw it.
pub(super) async fn one(watched: &dyn Watched) -> Result<(), Failure> {
    let crowd = watched.crowd();
    let before = crowd.seen();
    watched.happen(crowd.since.elapsed()).await?;
    crowd.have_seen(before + crowd.watchers).await
}

/// What a crowd saw of what happened at a fixed pace.
pub(super) struct Paced {
    /// With the processors that whoever told it took.
    pub(super) measure: Measure,
    /// Seconds of the processors that this process took for a million deliveries.
    pub(super) ours_cpu_s: Option<f64>,
}

/// Lets so many things happen in a second, whether or not the crowd follows. What is late counts
/// from the moment when a thing was due.
pub(super) async fn paced(watched: &dyn Watched, per_second: u32, time: Duration) -> Result<Paced, Failure> {
    let crowd = watched.crowd();
    crowd.take_late();
    let (meter, ours, before) = (watched.meter(), Meter::start(), crowd.seen());
    let happening = u32::try_from(time.as_secs()).unwrap_or(u32::MAX).saturating_mul(per_second);
    for number in 0..happening {
        let due = meter.begun() + Duration::from_secs(1) * number / per_second;
        tokio::time::sleep_until(due.into()).await;
        watched.happen(due - crowd.since).await?;
    }
    crowd.have_seen(before + u64::from(happening) * crowd.watchers).await?;
    let deliveries = crowd.seen() - before;
    let measure = meter.measure(deliveries).with_latency(crowd.take_late());
    Ok(Paced { measure, ours_cpu_s: ours.cpu_s(deliveries as f64) })
}
