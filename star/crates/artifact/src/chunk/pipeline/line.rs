//! The pieces of a stream in order, though they are made in any.

use std::collections::VecDeque;

use crate::chunk::{ChunkId, Frame};

/// What comes out of a stream for each chunk.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Piece {
    /// A chunk that was not known.
    Frame(Frame),
    /// A chunk that the caller said is known.
    Known {
        /// Which chunk it is.
        chunk: ChunkId,
        /// Its length in bytes.
        plain_len: u32,
    },
}

impl Piece {
    /// Which chunk it is.
    pub fn chunk(&self) -> ChunkId {
        match self {
            Piece::Frame(Frame { chunk, .. }) | Piece::Known { chunk, .. } => *chunk,
        }
    }

    /// Length of its chunk, in bytes.
    pub fn plain_len(&self) -> u32 {
        match self {
            Piece::Frame(Frame { plain_len, .. }) | Piece::Known { plain_len, .. } => *plain_len,
        }
    }
}

/// The place of a piece in its stream.
pub(super) type Place = u64;

/// The pieces that have been begun and not been taken.
#[derive(Debug, Default)]
pub(super) struct Line {
    first: Place,
    places: VecDeque<Option<Piece>>,
    /// Pieces of `places` that [`Line::judge`] has shown.
    judged: usize,
}

impl Line {
    /// Keeps the next place for a piece that is being made.
    pub(super) fn keep(&mut self) -> Place {
        self.places.push_back(None);
        self.first + self.places.len() as u64 - 1
    }

    /// Puts a piece where it belongs.
    pub(super) fn put(&mut self, place: Place, piece: Piece) {
        let at = usize::try_from(place - self.first).expect("a line is short");
        self.places[at] = Some(piece);
    }

    /// The next piece, in order, that nobody has judged.
    pub(super) fn judge(&mut self) -> Option<&Piece> {
        let piece = self.places.get(self.judged)?.as_ref()?;
        self.judged += 1;
        Some(piece)
    }

    /// Takes the first piece, if it is made.
    pub(super) fn take(&mut self) -> Option<Piece> {
        let piece = self.places.front_mut()?.take()?;
        self.places.pop_front();
        self.first += 1;
        self.judged = self.judged.saturating_sub(1);
        Some(piece)
    }

    /// Forgets all pieces: the stream is made otherwise from its beginning.
    pub(super) fn restart(&mut self) {
        *self = Line::default();
    }

    /// Whether nothing is waiting to be taken.
    pub(super) fn is_empty(&self) -> bool {
        self.places.is_empty()
    }

    /// How many pieces the stream has had.
    pub(super) fn count(&self) -> u64 {
        self.first + self.places.len() as u64
    }
}
