//! How long an actor keeps a thread, and where those work who keep one long.
//!
//! The runtime lets tasks run in turns, and a turn lasts until its task waits. Actors whose messages
//! take long would stand in line with everybody else, and a thousand of them make everybody wait a
//! thousand times as long, those included who only have to hear that there is too much to do. So an
//! actor whose messages have long turns goes on in the [workshop](in_workshop), until they are short
//! again. The workshop has threads of its own, as many as the machine has cores: there its actors
//! stand in line with each other, and between them and everybody else it is the kernel who shares the
//! cores. It can interrupt a turn, which no runtime can.

use std::future::poll_fn;
use std::panic::resume_unwind;
use std::pin::Pin;
use std::sync::OnceLock;
use std::time::Instant;

use tokio::runtime::{Builder, Handle, Runtime, RuntimeFlavor};
use tokio::task::{JoinError, JoinHandle, coop};

use crate::limits;

/// The turns of one actor, where it works at present.
pub(crate) struct Pace {
    place: Place,
    /// Messages since the clock was looked at.
    unseen: u32,
    /// Messages in a row that belonged elsewhere.
    elsewhere: u32,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Place {
    /// With everybody else.
    Commons,
    Workshop,
    /// With everybody else, where there is no other place to go to.
    Only,
}

impl Pace {
    /// An actor among everybody else.
    pub(crate) fn in_commons() -> Pace {
        // A runtime of one thread is that of a test, which may hold the clock still.
        let threads = Handle::current().runtime_flavor() == RuntimeFlavor::MultiThread;
        Pace::at(if threads { Place::Commons } else { Place::Only })
    }

    /// An actor in the workshop.
    pub(crate) fn in_workshop() -> Pace {
        Pace::at(Place::Workshop)
    }

    fn at(place: Place) -> Pace {
        Pace { place, unseen: 0, elsewhere: 0 }
    }

    /// Does the work of one message.
    pub(crate) async fn keep<W: Future>(&mut self, mut work: Pin<&mut W>) -> W::Output {
        // A mailbox that never gets empty must not keep its thread from all others.
        coop::consume_budget().await;
        if !self.looks() {
            return work.await;
        }
        let mut has_long_turn = false;
        let done = poll_fn(|cx| {
            let begun = Instant::now();
            let polled = work.as_mut().poll(cx);
            has_long_turn |= begun.elapsed() >= limits::ACTOR_TURN;
            polled
        })
        .await;
        self.saw(has_long_turn);
        done
    }

    /// Whether the actor should go on in the other place.
    pub(crate) fn belongs_elsewhere(&self) -> bool {
        match self.place {
            Place::Commons => self.elsewhere >= limits::ACTOR_LONG_MESSAGES,
            Place::Workshop => self.elsewhere >= limits::ACTOR_SHORT_MESSAGES,
            Place::Only => false,
        }
    }

    /// Whether the turns of this message are looked at. The clock takes a part of what a short
    /// message takes.
    fn looks(&mut self) -> bool {
        self.unseen += 1;
        let suspects = self.place == Place::Workshop || self.elsewhere > 0;
        let looks = suspects || self.unseen >= limits::ACTOR_LOOK;
        if looks {
            self.unseen = 0;
        }
        looks
    }

    fn saw(&mut self, has_long_turn: bool) {
        let elsewhere = has_long_turn != (self.place == Place::Workshop);
        self.elsewhere = if elsewhere { self.elsewhere + 1 } else { 0 };
    }
}

/// Does something in the workshop. Dropping the future ends the work as well.
pub(crate) async fn in_workshop<W>(work: W) -> W::Output
where
    W: Future<Output: Send> + Send + 'static,
{
    let Some(workshop) = workshop() else { return work.await };
    Working(workshop.spawn(work)).await
}

/// The threads of the workshop: one for all Stars of this process, because the cores are the same.
/// None where they could not be made, which only costs what the workshop is good for.
fn workshop() -> Option<&'static Runtime> {
    static WORKSHOP: OnceLock<Option<Runtime>> = OnceLock::new();
    let made = WORKSHOP.get_or_init(|| {
        let made = Builder::new_multi_thread().thread_name("star-workshop").enable_all().build();
        made.inspect_err(|error| tracing::warn!(%error, "no threads for actors that work long")).ok()
    });
    made.as_ref()
}

