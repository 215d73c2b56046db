//! From the bytes of a chunk to its frame.
//!
//! Every frame is decoded and compared with the plain bytes before it leaves: one bad frame would
//! spoil every content that shares the chunk, and encoders have had such bugs. The bytes are
//! compared, not their names: that is a fifth of the cost of hashing them again, and says more.
//! A chunk that does not shrink becomes a frame all the same, so that what is stored one behind
//! the other is one valid stream of zstd.
//!
//! There is one level for all chunks, so that a frame depends on its chunk alone: whoever stores
//! the same content makes the same bytes of it. Less work for what does not shrink would gain next
//! to nothing: zstd gives such blocks up by itself, at 2.3 GB/s with level 3 and 2.5 with level 1,
//! while one stored byte in a hundred was lost where contents are mixed.

use bytes::Bytes;
use zstd::zstd_safe::{self, CCtx, CParameter};

use crate::chunk::decode::{Decoder, Undecodable};
use crate::chunk::rope::Rope;
use crate::chunk::{ChunkId, Encoding, Frame, limits};

/// Why there is no frame. A correct encoder on a sound machine never gives one.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum EncodeError {
    /// More bytes than a chunk may have.
    #[error("{0} bytes in one chunk: cut it to at most {max}", max = limits::CHUNK_BYTES)]
    TooLong(usize),
    /// The encoder refused.
    #[error("the encoder gave up on chunk {chunk} ({what}): send it again, and check the memory of this machine")]
    Failed {
        /// The chunk.
        chunk: ChunkId,
        /// What the encoder said.
        what: &'static str,
    },
    /// The frame cannot be decoded.
    #[error("the frame of chunk {chunk} cannot be decoded: send it again, and check the memory of this machine")]
    Undecodable {
        /// The chunk.
        chunk: ChunkId,
        /// What the decoder said.
        #[source]
        source: Undecodable,
    },
    /// The frame decodes to other bytes.
    #[error("the frame of chunk {chunk} has other bytes in it: send it again, and check the memory of this machine")]
    Differs {
        /// The chunk.
        chunk: ChunkId,
    },
}

/// What makes a frame of bytes. Nothing that it gives is believed.
pub trait Compress {
    /// Writes a frame of `plain` into `room`, which is long enough for any, and says how long it
    /// is.
    fn compress(&mut self, plain: &[u8], room: &mut [u8]) -> Result<usize, &'static str>;
}

/// The compressor of zstd, with its tables.
pub struct Zstd {
    context: CCtx<'static>,
}

/// Makes frames, one after the other; its memory is taken once.
pub struct Encoder<C = Zstd> {
    compressor: C,
    decoder: Decoder,
    plain: Vec<u8>,
    stored: Box<[u8]>,
    decoded: Box<[u8]>,
}

impl Default for Zstd {
    fn default() -> Zstd {
        let mut context = CCtx::create();
        let level = CParameter::CompressionLevel(limits::LEVEL);
        for parameter in [level, CParameter::ContentSizeFlag(true), CParameter::ChecksumFlag(true)] {
            context.set_parameter(parameter).expect("every context has these");
        }
        Zstd { context }
    }
}

impl Compress for Zstd {
    fn compress(&mut self, plain: &[u8], room: &mut [u8]) -> Result<usize, &'static str> {
        self.context.compress2(room, plain).map_err(zstd_safe::get_error_name)
    }
}

impl Default for Encoder {
    fn default() -> Encoder {
        Encoder::new(Zstd::default())
    }
}

impl<C: Compress> Encoder<C> {
    /// An encoder that uses this compressor.
    pub fn new(compressor: C) -> Encoder<C> {
        Encoder {
            compressor,
            decoder: Decoder::default(),
            plain: Vec::with_capacity(limits::CHUNK_BYTES),
            stored: vec![0; limits::FRAME_BYTES].into_boxed_slice(),
            decoded: vec![0; limits::CHUNK_BYTES].into_boxed_slice(),
        }
    }

