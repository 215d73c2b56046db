//! Places in the log, as clients keep them.

use std::fmt;
use std::str::FromStr;

use star_core::event::Happened;
use star_core::ports::meta::Position;
use star_wire::{ErrorCode, StarError};

/// A place behind a whole batch (`17`), or behind one event in the middle of a batch (`17.0`).
///
/// Opaque to clients, except that `0` stands before the first event.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Cursor {
    position: Position,
    index: Option<u16>,
}

impl Cursor {
    /// Behind an event. It follows from the log alone, so it is the same for every reader.
    pub(crate) fn after(happened: &Happened) -> Cursor {
        match happened.is_last {
            true => Cursor::behind(happened.position),
            false => Cursor::within(happened.position, happened.index),
        }
    }

    /// Behind all events of a batch.
    pub(crate) fn behind(position: Position) -> Cursor {
        Cursor { position, index: None }
    }

    /// Behind one event of a batch, with more of them to come.
    fn within(position: Position, index: u16) -> Cursor {
        Cursor { position, index: Some(index) }
    }

    /// The batch.
    pub(crate) fn position(self) -> Position {
        self.position
    }

    /// Behind which position to read so that nothing is missed.
    pub(crate) fn read_from(self) -> Position {
        match self.index {
            Some(_) => self.position.saturating_sub(1),
            None => self.position,
        }
    }

    /// Whether an event lies before this place.
    pub(crate) fn covers(self, position: Position, index: u16) -> bool {
        match self.index {
            Some(last) => position < self.position || (position == self.position && index <= last),
            None => position <= self.position,
        }
    }
}

impl fmt::Display for Cursor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.index {
            Some(index) => write!(f, "{}.{index}", self.position),
            None => write!(f, "{}", self.position),
        }
    }
}

impl FromStr for Cursor {
    type Err = StarError;

    fn from_str(text: &str) -> Result<Cursor, StarError> {
        let (position, index) = match text.split_once('.') {
            Some((position, index)) => (position, Some(index)),
            None => (text, None),
        };
        let digits = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
        let read = || {
            let position = Some(position).filter(|text| digits(text))?.parse().ok()?;
            let index = index.map(|index| Some(index).filter(|text| digits(text))?.parse().ok());
            match index {
                Some(None) => None,
                Some(index) => Some(Cursor { position, index }),
                None => Some(Cursor { position, index: None }),
            }
        };
        read().ok_or_else(|| {
            let shown: String = text.chars().take(32).collect();
            StarError::new(ErrorCode::InvalidArgument, format!("`{}` is no cursor", shown.escape_debug()))
                .hint("`0` is before the first event; every event carries the cursor to go on with")
        })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn every_cursor_reads_back_and_no_text_does_harm(position: u64, index: Option<u16>, text in ".{0,24}") {
            let cursor = Cursor { position, index };
            prop_assert_eq!(cursor.to_string().parse::<Cursor>().ok(), Some(cursor));
            if let Ok(read) = text.parse::<Cursor>() {
                prop_assert_eq!(read.to_string().parse::<Cursor>().ok(), Some(read));
            }
        }
    }

    #[test]
    fn a_cursor_reads_back_from_its_text() {
        for cursor in [Cursor::behind(0), Cursor::behind(17), Cursor::within(17, 0), Cursor::within(u64::MAX, 9)] {
            assert_eq!(cursor.to_string().parse::<Cursor>().ok(), Some(cursor), "{cursor}");
        }
        for bad in ["", "-1", "+1", "1.", ".1", "1.2.3", "x", "1.65536", "18446744073709551616", "1 "] {
            assert!(bad.parse::<Cursor>().is_err(), "{bad}");
        }
    }

    #[test]
    fn a_cursor_in_the_middle_of_a_batch_reads_that_batch_again_and_skips_what_was_seen() {
        let cursor = Cursor::within(17, 1);
        assert_eq!(cursor.read_from(), 16);
        assert!(cursor.covers(17, 1) && !cursor.covers(17, 2) && !cursor.covers(18, 0));
        let behind = Cursor::behind(17);
        assert_eq!(behind.read_from(), 17);
        assert!(behind.covers(17, 9) && !behind.covers(18, 0));
    }
}
