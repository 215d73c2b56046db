//! `log`: lines of a mechtron in the log of the Star, thinned when there are too many, cut when
//! they are too long, and made safe for terminals.

use std::sync::Mutex;
use std::time::{Duration, Instant};

use star_path::ResourcePath;

use super::bindings::starlane::mechtron::log::{Host, Level};
use crate::limits;
use crate::store::State;
use crate::text::tame;

impl Host for State {
    fn write(&mut self, level: Level, text: String) {
        self.log(level, &text);
    }
}

/// Lets so many lines through in each second. One per mechtron, shared by all its calls.
#[derive(Default)]
pub(crate) struct LogGate {
    window: Mutex<Window>,
}

#[derive(Default)]
struct Window {
    began: Option<Instant>,
    lines: u32,
}

/// What happens to a line.
#[derive(Debug, PartialEq, Eq)]
enum Verdict {
    /// It is written; before it, that so many were left out.
    Write { left_out: u32 },
    /// It is left out.
    LeaveOut,
}

impl LogGate {
    /// Writes a line, or counts it as left out.
    pub(crate) fn line(&self, mechtron: &ResourcePath, request_id: &str, level: Level, text: &str) {
        let Verdict::Write { left_out } = self.judge(Instant::now()) else { return };
        if left_out > 0 {
            tracing::warn!(path = %mechtron, request_id, left_out, "the mechtron logged too much: lines were left out");
        }
        let text = tame(text, limits::LOG_LINE_BYTES);
        match level {
            Level::Error => tracing::error!(target: "mechtron", path = %mechtron, request_id, "{text}"),
            Level::Warn => tracing::warn!(target: "mechtron", path = %mechtron, request_id, "{text}"),
            Level::Info => tracing::info!(target: "mechtron", path = %mechtron, request_id, "{text}"),
            Level::Debug => tracing::debug!(target: "mechtron", path = %mechtron, request_id, "{text}"),
        }
    }

    fn judge(&self, now: Instant) -> Verdict {
        let mut window = self.window.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        let over = window.began.is_none_or(|began| now.saturating_duration_since(began) >= Duration::from_secs(1));
        if over {
            let left_out = window.lines.saturating_sub(limits::LOG_LINES_PER_SECOND);
            *window = Window { began: Some(now), lines: 1 };
            return Verdict::Write { left_out };
        }
        window.lines = window.lines.saturating_add(1);
        match window.lines <= limits::LOG_LINES_PER_SECOND {
            true => Verdict::Write { left_out: 0 },
            false => Verdict::LeaveOut,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_flood_is_thinned_and_the_next_second_says_by_how_much() {
        let gate = LogGate::default();
        let start = Instant::now();
        let written = (0..1000).filter(|_| gate.judge(start) != Verdict::LeaveOut).count();
        assert_eq!(written, limits::LOG_LINES_PER_SECOND as usize);
        let later = start + Duration::from_secs(1);
        assert_eq!(gate.judge(later), Verdict::Write { left_out: 1000 - limits::LOG_LINES_PER_SECOND });
        assert_eq!(gate.judge(later), Verdict::Write { left_out: 0 });
    }
}
