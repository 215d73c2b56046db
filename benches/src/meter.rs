//! What some work takes: time by the clock, and time of the processors of the process that does it.

use std::time::{Duration, Instant};

use rustix::time::{ClockId, clock_gettime};

use crate::figures::{Measure, per_second};
use crate::machine;

/// Runs from its start on.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Meter {
    begun: Instant,
    whose: Whose,
    processors: Option<Duration>,
}

/// The process whose time is looked at.
#[derive(Debug, Clone, Copy)]
enum Whose {
    Ours,
    /// Its time comes in ticks of a hundredth of a second.
    Of(u32),
}

impl Whose {
    /// What it has used of the processors, all threads together; none when it is gone.
    fn processors(self) -> Option<Duration> {
        match self {
            Whose::Ours => Some(processors()),
            Whose::Of(pid) => machine::processor_time(pid),
        }
    }
}

impl Meter {
    /// Begins to measure.
    pub(crate) fn start() -> Meter {
        Meter::on(Whose::Ours)
    }

    /// Begins to measure what another process does.
    pub(crate) fn of(pid: u32) -> Meter {
        Meter::on(Whose::Of(pid))
    }

    fn on(whose: Whose) -> Meter {
        Meter { begun: Instant::now(), whose, processors: whose.processors() }
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
    /// take of the processors. Load that is made in the same process takes its part.
    pub(crate) fn measure(&self, operations: u64) -> Measure {
        Measure { cpu_s: self.cpu_s(operations as f64), ..per_second(operations, self.elapsed()).into() }
    }

    /// Seconds of the processors that a million operations took, of which there were so many since
    /// then; none when the process is gone.
    pub(crate) fn cpu_s(&self, operations: f64) -> Option<f64> {
        let used = self.whose.processors()?.checked_sub(self.processors?)?;
        Some(used.as_secs_f64() / (operations / 1e6))
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
        while processors() - meter.processors.unwrap() < Duration::from_millis(5) {
            sum = std::hint::black_box(sum.wrapping_add(1));
        }
        let measure = meter.measure(1_000_000);
        assert!(measure.cpu_s.unwrap() >= 0.005, "{measure:?} {sum}");
        assert!(measure.figure > 0.0, "{measure:?}");
    }
}