/// Work that ends when nobody waits for it any more.
struct Working<T>(JoinHandle<T>);

impl<T> Future for Working<T> {
    type Output = T;

    fn poll(mut self: Pin<&mut Self>, cx: &mut std::task::Context<'_>) -> std::task::Poll<T> {
        let worked = std::task::ready!(Pin::new(&mut self.0).poll(cx));
        std::task::Poll::Ready(worked.unwrap_or_else(|error| resume_unwind(cause(error))))
    }
}

impl<T> Drop for Working<T> {
    fn drop(&mut self) {
        self.0.abort();
    }
}

/// What the work panicked with: it is ended early by nobody who still waits.
fn cause(error: JoinError) -> Box<dyn std::any::Any + Send> {
    error.try_into_panic().unwrap_or_else(|ended| Box::new(ended.to_string()))
}

#[cfg(test)]
mod tests {
    use std::pin::pin;
    use std::sync::Arc;
    use std::sync::atomic::{AtomicBool, Ordering};
    use std::thread;
    use std::time::Duration;

    use super::*;

    async fn messages(pace: &mut Pace, times: u32, length: Duration) {
        for _ in 0..times {
            pace.keep(pin!(async {
                let begun = Instant::now();
                while begun.elapsed() < length {
                    std::hint::spin_loop();
                }
                // What computes lets others have their turn.
                tokio::task::yield_now().await;
            }))
            .await;
        }
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 1)]
    async fn whoever_works_long_belongs_in_the_workshop_and_whoever_ceases_to_comes_back() {
        let mut pace = Pace::in_commons();
        messages(&mut pace, limits::ACTOR_LOOK, limits::ACTOR_TURN).await;
        assert!(!pace.belongs_elsewhere(), "one may be long by chance");
        messages(&mut pace, limits::ACTOR_LONG_MESSAGES, limits::ACTOR_TURN).await;
        assert!(pace.belongs_elsewhere());
        let mut pace = Pace::in_workshop();
        messages(&mut pace, limits::ACTOR_SHORT_MESSAGES, limits::ACTOR_TURN).await;
        assert!(!pace.belongs_elsewhere());
        while !pace.belongs_elsewhere() {
            messages(&mut pace, 1, Duration::ZERO).await;
        }
    }

    #[tokio::test]
    async fn where_there_is_one_thread_nobody_goes_anywhere() {
        let mut pace = Pace::in_commons();
        messages(&mut pace, limits::ACTOR_LOOK * 4, limits::ACTOR_TURN).await;
        assert!(!pace.belongs_elsewhere());
    }

    #[tokio::test]
    async fn what_keeps_every_thread_of_the_workshop_keeps_none_of_ours() {
        let done = Arc::new(AtomicBool::new(false));
        let working: Vec<_> = (0..thread::available_parallelism().unwrap().get() * 4)
            .map(|_| {
                let done = Arc::clone(&done);
                tokio::spawn(in_workshop(async move {
                    while !done.load(Ordering::Acquire) {
                        thread::yield_now();
                    }
                }))
            })
            .collect();
        tokio::task::yield_now().await;
        done.store(true, Ordering::Release);
        for ended in futures::future::join_all(working).await {
            ended.unwrap();
        }
    }

    #[tokio::test]
    async fn what_nobody_waits_for_ends() {
        let held = Arc::new(());
        let kept = Arc::clone(&held);
        let work = tokio::spawn(in_workshop(async move {
            std::future::pending::<()>().await;
            drop(kept);
        }));
        tokio::task::yield_now().await;
        work.abort();
        assert!(work.await.unwrap_err().is_cancelled());
        let begun = Instant::now();
        while Arc::strong_count(&held) > 1 {
            assert!(begun.elapsed() < Duration::from_secs(10), "still at work");
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    }

    #[tokio::test]
    async fn a_panic_comes_back_to_whoever_waits() {
        let panicked = tokio::spawn(in_workshop(async { panic!("no more") })).await.unwrap_err();
        assert_eq!(panicked.into_panic().downcast_ref(), Some(&"no more"));
    }
}
