//! What some work takes: time by the clock, and time of the processors of this process.

use std::time::{Duration, Instant};

use rustix::time::{ClockId, clock_gettime};

use crate::figures::{Measure, per_second};

/// Runs from its start on.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Meter {
    begun: Instant,
    processors: Duration,
}

impl Meter {
    /// Begins to measure.
    pub(crate) fn start() -> Meter {
        Meter { begun: Instant::now(), processors: processors() }
    }

    /// When it began.
    pub(crate) fn begun(&self) -> Instant {
        self.begun
    }

    /// Time by the clock since then.
    pub(crate) fn elapsed(&self) -> Duration {
        self.begun.elapsed()
    }

    /// What so many operations since then make: how many per second, and what a million of them
    /// take of the processors. The load is made in this process too and takes its part.
    pub(crate) fn measure(&self, operations: u64) -> Measure {
        let cpu_s = (processors() - self.processors).as_secs_f64() / (operations as f64 / 1e6);
        Measure { cpu_s: Some(cpu_s), ..per_second(operations, self.elapsed()).into() }
    }
}

/// What this process has used of the processors, all threads together.
fn processors() -> Duration {
    let time = clock_gettime(ClockId::ProcessCPUTime);
    Duration::new(u64::try_from(time.tv_sec).unwrap_or(0), u32::try_from(time.tv_nsec).unwrap_or(0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn work_takes_time_of_the_processors_and_waiting_takes_none() {
        let meter = Meter::start();
        let mut sum = 0u64;
        while processors() - meter.processors < Duration::from_millis(5) {
            sum = std::hint::black_box(sum.wrapping_add(1));
        }
        let measure = meter.measure(1_000_000);
        assert!(measure.cpu_s.unwrap() >= 0.005, "{measure:?} {sum}");
        assert!(measure.figure > 0.0, "{measure:?}");
    }
}
