//! Figures of several rounds, and what is said of them: median, least, most, ratios.

use std::time::Duration;

/// One figure per round, in the order of the rounds; never empty.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Series(Vec<f64>);

impl Series {
    /// The figures of at least one round.
    pub(crate) fn of(figures: Vec<f64>) -> Series {
        debug_assert!(!figures.is_empty(), "a plan has at least one round");
        Series(figures)
    }

    /// The figures.
    pub(crate) fn figures(&self) -> &[f64] {
        &self.0
    }

    /// The figure in the middle; between two, their mean.
    pub(crate) fn median(&self) -> f64 {
        let sorted = self.sorted();
        let half = sorted.len() / 2;
        if sorted.len() % 2 == 1 { sorted[half] } else { (sorted[half - 1] + sorted[half]) / 2.0 }
    }

    /// The least figure.
    pub(crate) fn min(&self) -> f64 {
        self.sorted()[0]
    }

    /// The greatest figure.
    pub(crate) fn max(&self) -> f64 {
        self.sorted()[self.0.len() - 1]
    }

    /// Round by round, how many times the figure of another this one is. Both of a round were
    /// measured one right after the other, so that what slows the machine slows both.
    pub(crate) fn over(&self, other: &Series) -> Series {
        Series(self.0.iter().zip(&other.0).map(|(ours, theirs)| ours / theirs).collect())
    }

    fn sorted(&self) -> Vec<f64> {
        let mut sorted = self.0.clone();
        sorted.sort_by(f64::total_cmp);
        sorted
    }
}

/// How long single operations of one measurement took, in microseconds.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Latency {
    /// Half of them took no longer.
    pub(crate) p50_us: f64,
    /// One in a hundred took longer.
    pub(crate) p99_us: f64,
}

impl Latency {
    /// Of operations that took this long; none when there were none.
    pub(crate) fn of(mut took: Vec<Duration>) -> Option<Latency> {
        took.sort_unstable();
        let last = took.len().checked_sub(1)?;
        let at = |per_mille: usize| took[last * per_mille / 1_000].as_secs_f64() * 1e6;
        Some(Latency { p50_us: at(500), p99_us: at(990) })
    }
}

/// What one contender did in one turn.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Measure {
    /// The figure that is compared.
    pub(crate) figure: f64,
    /// How long single operations took, where that was looked at.
    pub(crate) latency: Option<Latency>,
    /// Seconds of the processors that a million operations took, of the process that did them.
    pub(crate) cpu_s: Option<f64>,
}

impl From<f64> for Measure {
    fn from(figure: f64) -> Measure {
        Measure { figure, latency: None, cpu_s: None }
    }
}

impl Measure {
    /// The same with how long single operations took.
    #[must_use]
    pub(crate) fn with_latency(self, took: Vec<Duration>) -> Measure {
        Measure { latency: Latency::of(took), ..self }
    }
}

/// Operations per second.
pub(crate) fn per_second(operations: u64, of: Duration) -> f64 {
    operations as f64 / of.as_secs_f64()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_median_stands_in_the_middle_whatever_the_order() {
        assert_eq!(Series::of(vec![9.0, 1.0, 5.0]).median(), 5.0);
        assert_eq!(Series::of(vec![8.0, 2.0, 4.0, 100.0]).median(), 6.0);
        let one = Series::of(vec![7.0]);
        assert_eq!((one.min(), one.median(), one.max()), (7.0, 7.0, 7.0));
    }

    #[test]
    fn a_ratio_is_taken_within_a_round() {
        // The machine slowed down in the second round; the ratio does not notice.
        let ratio = Series::of(vec![80.0, 40.0]).over(&Series::of(vec![100.0, 50.0]));
        assert_eq!(ratio, Series::of(vec![0.8, 0.8]));
    }

    #[test]
    fn a_latency_is_that_of_single_operations() {
        let took = (1..=1_000).map(Duration::from_micros).collect();
        assert_eq!(Latency::of(took), Some(Latency { p50_us: 500.0, p99_us: 990.0 }));
        assert_eq!(Latency::of(Vec::new()), None);
    }
}
