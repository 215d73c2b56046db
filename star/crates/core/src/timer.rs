//! One timer for the deadlines of all asks.
//!
//! A timer of its own would cost each ask about half a microsecond, more than the rest of the
//! way. Here an ask that has to wait writes its waker into the slot of its deadline, and takes it
//! out again when it is answered; one task wakes what is left in a slot when its time has come.

use std::future::Future;
use std::pin::Pin;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};
use std::task::{Context, Poll, Waker};
use std::time::Instant;

use star_wire::Deadline;

use crate::limits;

/// Slots of the wheel: at a grain of 10 ms they cover 10 s, and later deadlines go round again.
const SLOTS: usize = 1024;

/// Lanes of a slot. Asks that begin together end together, so without them all threads would
/// write to the same slot at the same time.
const LANES: usize = 8;

/// The deadline passed first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the deadline passed")]
pub(crate) struct Late;

/// The wheel of deadlines.
#[derive(Debug)]
pub(crate) struct Deadlines {
    begun: Instant,
    /// Ticks below this one are over. A clock that costs nothing to look at.
    turned: AtomicU64,
    /// [`LANES`] for each slot.
    slots: Vec<Mutex<Slot>>,
}

/// The lane of the thread that asks.
fn lane() -> usize {
    static THREADS: AtomicUsize = AtomicUsize::new(0);
    std::thread_local! {
        static LANE: usize = THREADS.fetch_add(1, Ordering::Relaxed) % LANES;
    }
    LANE.with(|lane| *lane)
}

#[derive(Debug, Default)]
struct Slot {
    wakers: Vec<Option<Waker>>,
    free: Vec<usize>,
}

impl Deadlines {
    /// A wheel, turned by a task that ends when the wheel is dropped.
    pub(crate) fn start() -> Arc<Deadlines> {
        let wheel = Arc::new(Deadlines {
            begun: Instant::now(),
            turned: AtomicU64::new(0),
            slots: (0..SLOTS * LANES).map(|_| Mutex::default()).collect(),
        });
        let turned = Arc::downgrade(&wheel);
        tokio::spawn(async move {
            let mut ticks = tokio::time::interval(limits::DEADLINE_GRAIN);
            ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Skip);
            let mut next = 0;
            loop {
                ticks.tick().await;
                let Some(wheel) = turned.upgrade() else { return };
                let now = wheel.tick_of(Instant::now());
                // After a long pause every slot is due once, not once for every tick missed.
                next = next.max(now.saturating_sub(SLOTS as u64));
                while next <= now {
                    // Before the slot is locked: whoever locks it later sees that it is over.
                    wheel.turned.store(next + 1, Ordering::Release);
                    wheel.wake(next);
                    next += 1;
                }
            }
        });
        wheel
    }

    /// Waits for a future until the deadline.
    pub(crate) fn wait<F: Future>(&self, deadline: Deadline, future: F) -> Waiting<'_, F> {
        Waiting { wheel: self, deadline, place: None, future }
    }

    /// Whether a deadline has passed. The machine is asked for the time only where the last turn of
    /// the wheel leaves it open, because asking costs as much as the rest of the look.
    pub(crate) fn has_passed(&self, deadline: Deadline) -> bool {
        let tick = self.tick_of(deadline.instant());
        let turned = self.turned.load(Ordering::Acquire);
        let is_far = tick > turned + 1;
        !is_far && deadline.has_passed()
    }

    /// Seconds since the wheel began, as of its last turn.
    pub(crate) fn uptime_s(&self) -> u64 {
        let grain_ms = limits::DEADLINE_GRAIN.as_millis() as u64;
        self.turned.load(Ordering::Relaxed) * grain_ms / 1000
    }

    fn tick_of(&self, moment: Instant) -> u64 {
        // In 64 bits, which last for 584 years: a division of 128 bits costs as much as a clock.
        let since = moment.saturating_duration_since(self.begun).as_nanos() as u64;
        since / limits::DEADLINE_GRAIN.as_nanos() as u64
    }

    fn is_over(&self, tick: u64) -> bool {
        tick < self.turned.load(Ordering::Acquire)
    }

    fn slot(&self, place: Place) -> MutexGuard<'_, Slot> {
        let slot = &self.slots[(place.tick % SLOTS as u64) as usize * LANES + place.lane];
        slot.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }

    fn wake(&self, tick: u64) {
        for lane in 0..LANES {
            let wakers: Vec<Waker> = self.slot(Place { tick, lane }).wakers.iter().flatten().cloned().collect();
            for waker in wakers {
                waker.wake();
            }
        }
    }
}

