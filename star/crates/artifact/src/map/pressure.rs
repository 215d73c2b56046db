//! Whether memory is short, by what the kernel says of those who waited for it.
//!
//! A page that was brought into a map may be taken away again before the socket takes it; when
//! memory is short that happens often, and the event loop would wait for the disk. Looked at by
//! threads that may wait, never by the event loop, which reads the last answer.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Instant;

use super::limits;

/// The last that is known of the pressure on memory.
#[derive(Debug)]
pub(crate) struct Pressure {
    source: PathBuf,
    began: Instant,
    looked_ms: AtomicU64,
    high: AtomicBool,
}

impl Pressure {
    /// The pressure in the group of processes that this one is in, or on the machine.
    pub(crate) fn of_this_process() -> Pressure {
        let groups = fs::read_to_string("/proc/self/cgroup").unwrap_or_default();
        let of_group = groups.lines().find_map(|line| line.strip_prefix("0::/")).map(|group| {
            let folder = Path::new("/sys/fs/cgroup").join(group);
            folder.join("memory.pressure")
        });
        let source = of_group.filter(|path| path.exists());
        Pressure::told_by(source.unwrap_or_else(|| PathBuf::from("/proc/pressure/memory")))
    }

    /// The pressure that such a file of the kernel tells of.
    pub(crate) fn told_by(source: PathBuf) -> Pressure {
        let (began, looked_ms, high) = (Instant::now(), AtomicU64::new(0), AtomicBool::new(false));
        let pressure = Pressure { source, began, looked_ms, high };
        pressure.look();
        pressure
    }

    /// Whether memory was short when last looked at.
    pub(crate) fn is_high(&self) -> bool {
        self.high.load(Ordering::Relaxed)
    }

    /// Looks again if what is known is old. Reads a small file of the kernel.
    pub(crate) fn look_again(&self) {
        let now_ms = u64::try_from(self.began.elapsed().as_millis()).unwrap_or(u64::MAX);
        let looked_ms = self.looked_ms.load(Ordering::Relaxed);
        let is_old = now_ms.saturating_sub(looked_ms) >= limits::PRESSURE_MS;
        if is_old && self.looked_ms.compare_exchange(looked_ms, now_ms, Ordering::Relaxed, Ordering::Relaxed).is_ok() {
            self.look();
        }
    }

    /// A kernel that does not tell is taken for one without pressure.
    fn look(&self) {
        let told = fs::read_to_string(&self.source).ok();
        let percent = told.as_deref().and_then(some_waited_percent).unwrap_or(0.0);
        self.high.store(percent >= limits::PRESSURE_PERCENT, Ordering::Relaxed);
    }
}

/// The share of the last ten seconds in which somebody waited for memory.
fn some_waited_percent(text: &str) -> Option<f64> {
    let some = text.lines().find_map(|line| line.strip_prefix("some "))?;
    some.split_ascii_whitespace().find_map(|field| field.strip_prefix("avg10=")?.parse().ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_pressure_is_high_when_somebody_waited_a_tenth_of_the_time() {
        let dir = tempfile::tempdir().unwrap();
        let source = dir.path().join("memory.pressure");
        let full = "full avg10=99.00 avg60=0.00 avg300=0.00 total=1\n";
        for (avg10, high) in [("0.00", false), ("9.99", false), ("10.00", true), ("100.00", true), ("x", false)] {
            fs::write(&source, format!("{full}some avg10={avg10} avg60=50.00 avg300=50.00 total=1\n")).unwrap();
            assert_eq!(Pressure::told_by(source.clone()).is_high(), high, "{avg10}");
        }
        assert!(!Pressure::told_by(dir.path().join("missing")).is_high());
    }
}
