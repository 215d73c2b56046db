//! Who may run: so many calls of one mechtron, so many instances on the whole Star. A call waits
//! for its turn before anything is made for it, and gets `Busy` when too many wait already.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};

use star_core::vitals::Queue;
use star_path::ResourcePath;
use star_wire::{ErrorCode, StarError};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::{Instant, timeout_at};

use crate::limits;
use crate::ticker::{Running, Ticker};

/// The places of the whole Star.
#[derive(Clone)]
pub(crate) struct Places {
    instances: Arc<Semaphore>,
    ticker: Arc<Ticker>,
    /// Calls of all mechtrons that wait for a place.
    waiting: Arc<AtomicUsize>,
    /// Calls that found no place to wait, or none in time, since the start.
    refused: Arc<AtomicU64>,
}

impl Places {
    /// As many as there are instances.
    pub(crate) fn new(ticker: Arc<Ticker>) -> Places {
        let instances = Arc::new(Semaphore::new(limits::INSTANCES as usize));
        Places { instances, ticker, waiting: Arc::default(), refused: Arc::default() }
    }
}

impl Places {
    /// What they say of themselves.
    pub(crate) fn queues(&self) -> [Queue; 2] {
        let running = (limits::INSTANCES as usize).saturating_sub(self.instances.available_permits());
        let running = Queue {
            name: "mechtron_calls",
            about: "calls of mechtrons that run",
            taken: running as u64,
            limit: Some(limits::INSTANCES.into()),
            refused: None,
        };
        let waiting = Queue {
            name: "mechtron_waiting",
            about: "calls of mechtrons that wait for their turn",
            taken: self.waiting.load(Ordering::Relaxed) as u64,
            limit: None,
            refused: Some(self.refused.load(Ordering::Relaxed)),
        };
        [running, waiting]
    }
}

/// The places of one mechtron.
pub(crate) struct Admission {
    places: Places,
    running: Arc<Semaphore>,
    waiting: AtomicUsize,
    waiting_max: usize,
}

/// A call that may run. Its place is free again when this goes.
pub(crate) struct Admitted {
    _mechtron: OwnedSemaphorePermit,
    _star: OwnedSemaphorePermit,
    _running: Running,
}

impl Admission {
    /// So many calls beside each other.
    pub(crate) fn new(places: Places, concurrent: u32) -> Admission {
        let concurrent = usize::try_from(concurrent).unwrap_or(usize::MAX).clamp(1, limits::INSTANCES as usize);
        Admission {
            places,
            running: Arc::new(Semaphore::new(concurrent)),
            waiting: AtomicUsize::new(0),
            waiting_max: concurrent.saturating_mul(limits::WAITING_PER_RUNNING),
        }
    }

    /// Waits for a place, at most until `deadline`.
    pub(crate) async fn admit(&self, mechtron: &ResourcePath, deadline: Instant) -> Result<Admitted, StarError> {
        let permits = match self.at_once() {
            Some(permits) => permits,
            None => match self.in_turn(deadline).await {
                Some(permits) => permits,
                None => {
                    self.places.refused.fetch_add(1, Ordering::Relaxed);
                    return Err(busy(mechtron));
                }
            },
        };
        let (of_mechtron, of_star) = permits;
        Ok(Admitted { _mechtron: of_mechtron, _star: of_star, _running: self.places.ticker.run() })
    }

    fn at_once(&self) -> Option<(OwnedSemaphorePermit, OwnedSemaphorePermit)> {
        let of_mechtron = Arc::clone(&self.running).try_acquire_owned().ok()?;
        let of_star = Arc::clone(&self.places.instances).try_acquire_owned().ok()?;
        Some((of_mechtron, of_star))
    }

    async fn in_turn(&self, deadline: Instant) -> Option<(OwnedSemaphorePermit, OwnedSemaphorePermit)> {
        let _waiting = Waiting::begin(&self.waiting, self.waiting_max)?;
        let _on_the_star = Waiting::begin(&self.places.waiting, usize::MAX)?;
        let both = async {
            let of_mechtron = Arc::clone(&self.running).acquire_owned().await.ok()?;
            let of_star = Arc::clone(&self.places.instances).acquire_owned().await.ok()?;
            Some((of_mechtron, of_star))
        };
        timeout_at(deadline, both).await.ok().flatten()
    }
}

/// One more who waits, for as long as this lives.
struct Waiting<'a>(&'a AtomicUsize);

impl<'a> Waiting<'a> {
    fn begin(count: &'a AtomicUsize, max: usize) -> Option<Waiting<'a>> {
        let waiting = Waiting(count);
        (count.fetch_add(1, Ordering::Relaxed) < max).then_some(waiting)
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

fn busy(mechtron: &ResourcePath) -> StarError {
    StarError::new(ErrorCode::Busy, "the mechtron has too many calls to answer")
        .at(mechtron)
        .hint("try again, or raise `limits.concurrent` in its bind")
        .retry_after(limits::BUSY_RETRY)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn admission(concurrent: u32) -> Admission {
        let (engine, _) = crate::engine::start().expect("an engine");
        Admission::new(Places::new(Ticker::start(&engine).expect("a thread")), concurrent)
    }

    fn path() -> ResourcePath {
        ResourcePath::parse("acme:app:main").expect("a path")
    }

    #[tokio::test]
    async fn who_finds_no_place_waits_and_gets_it_when_another_leaves() {
        let (admission, path) = (admission(1), path());
        let far = Instant::now() + Duration::from_secs(60);
        let first = admission.admit(&path, far).await.expect("the only place");
        let second = admission.admit(&path, far);
        tokio::pin!(second);
        assert!(futures::poll!(second.as_mut()).is_pending());
        drop(first);
        assert!(second.await.is_ok());
    }

    #[tokio::test]
    async fn who_waits_too_long_or_comes_when_too_many_wait_is_told_so() {
        let (admission, path) = (admission(1), path());
        let far = Instant::now() + Duration::from_secs(60);
        let _first = admission.admit(&path, far).await.expect("the only place");
        let error = admission.admit(&path, Instant::now()).await.err().expect("no place");
        assert_eq!(error.code(), ErrorCode::Busy);
        let mut waiting: Vec<_> =
            (0..limits::WAITING_PER_RUNNING).map(|_| Box::pin(admission.admit(&path, far))).collect();
        for one in &mut waiting {
            assert!(futures::poll!(one.as_mut()).is_pending());
        }
        let error = admission.admit(&path, far).await.err().expect("no place to wait");
        assert_eq!(error.code(), ErrorCode::Busy);
        assert!(error.retry_after_ms().is_some());
        let [running, waiting] = admission.places.queues();
        assert_eq!((running.taken, waiting.taken), (1, u64::from(limits::WAITING_PER_RUNNING as u32)));
        assert_eq!(waiting.refused, Some(2));
    }
}
