//! JSON lines out of a stream of bytes.
//!
//! Owns the cutting at line ends and the bound on a line; what a line says is the caller's.

use bytes::{Buf as _, Bytes, BytesMut};

/// A line that is too long to be one.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("a line has more than {max} bytes")]
pub(crate) struct LineTooLong {
    max: usize,
}

/// Cuts a stream of bytes, however it was split on its way, into lines.
#[derive(Debug)]
pub(crate) struct Lines {
    buffer: BytesMut,
    searched: usize,
    max_bytes: usize,
}

impl Lines {
    /// A splitter that refuses lines above `max_bytes`.
    pub(crate) fn new(max_bytes: usize) -> Lines {
        Lines { buffer: BytesMut::new(), searched: 0, max_bytes }
    }

    /// Takes what came next.
    pub(crate) fn feed(&mut self, bytes: &[u8]) {
        self.buffer.extend_from_slice(bytes);
    }

    /// The next whole line without its end, or `None` until more bytes came. Blank lines keep a
    /// connection alive and are passed over.
    pub(crate) fn next_line(&mut self) -> Result<Option<Bytes>, LineTooLong> {
        while let Some(line) = self.next_line_or_blank()? {
            if !line.trim_ascii().is_empty() {
                return Ok(Some(line));
            }
        }
        Ok(None)
    }

    /// The same where blank lines mean something.
    pub(crate) fn next_line_or_blank(&mut self) -> Result<Option<Bytes>, LineTooLong> {
        let too_long = LineTooLong { max: self.max_bytes };
        let Some(end) = self.line_end() else {
            return if self.buffer.len() > self.max_bytes { Err(too_long) } else { Ok(None) };
        };
        let line = self.buffer.split_to(end).freeze();
        self.buffer.advance(1);
        self.searched = 0;
        if line.len() > self.max_bytes { Err(too_long) } else { Ok(Some(line)) }
    }

    /// Whether bytes of an unfinished line are left.
    pub(crate) fn is_mid_line(&self) -> bool {
        !self.buffer.trim_ascii().is_empty()
    }

    /// Looks at each byte once, however small the pieces are in which a long line comes.
    fn line_end(&mut self) -> Option<usize> {
        let found = self.buffer[self.searched..].iter().position(|&byte| byte == b'\n');
        let end = found.map(|offset| self.searched + offset);
        self.searched = end.unwrap_or(self.buffer.len());
        end
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn drain(lines: &mut Lines) -> Vec<Bytes> {
        std::iter::from_fn(|| lines.next_line().unwrap()).collect()
    }

    #[test]
    fn blank_lines_are_passed_over() {
        let mut lines = Lines::new(100);
        lines.feed(b"\n{\"a\":1}\r\n \n\n{\"b\":2}\n\n");
        assert_eq!(drain(&mut lines), ["{\"a\":1}\r", "{\"b\":2}"]);
        assert!(!lines.is_mid_line());
    }

    #[test]
    fn a_line_without_an_end_is_noticed() {
        let mut lines = Lines::new(100);
        lines.feed(b"whole\nhal");
        assert_eq!(drain(&mut lines), ["whole"]);
        assert!(lines.is_mid_line());
    }

    #[test]
    fn a_line_that_never_ends_is_refused() {
        let mut lines = Lines::new(8);
        lines.feed(b"123456789");
        assert_eq!(lines.next_line(), Err(LineTooLong { max: 8 }));
    }

    #[test]
    fn a_long_line_is_refused_even_with_its_end() {
        let mut lines = Lines::new(8);
        lines.feed(b"123456789\n");
        assert_eq!(lines.next_line(), Err(LineTooLong { max: 8 }));
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(128))]

        #[test]
        fn the_cuts_on_the_way_do_not_matter(
            expected in proptest::collection::vec("[a-z]{1,20}", 0..8),
            cut in 1usize..9,
        ) {
            let wire: String = expected.iter().map(|line| format!("{line}\n")).collect();
            let mut lines = Lines::new(64);
            let mut seen = Vec::new();
            for piece in wire.as_bytes().chunks(cut) {
                lines.feed(piece);
                seen.extend(drain(&mut lines));
            }
            prop_assert_eq!(seen, expected);
        }
    }
}
