//! Frames that somebody else made: what has to be true before one is stored.
//!
//! Such a frame will be sent to others as it lies, and be named by what is in it. So it has to be
//! what it says it is, and no trouble to anybody who decodes it with plain zstd. What it says is
//! looked at before anything is decoded, and decoding is bounded by what it said: memory is that
//! of one chunk, whatever comes. Start at [`Checker::check`].

use bytes::Bytes;
use zstd::zstd_safe;

use crate::chunk::decode::{Decoder, Undecodable};
use crate::chunk::header::Header;
use crate::chunk::{ChunkId, Encoding, Frame, limits};

/// Checks frames, one after the other; its memory is taken once.
pub struct Checker {
    decoder: Decoder,
    plain: Box<[u8]>,
}

/// What is wrong with a frame, and what to do about it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Unfit {
    /// Not zstd.
    #[error("it does not begin with the header of a zstd frame: compress each chunk with zstd")]
    NotAFrame,
    /// The length of the chunk is missing.
    #[error("it does not say how long its chunk is: compress with the content size in the header")]
    NoLength,
    /// The chunk is too long.
    #[error("its chunk has {plain_bytes} bytes: cut it to at most {max}", max = limits::CHUNK_BYTES)]
    TooLong {
        /// What the frame says, in bytes.
        plain_bytes: u64,
    },
    /// It wants a dictionary.
    #[error("it needs dictionary {0}: compress without one, so that everybody can decode it")]
    Dictionary(u32),
    /// It wants more memory than everybody has.
    #[error("it needs a window of {window_bytes} bytes: compress with one of at most {max}", max = limits::WINDOW_BYTES)]
    Window {
        /// What a decoder would have to keep, in bytes.
        window_bytes: u64,
    },
    /// It is longer than any honest frame of such a chunk.
    #[error("{stored_bytes} bytes for a chunk of {plain_bytes}: compress it in one go, without empty blocks")]
    Bloated {
        /// Length of the frame, in bytes.
        stored_bytes: usize,
        /// Length of the chunk, in bytes.
        plain_bytes: usize,
    },
    /// The frame ends early or its structure is broken.
    #[error("it is cut off or broken: send it again")]
    Broken,
    /// Something stands behind the frame.
    #[error("{0} bytes stand behind it: send one frame for each chunk")]
    Behind(usize),
    /// What is in it is not what it says.
    #[error("it does not hold what it says: compress the chunk again")]
    Lies(#[source] Undecodable),
    /// What is in it is another chunk.
    #[error("it is sent as chunk {claimed} and holds chunk {found}: name it by the BLAKE3 of its plain bytes")]
    OtherChunk {
        /// What the sender said.
        claimed: ChunkId,
        /// What is in it.
        found: ChunkId,
    },
}

impl Default for Checker {
    fn default() -> Checker {
        Checker { decoder: Decoder::default(), plain: vec![0; limits::CHUNK_BYTES].into_boxed_slice() }
    }
}

impl Checker {
    /// The frame in `stored`, if it is one of the chunk that its sender claims.
    pub fn check(&mut self, claimed: ChunkId, stored: Bytes) -> Result<Frame, Unfit> {
        let plain_bytes = promised(&stored)?;
        let plain = self.decoder.decode(Encoding::Zstd, &stored, plain_bytes, &mut self.plain);
        let found = ChunkId::of(plain.map_err(Unfit::Lies)?);
        if found != claimed {
            return Err(Unfit::OtherChunk { claimed, found });
        }
        let plain_len = u32::try_from(plain_bytes).expect("no longer than a chunk");
        Ok(Frame { chunk: claimed, plain_len, encoding: Encoding::Zstd, stored })
    }
}

