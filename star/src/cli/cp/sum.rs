//! What was copied, and how it is told at the end.

use std::time::Duration;

use crate::cli::error::CliError;
use crate::output::{Output, measure};

/// One file that is where it should be now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Copied {
    pub(super) bytes: u64,
    pub(super) how: How,
}

/// What it took.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum How {
    /// Its bytes came over the network.
    Moved,
    /// They did not have to: they were there.
    Known,
}

impl Copied {
    pub(super) fn moved(bytes: u64) -> Copied {
        Copied { bytes, how: How::Moved }
    }

    pub(super) fn known(bytes: u64) -> Copied {
        Copied { bytes, how: How::Known }
    }
}

/// All that was copied.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Sum {
    pub(super) files: u64,
    pub(super) bytes: u64,
    pub(super) known_files: u64,
    pub(super) known_bytes: u64,
    pub(super) failed: u64,
}

impl Sum {
    pub(super) fn add(&mut self, copied: Copied) {
        self.files += 1;
        self.bytes += copied.bytes;
        if copied.how == How::Known {
            self.known_files += 1;
            self.known_bytes += copied.bytes;
        }
    }

    /// Tells it, on standard output where that is free for it. Not all is an error.
    pub(super) fn tell(&self, output: &Output, took: Duration, to_output: bool) -> Result<(), CliError> {
        if to_output && !output.is_human() {
            output.value(&self.json(took))?;
        } else {
            output.note(&self.line(took));
        }
        match self.failed {
            0 => Ok(()),
            failed => Err(CliError::Partial { failed, total: self.files + failed, what: "files" }),
        }
    }

    fn line(&self, took: Duration) -> String {
        let files = measure::count(self.files, "file", "files");
        let line = format!("copied {files}, {} in {}", measure::bytes(self.bytes), measure::span(took));
        match self.known_files {
            0 => line,
            known => format!("{line}; the bytes of {known} of them, {}, were there", measure::bytes(self.known_bytes)),
        }
    }

    fn json(&self, took: Duration) -> serde_json::Value {
        serde_json::json!({
            "files": self.files, "bytes": self.bytes,
            "known": self.known_files, "knownBytes": self.known_bytes,
            "sent": self.files - self.known_files, "sentBytes": self.bytes - self.known_bytes,
            "dedupRatio": self.dedup_ratio(), "failed": self.failed, "seconds": took.as_secs_f64(),
        })
    }

    /// The part of the bytes that did not have to move, from 0 to 1.
    fn dedup_ratio(&self) -> f64 {
        if self.bytes == 0 { 0.0 } else { self.known_bytes as f64 / self.bytes as f64 }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_there_is_told_apart_from_what_was_sent() {
        let mut sum = Sum::default();
        assert_eq!(sum.line(Duration::from_millis(7)), "copied 0 files, 0 B in 7 ms");
        assert_eq!(sum.json(Duration::ZERO)["dedupRatio"], 0.0);
        sum.add(Copied::moved(1024));
        sum.add(Copied::known(3072));
        let line = "copied 2 files, 4.0 KiB in 2.0 s; the bytes of 1 of them, 3.0 KiB, were there";
        assert_eq!(sum.line(Duration::from_secs(2)), line);
        let json = sum.json(Duration::from_secs(2));
        let told =
            ["files", "bytes", "known", "knownBytes", "sent", "sentBytes", "failed"].map(|key| json[key].clone());
        assert_eq!(told, [2, 4096, 1, 3072, 1, 1024, 0]);
        assert_eq!((json["dedupRatio"].clone(), json["seconds"].clone()), (0.75.into(), 2.0.into()));
    }
}