/// Where a waker lies.
#[derive(Debug, Clone, Copy)]
struct Place {
    tick: u64,
    lane: usize,
}

impl Slot {
    fn put(&mut self, waker: &Waker) -> usize {
        match self.free.pop() {
            Some(index) => {
                self.wakers[index] = Some(waker.clone());
                index
            }
            None => {
                self.wakers.push(Some(waker.clone()));
                self.wakers.len() - 1
            }
        }
    }

    fn take(&mut self, index: usize) {
        self.wakers[index] = None;
        self.free.push(index);
    }
}

/// A future with a deadline; made by [`Deadlines::wait`].
pub(crate) struct Waiting<'w, F> {
    wheel: &'w Deadlines,
    deadline: Deadline,
    place: Option<(Place, usize)>,
    future: F,
}

impl<F: Future + Unpin> Future for Waiting<'_, F> {
    type Output = Result<F::Output, Late>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let this = &mut *self;
        if let Poll::Ready(output) = Pin::new(&mut this.future).poll(context) {
            return Poll::Ready(Ok(output));
        }
        match this.place {
            Some((place, index)) => {
                // Looked at under the lock: a waker put in behind the turn of the wheel would
                // sleep for a whole round.
                let mut slot = this.wheel.slot(place);
                if this.wheel.is_over(place.tick) {
                    return Poll::Ready(Err(Late));
                }
                // The same task polls again: its waker is nearly always the same, so look before
                // writing.
                match &mut slot.wakers[index] {
                    Some(waker) => waker.clone_from(context.waker()),
                    empty => *empty = Some(context.waker().clone()),
                }
            }
            None => {
                // One tick later than the deadline, so that it has passed when the slot is due.
                let tick = this.wheel.tick_of(this.deadline.instant()) + 1;
                let place = Place { tick, lane: lane() };
                let mut slot = this.wheel.slot(place);
                if this.wheel.is_over(tick) {
                    return Poll::Ready(Err(Late));
                }
                this.place = Some((place, slot.put(context.waker())));
            }
        }
        Poll::Pending
    }
}

impl<F> Drop for Waiting<'_, F> {
    fn drop(&mut self) {
        if let Some((tick, index)) = self.place {
            self.wheel.slot(tick).take(index);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[tokio::test]
    async fn a_future_that_never_comes_is_late_soon_after_its_deadline() {
        let wheel = Deadlines::start();
        let before = Instant::now();
        let waited =
            wheel.wait(Deadline::within(Duration::from_millis(30)), Box::pin(std::future::pending::<()>())).await;
        assert_eq!(waited, Err(Late));
        assert!(before.elapsed() >= Duration::from_millis(30));
        assert!(before.elapsed() < Duration::from_secs(5));
    }

    #[tokio::test]
    async fn a_future_that_comes_in_time_leaves_nothing_behind() {
        let wheel = Deadlines::start();
        let slow = Box::pin(tokio::time::sleep(Duration::from_millis(5)));
        assert_eq!(wheel.wait(Deadline::within(Duration::from_secs(60)), slow).await, Ok(()));
        let left: usize = wheel.slots.iter().map(|slot| slot.lock().unwrap().wakers.iter().flatten().count()).sum();
        assert_eq!(left, 0);
    }
}