/// How many bytes these promise to decode to, if they are one frame that may be decoded. Decodes
/// nothing.
fn promised(stored: &[u8]) -> Result<usize, Unfit> {
    let header = Header::read(stored).ok_or(Unfit::NotAFrame)?;
    let plain_bytes = header.plain_bytes.ok_or(Unfit::NoLength)?;
    if plain_bytes > limits::CHUNK_BYTES as u64 {
        return Err(Unfit::TooLong { plain_bytes });
    }
    if header.dictionary != 0 {
        return Err(Unfit::Dictionary(header.dictionary));
    }
    if header.window_bytes > limits::WINDOW_BYTES {
        return Err(Unfit::Window { window_bytes: header.window_bytes });
    }
    let plain_bytes = usize::try_from(plain_bytes).expect("no longer than a chunk");
    let stored_bytes = zstd_safe::find_frame_compressed_size(stored).map_err(|_| Unfit::Broken)?;
    if stored_bytes > zstd_safe::compress_bound(plain_bytes) {
        return Err(Unfit::Bloated { stored_bytes, plain_bytes });
    }
    match stored.len() - stored_bytes {
        0 => Ok(plain_bytes),
        behind => Err(Unfit::Behind(behind)),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use zstd::zstd_safe::CParameter;

    use super::*;
    use crate::chunk::samples::{frame, noise, words};

    /// A frame of blocks that this says, with a length and a window that it says too.
    fn forged(plain_bytes: u32, window: u8, blocks: &[(u32, u32, &[u8])]) -> Vec<u8> {
        let mut frame = vec![0x28, 0xb5, 0x2f, 0xfd, 0x80, window];
        frame.extend_from_slice(&plain_bytes.to_le_bytes());
        for (at, (kind, size, body)) in blocks.iter().enumerate() {
            let last = u32::from(at + 1 == blocks.len());
            frame.extend_from_slice(&(size << 3 | kind << 1 | last).to_le_bytes()[..3]);
            frame.extend_from_slice(body);
        }
        frame
    }

    const RAW: u32 = 0;
    const REPEATED: u32 = 1;
    const TWO_MEGABYTES: u8 = 11 << 3;

    fn check(stored: Vec<u8>, plain: &[u8]) -> Result<Frame, Unfit> {
        Checker::default().check(ChunkId::of(plain), stored.into())
    }

    #[test]
    fn honest_frames_of_any_level_pass() {
        for plain in [words(1, 1 << 20), noise(2, 300_000), words(3, 1), words(4, 0)] {
            for level in [-5, 1, 3, 19] {
                let stored = frame(&plain, &[CParameter::CompressionLevel(level)]);
                let passed = check(stored.clone(), &plain).unwrap();
                assert_eq!((&passed.stored[..], passed.plain_len as usize), (&stored[..], plain.len()));
            }
        }
        let by_hand = forged(8, TWO_MEGABYTES, &[(RAW, 3, b"abc"), (REPEATED, 5, b"d")]);
        assert!(check(by_hand, b"abcddddd").is_ok());
    }

    #[test]
    fn each_fault_is_named() {
        let plain = words(5, 5000);
        let good = frame(&plain, &[CParameter::ChecksumFlag(true)]);
        let refused = |stored: Vec<u8>| check(stored, &plain).unwrap_err();
        assert_eq!(refused(plain.to_vec()), Unfit::NotAFrame);
        assert_eq!(refused(b"\x50\x2a\x4d\x18\x01\0\0\0x".to_vec()), Unfit::NotAFrame, "a frame to be skipped");
        assert_eq!(refused(frame(&plain, &[CParameter::ContentSizeFlag(false)])), Unfit::NoLength);
        let long = frame(&words(6, limits::CHUNK_BYTES + 1), &[]);
        assert_eq!(refused(long), Unfit::TooLong { plain_bytes: limits::CHUNK_BYTES as u64 + 1 });
        let window_bytes = 16 << 20;
        assert_eq!(refused(forged(1, 14 << 3, &[(RAW, 1, b"x")])), Unfit::Window { window_bytes });
        assert_eq!(refused(good[..good.len() - 1].to_vec()), Unfit::Broken);
        assert_eq!(refused([&good[..], b"abc"].concat()), Unfit::Behind(3));
        assert_eq!(refused([&good[..], &good[..]].concat()), Unfit::Behind(good.len()));
        let mut flipped = good.clone();
        *flipped.last_mut().unwrap() ^= 1;
        assert!(matches!(refused(flipped), Unfit::Lies(_)));
        let other = words(7, 5000);
        let (claimed, found) = (ChunkId::of(&plain), ChunkId::of(&other));
        assert_eq!(refused(frame(&other, &[])), Unfit::OtherChunk { claimed, found });
        let mut dictionary = vec![0x28, 0xb5, 0x2f, 0xfd, 0x21, 7, 1];
        dictionary.extend_from_slice(&[9, 0, 0, b'x']);
        assert_eq!(refused(dictionary), Unfit::Dictionary(7));
    }

    #[test]
    fn frames_that_lie_about_their_length_take_no_more_memory_than_a_chunk() {
        let full = 128 * 1024;
        let bomb: Vec<_> = (0..1000).map(|_| (REPEATED, full, &b"0"[..])).collect();
        let mut checker = Checker::default();
        let before = (checker.decoder.memory_bytes(), checker.plain.len());
        for said in [0, 1, 1000, full, 1 << 20] {
            let refused = checker.check(ChunkId::of(b""), forged(said, TWO_MEGABYTES, &bomb).into());
            assert!(matches!(refused, Err(Unfit::Lies(_) | Unfit::Bloated { .. })), "{said}: {refused:?}");
        }
        let too_little = forged(1 << 20, TWO_MEGABYTES, &[(RAW, 3, b"abc")]);
        assert!(matches!(checker.check(ChunkId::of(b"abc"), too_little.into()), Err(Unfit::Lies(_))));
        assert_eq!((checker.decoder.memory_bytes(), checker.plain.len()), before);
    }

    #[test]
    fn a_frame_of_empty_blocks_is_refused() {
        let mut blocks = vec![(RAW, 0, &b""[..]); 100_000];
        blocks.push((RAW, 1, b"x"));
        let stored = forged(1, TWO_MEGABYTES, &blocks);
        let stored_bytes = stored.len();
        assert_eq!(check(stored, b"x"), Err(Unfit::Bloated { stored_bytes, plain_bytes: 1 }));
    }

    proptest! {
        #[test]
        fn whatever_passes_is_the_chunk(seed in 1_u64.., flips in prop::collection::vec(any::<(usize, u8)>(), 0..3)) {
            let plain = words(seed, 800);
            let mut stored = frame(&plain, &[CParameter::ChecksumFlag(true)]);
            for (at, bit) in flips {
                let at = at % stored.len();
                stored[at] ^= 1 << (bit % 8);
            }
            if let Ok(passed) = check(stored, &plain) {
                prop_assert_eq!(&zstd::stream::decode_all(&passed.stored[..]).unwrap()[..], &plain[..]);
            }
        }
    }
}
