//! Whether bytes that are there already are shared, or stored once more.
//!
//! What is always shared gets slow with age: each generation of a content takes a little from every
//! generation before, until it lies in thousands of places. So a run of known chunks is shared when it is
//! long, when it goes on where the last one ended, or while the content is in one piece on the whole.
//! Otherwise its frames are copied to where the content is written, as long as that stays within a
//! budget: what is saved by sharing is never given up for more than a few percent.
//!
//! Owns the rule alone. It is told of every run in the order of the content and answers for each; it
//! knows neither packs nor tables.

mod limits;

use std::collections::VecDeque;

use crate::rows::Ordinal;

/// Known chunks behind each other that lie behind each other in one pack.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Run {
    /// In which pack.
    pub pack: Ordinal,
    /// Their stored bytes.
    pub stored_len: u64,
    /// Whether they lie right behind what the content last shared.
    pub continues: bool,
}

/// What to do with a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// The content names the bytes where they lie.
    Share,
    /// The bytes are stored once more, beside what else the content stores.
    Copy,
}

/// What has been decided for one content so far.
#[derive(Debug)]
pub struct Sharing {
    /// Stored length and pack of the last extents.
    recent: VecDeque<(u64, Option<Ordinal>)>,
    recent_bytes: u64,
    /// Whether short runs are refused at present.
    scattered: bool,
    stored_bytes: u64,
    copied_bytes: u64,
    /// What is known of the length of the whole stored form beforehand.
    expected_bytes: u64,
    /// What the store can still afford.
    affordable_bytes: u64,
}

impl Sharing {
    /// A content that begins. `expected_bytes` is what its stored form will have, as far as anybody
    /// knows; `affordable_bytes` is what the whole store may still hold twice.
    pub fn begin(expected_bytes: u64, affordable_bytes: u64) -> Sharing {
        Sharing {
            recent: VecDeque::new(),
            recent_bytes: 0,
            scattered: false,
            stored_bytes: 0,
            copied_bytes: 0,
            expected_bytes,
            affordable_bytes,
        }
    }

    /// Decides about a run that is there already.
    pub fn decide(&mut self, run: Run) -> Verdict {
        if run.continues {
            self.prolong(run.stored_len);
            return Verdict::Share;
        }
        let refused = run.stored_len < limits::LONG_BYTES && (self.scattered || self.is_in_too_many_packs(run.pack));
        if refused && self.can_afford(run.stored_len) {
            self.copied_bytes += run.stored_len;
            self.wrote(run.stored_len);
            return Verdict::Copy;
        }
        self.add(run.stored_len, Some(run.pack));
        Verdict::Share
    }

    /// Notes bytes that were not there and are written.
    pub fn wrote(&mut self, stored_len: u64) {
        match self.recent.back() {
            Some((_, None)) => self.prolong(stored_len),
            _ => self.add(stored_len, None),
        }
    }

    /// Bytes that were there and are stored once more.
    pub fn copied_bytes(&self) -> u64 {
        self.copied_bytes
    }

    fn add(&mut self, stored_len: u64, pack: Option<Ordinal>) {
        self.recent.push_back((stored_len, pack));
        self.recent_bytes += stored_len;
        self.stored_bytes += stored_len;
        if self.recent.len() > limits::RECENT
            && let Some((forgotten, _)) = self.recent.pop_front()
        {
            self.recent_bytes -= forgotten;
        }
        self.look();
    }

    fn prolong(&mut self, stored_len: u64) {
        let Some((last, _)) = self.recent.back_mut() else { return self.add(stored_len, None) };
        *last += stored_len;
        self.recent_bytes += stored_len;
        self.stored_bytes += stored_len;
        self.look();
    }

    fn look(&mut self) {
        let mean = self.recent_bytes / self.recent.len() as u64;
        if mean >= limits::GOOD_BYTES {
            self.scattered = false;
        } else if mean < limits::POOR_BYTES && self.recent.len() >= limits::LEAST_EXTENTS {
            self.scattered = true;
        }
    }

    fn can_afford(&self, stored_len: u64) -> bool {
        let copied = self.copied_bytes + stored_len;
        let whole = self.expected_bytes.max(self.stored_bytes + stored_len);
        copied <= self.affordable_bytes && copied * 100 <= whole * limits::COPIED_PERCENT
    }

    fn is_in_too_many_packs(&self, pack: Ordinal) -> bool {
        let (mut bytes, mut packs) = (0, vec![pack]);
        for (stored_len, other) in self.recent.iter().rev() {
            if let Some(other) = other
                && !packs.contains(other)
            {
                packs.push(*other);
            }
            bytes += stored_len;
            if packs.len() > limits::PACKS || bytes > limits::PACKS_WINDOW_BYTES {
                break;
            }
        }
        packs.len() > limits::PACKS
    }
}

#[cfg(test)]
mod tests;