    /// Makes the frame of a chunk and sees that it is one. The name is the caller's: it is not
    /// computed again.
    pub fn encode(&mut self, chunk: ChunkId, plain: &Rope) -> Result<Frame, EncodeError> {
        if plain.len() > limits::CHUNK_BYTES {
            return Err(EncodeError::TooLong(plain.len()));
        }
        let plain = plain.view(plain.len(), &mut self.plain);
        let len = self.compressor.compress(plain, &mut self.stored);
        let len = len.map_err(|what| EncodeError::Failed { chunk, what })?;
        let stored = &self.stored[..len];
        let decoded = self.decoder.decode(Encoding::Zstd, stored, plain.len(), &mut self.decoded);
        let decoded = decoded.map_err(|source| EncodeError::Undecodable { chunk, source })?;
        if decoded != plain {
            return Err(EncodeError::Differs { chunk });
        }
        Ok(Frame {
            chunk,
            plain_len: u32::try_from(plain.len()).expect("no longer than a chunk"),
            encoding: Encoding::Zstd,
            stored: Bytes::copy_from_slice(stored),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::chunk::header::Header;
    use crate::chunk::samples::{noise, numbers, words};

    fn plain_of(frame: &Frame) -> Vec<u8> {
        let mut room = vec![0; frame.plain_len as usize];
        Decoder::default().decode(frame.encoding, &frame.stored, frame.plain_len as usize, &mut room).unwrap();
        room
    }

    #[test]
    fn frames_say_their_length_and_carry_a_checksum() {
        let mut encoder = Encoder::default();
        for len in [0, 1, 4096, 65_536, 262_144, limits::CHUNK_BYTES] {
            for plain in [words(5, len), noise(6, len)] {
                let frame = encoder.encode(ChunkId::of(&plain), &Rope::from(plain.clone())).unwrap();
                let header = Header::read(&frame.stored).unwrap();
                assert_eq!(header.plain_bytes, Some(len as u64));
                assert!(header.has_checksum);
                assert_eq!(plain_of(&frame), &plain[..]);
            }
        }
        let long = Rope::from(noise(7, limits::CHUNK_BYTES + 1));
        let refused = encoder.encode(ChunkId::of(b""), &long);
        assert_eq!(refused, Err(EncodeError::TooLong(limits::CHUNK_BYTES + 1)));
    }

    #[test]
    fn frames_behind_each_other_are_one_stream_though_some_do_not_shrink() {
        let mut encoder = Encoder::default();
        let (mut plain, mut stored) = (Vec::new(), Vec::new());
        for seed in 0..6 {
            let part = if seed % 2 == 0 { noise(seed, 70_000) } else { words(seed, 70_000) };
            stored.extend_from_slice(&encoder.encode(ChunkId::of(&part), &part.clone().into()).unwrap().stored);
            plain.extend_from_slice(&part);
        }
        assert!(zstd::stream::decode_all(&stored[..]).unwrap() == plain);
    }

    #[test]
    fn the_memory_of_an_encoder_is_taken_once() {
        let mut encoder = Encoder::default();
        let mut pieces = Rope::default();
        (0..16).for_each(|seed| pieces.push(words(seed, 65_536)));
        let held = |encoder: &Encoder| {
            let contexts = (encoder.compressor.context.sizeof(), encoder.decoder.memory_bytes());
            (contexts, encoder.plain.capacity(), encoder.plain.as_ptr())
        };
        encoder.encode(ChunkId::of(b""), &pieces).unwrap();
        let before = held(&encoder);
        for _ in 0..3 {
            encoder.encode(ChunkId::of(b""), &pieces).unwrap();
        }
        assert_eq!(held(&encoder), before);
    }

    #[test]
    fn a_frame_depends_on_its_chunk_alone() {
        let chunks = [words(10, 300_000), noise(11, 200_000), words(12, 70_000), words(13, 1_000_000)];
        let frame =
            |encoder: &mut Encoder, plain: &Bytes| encoder.encode(ChunkId::of(plain), &plain.clone().into()).unwrap();
        let mut used = Encoder::default();
        for plain in chunks.iter().chain(chunks.iter().rev()) {
            assert_eq!(frame(&mut used, plain), frame(&mut Encoder::default(), plain));
        }
    }

    /// Flips one bit of one frame in a thousand.
    struct Flipping {
        sound: Zstd,
        number: Box<dyn FnMut() -> u64>,
        flipped: usize,
    }

    impl Compress for Flipping {
        fn compress(&mut self, plain: &[u8], room: &mut [u8]) -> Result<usize, &'static str> {
            let len = self.sound.compress(plain, room)?;
            if (self.number)().is_multiple_of(1000) {
                let bit = (self.number)() as usize % (len * 8);
                room[bit / 8] ^= 1 << (bit % 8);
                self.flipped += 1;
            }
            Ok(len)
        }
    }

    #[test]
    fn nothing_wrong_passes_when_one_frame_in_a_thousand_is_spoilt() {
        let flipping = Flipping { sound: Zstd::default(), number: Box::new(numbers(8)), flipped: 0 };
        let mut encoder = Encoder::new(flipping);
        let mut refused = 0;
        for seed in 0..20_000_u64 {
            let plain = if seed % 2 == 0 { words(seed, 600) } else { noise(seed, 300) };
            match encoder.encode(ChunkId::of(&plain), &plain.clone().into()) {
                Ok(frame) => assert_eq!(plain_of(&frame), &plain[..]),
                Err(_) => refused += 1,
            }
        }
        assert!(encoder.compressor.flipped > 10);
        // One bit of the header is nobody's: flipped, it changes nothing that anybody reads.
        assert!(refused + 1 >= encoder.compressor.flipped, "{refused} of {}", encoder.compressor.flipped);
    }

    /// Gives a sound frame of other bytes.
    struct Mistaken(Zstd);

    impl Compress for Mistaken {
        fn compress(&mut self, plain: &[u8], room: &mut [u8]) -> Result<usize, &'static str> {
            let mut other = plain.to_vec();
            other[0] ^= 1;
            self.0.compress(&other, room)
        }
    }

    #[test]
    fn a_sound_frame_of_other_bytes_does_not_pass() {
        let plain = words(9, 5000);
        let chunk = ChunkId::of(&plain);
        let refused = Encoder::new(Mistaken(Zstd::default())).encode(chunk, &plain.into());
        assert_eq!(refused, Err(EncodeError::Differs { chunk }));
    }
}
