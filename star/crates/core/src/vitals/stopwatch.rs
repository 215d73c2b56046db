//! How long something takes, counted so that halves and hundredths can be told.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use metrics::Histogram;

use super::Times;

/// Parts into which a doubling of the time is divided: a figure is right within an eighth.
const PARTS: u64 = 8;
const PART_BITS: u32 = PARTS.ilog2();
/// For every number of nanoseconds there is.
const BUCKETS: usize = (u64::BITS as usize) * PARTS as usize;

/// Counts how long something takes, for whoever asks the part itself, and for the metric of the same
/// name: a metric cannot be read back. Takes four kilobytes and never more.
#[derive(Debug)]
pub struct Stopwatch {
    name: &'static str,
    about: &'static str,
    histogram: Histogram,
    buckets: Box<[AtomicU64; BUCKETS]>,
}

impl Stopwatch {
    /// One that has measured nothing. `metric` is looked up once: the recorder has to be installed
    /// before.
    pub fn new(name: &'static str, about: &'static str, metric: Histogram) -> Stopwatch {
        Stopwatch { name, about, histogram: metric, buckets: Box::new([const { AtomicU64::new(0) }; BUCKETS]) }
    }

    /// Notes that it took so long.
    pub fn note(&self, took: Duration) {
        self.histogram.record(took);
        let nanoseconds = u64::try_from(took.as_nanos()).unwrap_or(u64::MAX);
        self.buckets[bucket(nanoseconds)].fetch_add(1, Ordering::Relaxed);
    }

    /// What was noted since the start.
    pub fn times(&self) -> Times {
        let counts: Vec<u64> = self.buckets.iter().map(|count| count.load(Ordering::Relaxed)).collect();
        let count: u64 = counts.iter().sum();
        let (median, p99) = (nth(&counts, count.div_ceil(2)), nth(&counts, count - count / 100));
        Times { name: self.name, about: self.about, count, median, p99 }
    }
}

/// The bucket of a number: below [`PARTS`] one for each, then [`PARTS`] for each doubling.
fn bucket(nanoseconds: u64) -> usize {
    if nanoseconds < PARTS {
        return nanoseconds as usize;
    }
    let doubling = nanoseconds.ilog2() - PART_BITS;
    // The bits behind the first one say which part of the doubling it is.
    let part = (nanoseconds >> doubling) - PARTS;
    ((u64::from(doubling) + 1) * PARTS + part) as usize
}

/// The greatest number of a bucket.
fn top(bucket: usize) -> u64 {
    let (doubling, part) = (bucket as u64 / PARTS, bucket as u64 % PARTS);
    match doubling.checked_sub(1) {
        None => part,
        // In this order, because the end of the last bucket is the greatest number there is.
        Some(doubling) => ((PARTS + part) << doubling) + ((1 << doubling) - 1),
    }
}

/// The time of the `nth` of all, counted from the shortest; nothing where there are none.
fn nth(counts: &[u64], nth: u64) -> Duration {
    let mut seen = 0;
    let found = counts.iter().position(|count| {
        seen += count;
        seen >= nth && nth > 0
    });
    found.map_or(Duration::ZERO, |bucket| Duration::from_nanos(top(bucket)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stopwatch() -> Stopwatch {
        Stopwatch::new("tests", "what tests do", Histogram::noop())
    }

    #[test]
    fn every_number_is_in_a_bucket_that_is_wide_an_eighth_at_most() {
        for power in 0..u64::BITS {
            for number in [1 << power, (1 << power) - 1, (1 << power) + 1, 3 << power.min(60), u64::MAX >> power] {
                let top = top(bucket(number));
                assert!(top >= number && top - number <= number / PARTS, "{number} was counted as {top}");
            }
        }
    }

    #[test]
    fn halves_and_hundredths_are_told() {
        let stopwatch = stopwatch();
        assert_eq!(stopwatch.times().p99, Duration::ZERO);
        for millisecond in 1..=1_000 {
            stopwatch.note(Duration::from_millis(millisecond));
        }
        let Times { count, median, p99, .. } = stopwatch.times();
        assert_eq!(count, 1_000);
        assert!((500..=563).contains(&median.as_millis()), "{median:?}");
        assert!((990..=1_114).contains(&p99.as_millis()), "{p99:?}");
    }

    #[test]
    fn one_that_took_long_among_few_is_told() {
        let stopwatch = stopwatch();
        stopwatch.note(Duration::from_micros(1));
        stopwatch.note(Duration::from_secs(1));
        assert!(stopwatch.times().p99 >= Duration::from_secs(1));
        assert!(stopwatch.times().median < Duration::from_millis(1));
    }

    #[test]
    fn the_longest_time_there_is_does_no_harm() {
        let stopwatch = stopwatch();
        stopwatch.note(Duration::MAX);
        assert_eq!(stopwatch.times().p99, Duration::from_nanos(u64::MAX));
    }
}
