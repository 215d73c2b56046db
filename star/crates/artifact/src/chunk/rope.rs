//! Bytes in the pieces in which they came.
//!
//! Owns cutting off, joining and laying out; copies only where somebody asks for one slice.

use std::collections::VecDeque;

use bytes::Bytes;

/// Bytes in pieces, none of them empty.
#[derive(Debug, Clone, Default)]
pub struct Rope {
    pieces: VecDeque<Bytes>,
    len_bytes: usize,
}

impl Rope {
    /// How many bytes there are.
    pub fn len(&self) -> usize {
        self.len_bytes
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len_bytes == 0
    }

    /// The pieces in order.
    pub fn pieces(&self) -> impl Iterator<Item = &Bytes> {
        self.pieces.iter()
    }

    /// Adds a piece at the end.
    pub fn push(&mut self, piece: Bytes) {
        if !piece.is_empty() {
            self.len_bytes += piece.len();
            self.pieces.push_back(piece);
        }
    }

    /// Adds all pieces of another at the end.
    pub fn append(&mut self, mut other: Rope) {
        self.len_bytes += other.len_bytes;
        self.pieces.append(&mut other.pieces);
    }

    /// Takes the first bytes away: as many as asked for, or all that there are.
    pub fn take(&mut self, len_bytes: usize) -> Rope {
        let mut taken = Rope::default();
        while taken.len_bytes < len_bytes
            && let Some(mut piece) = self.pieces.pop_front()
        {
            let rest = piece.split_off(piece.len().min(len_bytes - taken.len_bytes));
            if !rest.is_empty() {
                self.pieces.push_front(rest);
            }
            self.len_bytes -= piece.len();
            taken.push(piece);
        }
        taken
    }

    /// The first bytes as one slice, at most as many as asked for: a piece itself if it holds all
    /// of them, else a copy in `room`.
    pub fn view<'a>(&'a self, len_bytes: usize, room: &'a mut Vec<u8>) -> &'a [u8] {
        let len_bytes = len_bytes.min(self.len_bytes);
        if let Some(first) = self.pieces.front().filter(|first| first.len() >= len_bytes) {
            return &first[..len_bytes];
        }
        room.clear();
        for piece in &self.pieces {
            let more = piece.len().min(len_bytes - room.len());
            room.extend_from_slice(&piece[..more]);
        }
        room
    }

    /// All bytes as one piece: itself if there is only one, else a copy.
    pub fn into_bytes(mut self) -> Bytes {
        if self.pieces.len() <= 1 {
            return self.pieces.pop_front().unwrap_or_default();
        }
        let mut joined = Vec::with_capacity(self.len_bytes);
        self.pieces.iter().for_each(|piece| joined.extend_from_slice(piece));
        joined.into()
    }
}

impl From<Bytes> for Rope {
    fn from(piece: Bytes) -> Rope {
        let mut rope = Rope::default();
        rope.push(piece);
        rope
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn taking_and_viewing_give_the_bytes_in_order(
            pieces in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..20), 0..12),
            cuts in prop::collection::vec(0_usize..40, 0..20),
        ) {
            let all = pieces.concat();
            let mut rope = Rope::default();
            pieces.into_iter().for_each(|piece| rope.push(piece.into()));
            let (mut room, mut at) = (Vec::new(), 0);
            for cut in cuts {
                let end = all.len().min(at + cut);
                prop_assert_eq!(rope.view(cut, &mut room), &all[at..end]);
                let taken = rope.take(cut);
                prop_assert_eq!(taken.len(), end - at);
                prop_assert_eq!(&taken.into_bytes()[..], &all[at..end]);
                at = end;
                prop_assert_eq!(rope.len(), all.len() - at);
            }
            prop_assert_eq!(&rope.into_bytes()[..], &all[at..]);
        }
    }

    #[test]
    fn what_lies_in_one_piece_is_not_copied() {
        let piece = Bytes::from(vec![7; 100]);
        let mut rope = Rope::from(piece.clone());
        let mut room = Vec::new();
        assert_eq!(rope.view(90, &mut room).as_ptr(), piece.as_ptr());
        assert_eq!(rope.take(40).into_bytes().as_ptr(), piece.as_ptr());
        assert_eq!(room.capacity(), 0);
    }
}
