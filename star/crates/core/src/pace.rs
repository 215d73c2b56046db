//! How long an actor keeps a thread, and when it gives way to others.
//!
//! The runtime lets tasks run in turns, and a turn lasts until its task waits. Actors whose messages
//! take long would stand in line with everybody else, and a thousand of them make everybody wait a
//! thousand times as long, those included who only have to hear that there is too much to do. So an
//! actor whose turns last long needs a place before it begins with a message, and there are as many
//! places as the machine has cores: the others stand in a line of their own. A place is given back when
//! the first turn ends, before anything is awaited, so nobody who has one waits for somebody who has
//! none.

use std::future::poll_fn;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Instant;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::task::coop;

use crate::limits;

/// As many places as turns can be taken beside each other.
pub(crate) fn places() -> Arc<Semaphore> {
    Arc::new(Semaphore::new(std::thread::available_parallelism().map_or(1, usize::from)))
}

/// The turns of one actor.
pub(crate) struct Pace {
    places: Arc<Semaphore>,
    /// Whether the last turn that was looked at lasted long.
    toils: bool,
    /// Turns since the clock was looked at.
    unseen: u32,
}

impl Pace {
    /// An actor that has not worked yet.
    pub(crate) fn among(places: &Arc<Semaphore>) -> Pace {
        Pace { places: Arc::clone(places), toils: false, unseen: 0 }
    }

    /// Does the work of one message, when it is its turn.
    pub(crate) async fn keep<W: Future>(&mut self, mut work: Pin<&mut W>) -> W::Output {
        let mut place = self.give_way().await;
        poll_fn(|cx| {
            let begun = self.looks().then(Instant::now);
            let polled = work.as_mut().poll(cx);
            if let Some(begun) = begun {
                self.toils = begun.elapsed() >= limits::ACTOR_TURN;
            }
            drop(place.take());
            polled
        })
        .await
    }

    /// Lets others have their turn, when it is time for that.
    async fn give_way(&self) -> Option<OwnedSemaphorePermit> {
        if !self.toils {
            // A mailbox that never gets empty must not keep its thread from all others.
            coop::consume_budget().await;
            return None;
        }
        // Places are never closed; without one, work goes on all the same.
        let place = Arc::clone(&self.places).acquire_owned().await.ok();
        // With its place it stands in line with all others.
        tokio::task::yield_now().await;
        place
    }

    /// Whether this turn is looked at. The clock takes a part of what a short message takes.
    fn looks(&mut self) -> bool {
        self.unseen += 1;
        let looks = self.toils || self.unseen >= limits::ACTOR_LOOK;
        if looks {
            self.unseen = 0;
        }
        looks
    }
}

#[cfg(test)]
mod tests {
    use std::pin::pin;
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::task::Poll;

    use super::*;

    fn toil() {
        let begun = Instant::now();
        while begun.elapsed() < limits::ACTOR_TURN {
            std::hint::spin_loop();
        }
    }

    /// Stands in line once, as whoever is woken by something does.
    async fn stand_in_line() {
        let mut stood = false;
        poll_fn(|cx| match std::mem::replace(&mut stood, true) {
            true => Poll::Ready(()),
            false => {
                cx.waker().wake_by_ref();
                Poll::Pending
            }
        })
        .await;
    }

    async fn toils(pace: &mut Pace, times: u32, taken: &AtomicUsize) {
        for _ in 0..times {
            let work = async {
                toil();
                taken.fetch_add(1, Ordering::Relaxed);
            };
            pace.keep(pin!(work)).await;
        }
    }

    #[tokio::test]
    async fn whoever_toils_is_found_out_and_whoever_ceases_to_is_forgiven() {
        let mut pace = Pace::among(&places());
        toils(&mut pace, limits::ACTOR_LOOK, &AtomicUsize::new(0)).await;
        assert!(pace.toils);
        while pace.toils {
            pace.keep(pin!(async {})).await;
        }
        assert_eq!(pace.unseen, 0);
    }

    #[tokio::test]
    async fn those_who_toil_take_their_turns_a_place_at_a_time_and_others_in_between() {
        const ACTORS: usize = 16;
        const TURNS: u32 = 20;
        let (places, taken) = (Arc::new(Semaphore::new(1)), Arc::new(AtomicUsize::new(0)));
        let toiling: Vec<_> = (0..ACTORS)
            .map(|_| {
                let (mut pace, taken) = (Pace::among(&places), Arc::clone(&taken));
                pace.toils = true;
                tokio::spawn(async move { toils(&mut pace, TURNS, &taken).await })
            })
            .collect();
        let (mut most, mut before) = (0, 0);
        while before < ACTORS * TURNS as usize {
            stand_in_line().await;
            let now = taken.load(Ordering::Relaxed);
            most = most.max(now - before);
            before = now;
        }
        for ended in futures::future::join_all(toiling).await {
            ended.unwrap();
        }
        assert!(most <= 4, "{most} turns of {ACTORS} between two of somebody else, with one place");
    }

    #[tokio::test]
    async fn whoever_waits_for_another_in_the_middle_holds_no_place() {
        let places = Arc::new(Semaphore::new(1));
        let (mut pace, mut other) = (Pace::among(&places), Pace::among(&places));
        (pace.toils, other.toils) = (true, true);
        let (answer, answered) = tokio::sync::oneshot::channel();
        let asks = async {
            toil();
            answered.await.unwrap()
        };
        let answers = async { answer.send(7).unwrap() };
        let (asks, answers) = (pin!(asks), pin!(answers));
        let (got, ()) = tokio::join!(pace.keep(asks), other.keep(answers));
        assert_eq!((got, places.available_permits()), (7, 1));
    }
}
