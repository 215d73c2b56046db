//! What is to be sent: pieces of packs in the order of the content, and ranges of them.

use std::sync::Arc;

use star_core::ports::content::{ByteRange, ContentError};
use star_path::Digest;

use super::pack_file::PackFile;

/// Bytes of one pack that stand next to each other.
#[derive(Debug, Clone)]
pub struct Piece {
    /// The pack.
    pub pack: Arc<PackFile>,
    /// Where the bytes start in it.
    pub offset: u64,
    /// How many they are.
    pub len: u64,
}

/// The bytes of a content, or of a range of it, as pieces of packs.
#[derive(Debug, Clone)]
pub struct Extents {
    content: Digest,
    pieces: Vec<Piece>,
    len: u64,
}

impl Extents {
    /// The content that these pieces make up, in their order.
    ///
    /// # Errors
    /// `Corrupt`, if a piece leaves its sealed pack.
    pub fn new(content: Digest, pieces: Vec<Piece>) -> Result<Extents, ContentError> {
        let mut extents = Extents { content, pieces, len: 0 };
        for piece in &extents.pieces {
            let end = piece.offset.checked_add(piece.len);
            let longest = piece.pack.sealed_len().unwrap_or(i64::MAX as u64);
            let len = end.filter(|end| *end <= longest).and_then(|_| extents.len.checked_add(piece.len));
            let Some(len) = len else {
                let (name, Piece { offset, len, .. }) = (piece.pack.name(), piece);
                return Err(extents.corrupt(format!("pack {name} has no {len} bytes from {offset} on")));
            };
            extents.len = len;
        }
        extents.pieces.retain(|piece| piece.len > 0);
        Ok(extents)
    }

    /// Count of bytes.
    pub fn len(&self) -> u64 {
        self.len
    }

    /// Whether there is nothing to send.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// A range of these bytes: the same pieces, cut at both ends. None if it leaves them.
    pub fn cut(mut self, range: ByteRange) -> Option<Extents> {
        let end = range.start.checked_add(range.len).filter(|end| *end <= self.len)?;
        let mut from = 0;
        self.pieces.retain_mut(|piece| {
            let (first, last) = (from, from + piece.len);
            from = last;
            let (start, stop) = (range.start.clamp(first, last), end.clamp(first, last));
            piece.offset += start - first;
            piece.len = stop.saturating_sub(start);
            piece.len > 0
        });
        self.len = range.len;
        Some(self)
    }

    pub(crate) fn pieces(&self) -> &[Piece] {
        &self.pieces
    }

    /// The error that this content is not what was written.
    pub(crate) fn corrupt(&self, what: String) -> ContentError {
        ContentError::Corrupt { digest: self.content.clone(), what }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::map::pack_file::samples;

    /// Offset and length.
    type Span = (u64, u64);

    fn extents(spans: &[Span]) -> Result<Extents, ContentError> {
        let (_dir, pack) = samples::pack(&samples::noise(1000, 1));
        let piece = |&(offset, len): &(u64, u64)| Piece { pack: Arc::clone(&pack), offset, len };
        Extents::new(Digest::sha256([0; 32]), spans.iter().map(piece).collect())
    }

    #[test]
    fn a_range_keeps_what_lies_in_it() {
        let spans = [(100, 10), (0, 0), (50, 5), (900, 100)];
        let table: &[(Span, &[Span])] = &[
            ((0, 115), &[(100, 10), (50, 5), (900, 100)]),
            ((0, 10), &[(100, 10)]),
            ((10, 1), &[(50, 1)]),
            ((9, 7), &[(109, 1), (50, 5), (900, 1)]),
            ((114, 1), &[(999, 1)]),
            ((12, 0), &[]),
            ((115, 0), &[]),
        ];
        for ((start, len), kept) in table {
            let cut = extents(&spans).unwrap().cut(ByteRange { start: *start, len: *len }).unwrap();
            let got: Vec<_> = cut.pieces().iter().map(|piece| (piece.offset, piece.len)).collect();
            assert_eq!((&got[..], cut.len()), (*kept, *len), "{start}+{len}");
        }
        for (start, len) in [(0, 116), (116, 0), (u64::MAX, 2)] {
            assert!(extents(&spans).unwrap().cut(ByteRange { start, len }).is_none(), "{start}+{len}");
        }
    }

    #[test]
    fn a_piece_that_leaves_its_pack_is_refused() {
        for span in [(0, 1001), (1000, 1), (u64::MAX, 1)] {
            assert!(matches!(extents(&[(0, 1), span]), Err(ContentError::Corrupt { .. })), "{span:?}");
        }
        assert_eq!(extents(&[(0, 1000), (1000, 0)]).unwrap().len(), 1000);
    }
}
