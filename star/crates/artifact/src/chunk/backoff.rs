//! How much work the next frame is worth, by what the last ones saved.

use crate::chunk::encode::Level;
use crate::chunk::limits;

/// The memory of one stream.
#[derive(Debug, Default)]
pub struct Backoff {
    poor_in_a_row: u32,
    quick_left: u32,
}

impl Backoff {
    /// How much work the next frame gets.
    pub fn level(&mut self) -> Level {
        if self.quick_left == 0 {
            return Level::Full;
        }
        self.quick_left -= 1;
        Level::Quick
    }

    /// Learns from a frame that got this work.
    pub fn made(&mut self, level: Level, plain_bytes: usize, stored_bytes: usize) {
        if is_worth(plain_bytes, stored_bytes) {
            self.poor_in_a_row = 0;
        } else if level == Level::Full {
            self.poor_in_a_row += 1;
        }
        if self.poor_in_a_row == limits::POOR_FRAMES {
            *self = Backoff { poor_in_a_row: 0, quick_left: limits::QUICK_FRAMES };
        }
    }
}

/// Whether a frame saves enough to be worth the work of making it.
pub fn is_worth(plain_bytes: usize, stored_bytes: usize) -> bool {
    stored_bytes * 100 <= plain_bytes * (100 - limits::WORTH_PERCENT)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The levels of frames that save as much, in order.
    fn levels(stored: impl IntoIterator<Item = usize>) -> Vec<Level> {
        let mut backoff = Backoff::default();
        let frame = |stored| {
            let level = backoff.level();
            backoff.made(level, 100, stored);
            level
        };
        stored.into_iter().map(frame).collect()
    }

    #[test]
    fn four_poor_frames_in_a_row_make_thirty_two_quick_ones_and_then_a_trial() {
        let levels = levels([98; 4 + 32 + 4 + 32 + 1]);
        let (first, rest) = levels.split_at(4);
        assert_eq!(first, [Level::Full; 4]);
        assert_eq!(rest[..32], [Level::Quick; 32]);
        assert_eq!(rest[32..36], [Level::Full; 4]);
        assert_eq!(rest[36..68], [Level::Quick; 32]);
        assert_eq!(rest[68], Level::Full);
    }

    #[test]
    fn one_good_frame_among_poor_ones_keeps_the_work_up() {
        let stored = (0..100).map(|at| if at % 4 == 3 { 97 } else { 98 });
        assert!(levels(stored).iter().all(|level| *level == Level::Full));
    }

    #[test]
    fn three_per_cent_are_worth_it_and_less_is_not() {
        assert!(is_worth(1000, 970));
        assert!(!is_worth(1000, 971));
        assert!(!is_worth(0, 13));
    }
}
