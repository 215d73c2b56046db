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
    counts: Arc<Counts>,
}

/// How far it has come.
#[derive(Debug, Default)]
struct Counts {
    files: AtomicU64,
    /// Files of which it is known whether their bytes have to move; none where nobody looks.
    checked: AtomicU64,
    /// Those whose bytes were there.
    known: AtomicU64,
    done: AtomicU64,
    /// Bytes that came or went.
    moved_bytes: AtomicU64,
}

impl Transfer {
    /// Begins; a bar appears if somebody watches and it takes long enough.
    pub(crate) fn begin(output: &Output) -> Arc<Transfer> {
        let counts = Arc::<Counts>::default();
        let bar = output.shows_bars().then(|| bar(&counts));
        Arc::new(Transfer { bar, shown: AtomicBool::new(false), begun: Instant::now(), counts })
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

    fn say_files(&self) {
        if let Some(bar) = &self.bar {
            bar.set_message(self.counts.files_text());
        }
    }

    fn advance(&self, bytes: u64) {
        if let Some(bar) = &self.bar {
            bar.inc(bytes);
            self.show_when_due(bar);
        }
    }
}

impl Progress for Transfer {
    fn total(&self, files: u64, bytes: u64) {
        self.counts.files.store(files, Ordering::Relaxed);
        if let Some(bar) = &self.bar {
            bar.set_length(bytes);
        }
        self.say_files();
    }

    fn checked(&self) {
        self.counts.checked.fetch_add(1, Ordering::Relaxed);
        self.say_files();
    }

    fn known(&self, bytes: u64) {
        self.counts.known.fetch_add(1, Ordering::Relaxed);
        self.advance(bytes);
    }

    fn bytes(&self, count: u64) {
        self.counts.moved_bytes.fetch_add(count, Ordering::Relaxed);
        self.advance(count);
    }

    fn file_done(&self, _name: &str) {
        self.counts.done.fetch_add(1, Ordering::Relaxed);
        self.say_files();
    }
}

impl Drop for Transfer {
    /// An error or Ctrl-C must not leave half a bar behind.
    fn drop(&mut self) {
        self.end();
    }
}

impl Counts {
    fn files_text(&self) -> String {
        let read = |count: &AtomicU64| count.load(Ordering::Relaxed);
        let (files, done, known) = (read(&self.files), read(&self.done), read(&self.known));
        match read(&self.checked) {
            0 => format!("{done}/{files} files"),
            checked => format!("checked {checked}/{files}, known {known}, sent {}", done.saturating_sub(known)),
        }
    }

    /// Of what moved: what was there would make it look faster than the line is.
    fn bytes_per_second(&self, elapsed: Duration) -> u64 {
        let seconds = elapsed.as_secs_f64().max(f64::EPSILON);
        (self.moved_bytes.load(Ordering::Relaxed) as f64 / seconds) as u64
    }
}

fn bar(counts: &Arc<Counts>) -> ProgressBar {
    let counts = Arc::clone(counts);
    let style = ProgressStyle::with_template("{msg}  {bar:24}  {bytes}/{total_bytes}  {rate}  {eta} left")
        .expect("a constant template that a test reads")
        .with_key("rate", move |state: &ProgressState, out: &mut dyn std::fmt::Write| {
            // A formatter that fails leaves a gap in a line that is drawn again soon.
            write!(out, "{}/s", HumanBytes(counts.bytes_per_second(state.elapsed()))).ok();
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
        bar(&Arc::default()).inc(1);
    }

    #[test]
    fn files_are_counted_whether_or_not_somebody_watches() {
        let output = Output::new(Format::Human, Talk::Quiet, ColourChoice::Never, true);
        let transfer = Transfer::begin(&output);
        assert!(transfer.bar.is_none());
        transfer.total(2, 10);
        transfer.bytes(10);
        transfer.file_done("a");
        assert_eq!(transfer.counts.files_text(), "1/2 files");
    }

    #[test]
    fn what_is_there_already_is_told_apart_and_makes_nothing_faster() {
        let output = Output::new(Format::Human, Talk::Quiet, ColourChoice::Never, true);
        let transfer = Transfer::begin(&output);
        transfer.total(3, 3_000);
        transfer.checked();
        transfer.known(1_000);
        transfer.file_done("a");
        transfer.checked();
        transfer.bytes(1_000);
        transfer.file_done("b");
        assert_eq!(transfer.counts.files_text(), "checked 2/3, known 1, sent 1");
        assert_eq!(transfer.counts.bytes_per_second(Duration::from_secs(2)), 500);
    }
}
