//! How far a transfer has come: a bar on a terminal, and the time for the summary.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use indicatif::{HumanBytes, ProgressBar, ProgressDrawTarget, ProgressState, ProgressStyle};
use star_client::Progress;

use crate::output::Output;

/// Transfers that end sooner need no bar: it would only flicker.
const BAR_AFTER: Duration = Duration::from_millis(500);

/// How often a bar is drawn in a second: smooth enough, and cheap over a slow line.
const DRAWN_PER_SECOND: u8 = 10;

/// A transfer that is under way.
pub(crate) struct Transfer {
    bar: Option<ProgressBar>,
    shown: AtomicBool,
    begun: Instant,
    files: AtomicU64,
    files_done: AtomicU64,
}

impl Transfer {
    /// Begins; a bar appears if somebody watches and it takes long enough.
    pub(crate) fn begin(output: &Output) -> Arc<Transfer> {
        let bar = output.shows_bars().then(bar);
        Arc::new(Transfer {
            bar,
            shown: AtomicBool::new(false),
            begun: Instant::now(),
            files: AtomicU64::new(0),
            files_done: AtomicU64::new(0),
        })
    }

    /// Takes the bar away.
    pub(crate) fn end(&self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }

    /// Since the beginning.
    pub(crate) fn elapsed(&self) -> Duration {
        self.begun.elapsed()
    }

    fn show_when_due(&self, bar: &ProgressBar) {
        let early = self.begun.elapsed() < BAR_AFTER;
        if early || self.shown.swap(true, Ordering::Relaxed) {
            return;
        }
        bar.set_draw_target(ProgressDrawTarget::stderr_with_hz(DRAWN_PER_SECOND));
    }
}

impl Progress for Transfer {
    fn total(&self, files: u64, bytes: u64) {
        self.files.store(files, Ordering::Relaxed);
        if let Some(bar) = &self.bar {
            bar.set_length(bytes);
            bar.set_message(files_text(0, files));
        }
    }

    fn bytes(&self, count: u64) {
        if let Some(bar) = &self.bar {
            bar.inc(count);
            self.show_when_due(bar);
        }
    }

    fn file_done(&self, _name: &str) {
        let done = self.files_done.fetch_add(1, Ordering::Relaxed) + 1;
        if let Some(bar) = &self.bar {
            bar.set_message(files_text(done, self.files.load(Ordering::Relaxed)));
        }
    }
}

impl Drop for Transfer {
    /// An error or Ctrl-C must not leave half a bar behind.
    fn drop(&mut self) {
        self.end();
    }
}

fn files_text(done: u64, files: u64) -> String {
    format!("{done}/{files} files")
}

fn bar() -> ProgressBar {
    let style = ProgressStyle::with_template("{msg}  {bar:24}  {bytes}/{total_bytes}  {rate}  {eta} left")
        .expect("a constant template that a test reads")
        .with_key("rate", |state: &ProgressState, out: &mut dyn std::fmt::Write| {
            // A formatter that fails leaves a gap in a line that is drawn again soon.
            write!(out, "{}/s", HumanBytes(state.per_sec() as u64)).ok();
        });
    ProgressBar::with_draw_target(None, ProgressDrawTarget::hidden()).with_style(style)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::output::paint::ColourChoice;
    use crate::output::{Format, Talk};

    #[test]
    fn the_template_of_the_bar_can_be_read() {
        bar().inc(1);
    }

    #[test]
    fn files_are_counted_whether_or_not_somebody_watches() {
        let output = Output::new(Format::Human, Talk::Quiet, ColourChoice::Never, true);
        let transfer = Transfer::begin(&output);
        assert!(transfer.bar.is_none());
        transfer.total(2, 10);
        transfer.bytes(10);
        transfer.file_done("a");
        assert_eq!(transfer.files_done.load(Ordering::Relaxed), 1);
        assert_eq!(files_text(1, 2), "1/2 files");
    }
}
