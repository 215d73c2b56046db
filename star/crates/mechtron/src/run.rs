//! Running guest code within its time: so much of the processor, so much of the clock.

use std::pin::{Pin, pin};
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use star_core::ports::mechtron::MechtronLimits;
use tokio::time::timeout_at;

use crate::failure::Ended;

/// When a call must end, and what it means when it does.
#[derive(Clone, Copy)]
pub(crate) struct Until {
    /// The moment.
    pub(crate) deadline: tokio::time::Instant,
    /// Whether it is the caller's and not the bind's.
    of_caller: bool,
    exec: Duration,
}

impl Until {
    /// The sooner of the caller's deadline and the one of the bind.
    pub(crate) fn new(caller: tokio::time::Instant, limits: &MechtronLimits) -> Until {
        let own = tokio::time::Instant::now() + limits.respond;
        Until { deadline: own.min(caller), of_caller: caller < own, exec: limits.exec }
    }

    /// What it means that the moment has come.
    pub(crate) fn over(&self) -> Ended {
        if self.of_caller { Ended::OutOfPatience } else { Ended::OutOfRespond }
    }

    /// Runs guest code until it is done, or its time is up. Dropping it ends the call too.
    pub(crate) async fn run<T>(self, guest: impl Future<Output = Result<T, Ended>>) -> Result<T, Ended> {
        let metered = Metered { guest: pin!(guest), spent: Duration::ZERO, budget: self.exec };
        // The timer is registered only when the guest has to wait: most calls never do.
        timeout_at(self.deadline, metered).await.unwrap_or_else(|_| Err(self.over()))
    }
}

/// Counts the time that a guest spends on the processor: that between the begin and the end of
/// each poll. Code that runs without waiting is interrupted by the engine's clock and lands here.
struct Metered<F> {
    guest: F,
    spent: Duration,
    budget: Duration,
}

impl<T, F: Future<Output = Result<T, Ended>> + Unpin> Future for Metered<F> {
    type Output = Result<T, Ended>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let began = Instant::now();
        let polled = Pin::new(&mut self.guest).poll(context);
        self.spent += began.elapsed();
        match polled {
            Poll::Pending if self.spent > self.budget => Poll::Ready(Err(Ended::OutOfExec)),
            other => other,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn limits(respond_ms: u64, exec_ms: u64) -> MechtronLimits {
        MechtronLimits {
            respond: Duration::from_millis(respond_ms),
            exec: Duration::from_millis(exec_ms),
            memory_bytes: 0,
            concurrent: 1,
            reply_bytes: 0,
        }
    }

    fn in_an_hour() -> tokio::time::Instant {
        tokio::time::Instant::now() + Duration::from_secs(3600)
    }

    #[tokio::test(start_paused = true)]
    async fn waiting_costs_the_clock_and_not_the_processor() {
        let until = Until::new(in_an_hour(), &limits(1000, 10));
        let waits = async {
            tokio::time::sleep(Duration::from_millis(900)).await;
            Ok(7)
        };
        assert_eq!(until.run(waits).await.ok(), Some(7));
        let until = Until::new(in_an_hour(), &limits(1000, 10));
        assert!(matches!(until.run(std::future::pending::<Result<(), Ended>>()).await, Err(Ended::OutOfRespond)));
    }

    #[tokio::test]
    async fn working_costs_the_processor() {
        let until = Until::new(in_an_hour(), &limits(60_000, 20));
        let works = async {
            loop {
                std::thread::sleep(Duration::from_millis(5));
                tokio::task::yield_now().await;
            }
        };
        let ended: Result<(), Ended> = until.run(works).await;
        assert!(matches!(ended, Err(Ended::OutOfExec)));
    }

    #[tokio::test(start_paused = true)]
    async fn the_deadline_of_the_caller_is_told_from_that_of_the_bind() {
        let soon = tokio::time::Instant::now() + Duration::from_millis(5);
        let until = Until::new(soon, &limits(1000, 10));
        assert!(matches!(until.run(std::future::pending::<Result<(), Ended>>()).await, Err(Ended::OutOfPatience)));
    }
}
