//! The plain bytes of a body that comes as a Star keeps it: frames of zstd, one behind the other.
//!
//! Pieces go in as the connection gives them, and come out as pieces of bounded length; the window of a
//! frame is bounded as well, so that memory is, whatever a Star sends.

use std::io;

use bytes::{Buf, Bytes};
use zstd::stream::raw::{DParameter, Decoder, InBuffer, Operation, OutBuffer};

use crate::limits;

/// A stream of zstd on its way in.
pub(super) struct Unpacking {
    decoder: Decoder<'static>,
    packed: Bytes,
    /// Whether the decoder may have bytes for which there was no room.
    holds_more: bool,
    /// Whether what the decoder has seen makes whole frames.
    is_whole: bool,
}

impl Unpacking {
    pub(super) fn begin() -> io::Result<Unpacking> {
        let mut decoder = Decoder::new()?;
        decoder.set_parameter(DParameter::WindowLogMax(limits::WINDOW_LOG))?;
        Ok(Unpacking { decoder, packed: Bytes::new(), holds_more: false, is_whole: true })
    }

    /// Takes the next piece, when there is nothing left to give out of those before.
    pub(super) fn feed(&mut self, packed: Bytes) {
        self.packed = packed;
    }

    /// The next plain bytes; none if more has to be fed first.
    ///
    /// # Errors
    /// What came is no stream of zstd, or wants too much memory.
    pub(super) fn next_piece(&mut self) -> io::Result<Option<Bytes>> {
        if self.packed.is_empty() && !self.holds_more {
            return Ok(None);
        }
        let mut plain = Vec::with_capacity(limits::CHUNK_BYTES);
        while plain.len() < limits::CHUNK_BYTES && (self.holds_more || !self.packed.is_empty()) {
            let before = plain.len();
            let mut input = InBuffer::around(&self.packed);
            let hint = self.decoder.run(&mut input, &mut OutBuffer::around_pos(&mut plain, before))?;
            let taken = input.pos();
            self.packed.advance(taken);
            self.is_whole = hint == 0;
            self.holds_more = !self.is_whole && plain.len() == plain.capacity();
        }
        Ok((!plain.is_empty()).then(|| plain.into()))
    }

    /// Whether what came so far is whole.
    pub(super) fn is_whole(&self) -> bool {
        self.packed.is_empty() && self.is_whole
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn frames(plain: &[u8], frame_bytes: usize) -> Vec<u8> {
        plain.chunks(frame_bytes.max(1)).flat_map(|frame| zstd::bulk::compress(frame, 1).unwrap()).collect()
    }

    fn unpacked(packed: &[u8], piece_bytes: usize) -> io::Result<(Vec<u8>, bool)> {
        let (mut unpacking, mut plain) = (Unpacking::begin()?, Vec::new());
        for piece in packed.chunks(piece_bytes) {
            unpacking.feed(Bytes::copy_from_slice(piece));
            while let Some(piece) = unpacking.next_piece()? {
                assert!(piece.len() <= limits::CHUNK_BYTES);
                plain.extend_from_slice(&piece);
            }
        }
        Ok((plain, unpacking.is_whole()))
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(48))]

        #[test]
        fn what_was_packed_comes_out_however_it_is_cut(
            seed: u8, len in 0..900_000_usize, frame_bytes in 1000..400_000_usize, piece_bytes in 1..70_000_usize,
        ) {
            let plain: Vec<u8> = (0..len).map(|at| ((at / 7) as u8).wrapping_mul(seed)).collect();
            let packed = frames(&plain, frame_bytes);
            let (got, is_whole) = unpacked(&packed, piece_bytes.max(packed.len() / 300)).unwrap();
            prop_assert!(got == plain && is_whole);
            if let Some(cut) = packed.len().checked_sub(1) {
                let (got, is_whole) = unpacked(&packed[..cut], 5000).unwrap();
                prop_assert!(!is_whole && plain.starts_with(&got));
            }
        }
    }

    #[test]
    fn what_is_no_stream_of_zstd_or_wants_too_much_memory_is_an_error() {
        assert!(unpacked(b"plain text", 4).is_err());
        let mut encoder = zstd::stream::raw::Encoder::new(1).unwrap();
        encoder.set_parameter(zstd::stream::raw::CParameter::WindowLog(limits::WINDOW_LOG + 1)).unwrap();
        let mut wide = vec![0; 1000];
        let status = encoder.run_on_buffers(b"some bytes", &mut wide).unwrap();
        wide.truncate(status.bytes_written);
        let mut end = vec![0; 1000];
        let mut output = OutBuffer::around(&mut end);
        encoder.finish(&mut output, true).unwrap();
        let written = output.pos();
        wide.extend_from_slice(&end[..written]);
        assert!(unpacked(&wide, 100).is_err());
    }
}
