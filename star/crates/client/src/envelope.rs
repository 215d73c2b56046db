//! The framing of Connect streams: five bytes of header before each message.
//!
//! Owns the bytes only: a flag byte, a big-endian length, a payload. Knows neither HTTP nor what
//! a payload means.

use bytes::{Buf as _, Bytes, BytesMut};

const HEADER_BYTES: usize = 5;
const COMPRESSED: u8 = 0b01;
const END_OF_STREAM: u8 = 0b10;

/// One frame of a stream.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Frame {
    /// An encoded message.
    Message(Bytes),
    /// The last frame: JSON with an error, if there was one.
    End(Bytes),
}

/// What cannot be a stream that this client asked for.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum BadFrame {
    #[error("an item of the stream has {len} bytes, at most {max} are accepted")]
    TooLong { len: usize, max: usize },
    #[error("an item of the stream is compressed, which was not asked for")]
    Compressed,
    #[error("an item of the stream has the unknown flags {0:#04x}")]
    UnknownFlags(u8),
}

/// Puts a message into a frame.
pub(crate) fn frame(message: &[u8]) -> Bytes {
    let length = u32::try_from(message.len()).expect("a request is far below 4 GiB");
    let mut bytes = Vec::with_capacity(HEADER_BYTES + message.len());
    bytes.push(0);
    bytes.extend_from_slice(&length.to_be_bytes());
    bytes.extend_from_slice(message);
    bytes.into()
}

/// Cuts a stream of bytes, however it was split on its way, into frames.
#[derive(Debug)]
pub(crate) struct Decoder {
    buffer: BytesMut,
    max_bytes: usize,
}

impl Decoder {
    /// A decoder that refuses payloads above `max_bytes`.
    pub(crate) fn new(max_bytes: usize) -> Decoder {
        Decoder { buffer: BytesMut::new(), max_bytes }
    }

    /// Takes what came next.
    pub(crate) fn feed(&mut self, bytes: &[u8]) {
        self.buffer.extend_from_slice(bytes);
    }

    /// The next whole frame, or `None` until more bytes came.
    pub(crate) fn next_frame(&mut self) -> Result<Option<Frame>, BadFrame> {
        let Some(header) = self.buffer.first_chunk::<HEADER_BYTES>() else {
            return Ok(None);
        };
        let [flags, length @ ..] = *header;
        let len = u32::from_be_bytes(length) as usize;
        if len > self.max_bytes {
            return Err(BadFrame::TooLong { len, max: self.max_bytes });
        }
        if flags & COMPRESSED != 0 {
            return Err(BadFrame::Compressed);
        }
        if flags & !END_OF_STREAM != 0 {
            return Err(BadFrame::UnknownFlags(flags));
        }
        if self.buffer.len() < HEADER_BYTES + len {
            return Ok(None);
        }
        self.buffer.advance(HEADER_BYTES);
        let payload = self.buffer.split_to(len).freeze();
        Ok(Some(if flags == END_OF_STREAM { Frame::End(payload) } else { Frame::Message(payload) }))
    }

    /// Whether bytes of an unfinished frame are left.
    pub(crate) fn is_mid_frame(&self) -> bool {
        !self.buffer.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn drain(decoder: &mut Decoder) -> Result<Vec<Frame>, BadFrame> {
        let mut frames = Vec::new();
        while let Some(frame) = decoder.next_frame()? {
            frames.push(frame);
        }
        Ok(frames)
    }

    #[test]
    fn an_end_is_told_from_a_message() {
        let mut decoder = Decoder::new(100);
        decoder.feed(&frame(b"one"));
        decoder.feed(b"\x02\x00\x00\x00\x02{}");
        let frames = drain(&mut decoder).unwrap();
        assert_eq!(frames, [Frame::Message("one".into()), Frame::End("{}".into())]);
        assert!(!decoder.is_mid_frame());
    }

    #[test]
    fn a_length_above_the_limit_is_refused_before_its_bytes_come() {
        let mut decoder = Decoder::new(10);
        decoder.feed(b"\x00\x7f\xff\xff\xff");
        assert_eq!(decoder.next_frame(), Err(BadFrame::TooLong { len: 0x7fff_ffff, max: 10 }));
    }

    #[test]
    fn compression_that_was_not_asked_for_is_refused() {
        let mut decoder = Decoder::new(10);
        decoder.feed(b"\x01\x00\x00\x00\x00");
        assert_eq!(decoder.next_frame(), Err(BadFrame::Compressed));
    }

    #[test]
    fn unknown_flags_are_refused() {
        let mut decoder = Decoder::new(10);
        decoder.feed(b"\x80\x00\x00\x00\x00");
        assert_eq!(decoder.next_frame(), Err(BadFrame::UnknownFlags(0x80)));
    }

    #[test]
    fn an_unfinished_frame_is_noticed() {
        let mut decoder = Decoder::new(10);
        decoder.feed(&frame(b"four")[..7]);
        assert_eq!(decoder.next_frame(), Ok(None));
        assert!(decoder.is_mid_frame());
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(128))]

        #[test]
        fn the_cuts_on_the_way_do_not_matter(
            messages in proptest::collection::vec(proptest::collection::vec(any::<u8>(), 0..40), 0..8),
            cut in 1usize..17,
        ) {
            let wire: Vec<u8> = messages.iter().flat_map(|message| frame(message)).collect();
            let mut decoder = Decoder::new(64);
            let mut seen = Vec::new();
            for piece in wire.chunks(cut) {
                decoder.feed(piece);
                seen.extend(drain(&mut decoder).unwrap());
            }
            let expected: Vec<Frame> = messages.into_iter().map(|message| Frame::Message(message.into())).collect();
            prop_assert_eq!(seen, expected);
            prop_assert!(!decoder.is_mid_frame());
        }

        #[test]
        fn no_bytes_make_it_panic(bytes in proptest::collection::vec(any::<u8>(), 0..64)) {
            let mut decoder = Decoder::new(32);
            decoder.feed(&bytes);
            while let Ok(Some(_)) = decoder.next_frame() {}
        }
    }
}
