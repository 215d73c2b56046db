//! Where a stream of bytes is cut into chunks.
//!
//! Owns the parameters and the cut points, which are for ever: two contents share what they have
//! in common only as long as both are cut by the same rule. The rule is FastCDC of 2020 as the
//! `fastcdc` crate has it. That one wants a chunk's bytes in one slice, so that pieces are laid
//! out in a window first; this costs one per cent of what compressing them does. Start at
//! [`Cutter::cut`].

use fastcdc::v2020::{self, Normalization};

use crate::chunk::limits;
use crate::chunk::rope::Rope;

/// How chunks are cut. Packs carry it: chunks that were cut otherwise are no use for finding what
/// two contents share.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct ChunkerParameters {
    min_bytes: u32,
    average_bytes: u32,
    max_bytes: u32,
    normalization: u8,
}

/// Parameters that nobody can cut by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum UnknownParameters {
    /// Written by another version of the program.
    #[error("cut by method {0}, which this version does not know: use the version that wrote it, or a later one")]
    Method(u8),
    /// No cutter has such parameters: the bytes are damaged.
    #[error("parameters of cutting that contradict each other: take this from a copy that is whole")]
    Damaged,
}

/// The one method of cutting that there is: FastCDC of 2020 with the gear table of its authors.
const FASTCDC_2020: u8 = 1;

impl ChunkerParameters {
    /// How contents are cut: 64 KiB, 256 KiB, 1 MiB, normalisation 2.
    pub const STANDARD: ChunkerParameters =
        ChunkerParameters { min_bytes: 65_536, average_bytes: 262_144, max_bytes: 1_048_576, normalization: 2 };

    /// Length of these parameters as they are written down.
    pub const LEN_BYTES: usize = 16;

    /// Parameters of other sizes; none if nobody can cut by them.
    pub fn new(min_bytes: u32, average_bytes: u32, max_bytes: u32, normalization: u8) -> Option<ChunkerParameters> {
        let sizes = [min_bytes as usize, average_bytes as usize, max_bytes as usize];
        let known = (v2020::MINIMUM_MIN..=v2020::MINIMUM_MAX).contains(&sizes[0])
            && (v2020::AVERAGE_MIN..=v2020::AVERAGE_MAX).contains(&sizes[1])
            && (v2020::MAXIMUM_MIN..=limits::CHUNK_BYTES).contains(&sizes[2]);
        let in_order = sizes[0] < sizes[1] && sizes[1] < sizes[2];
        let even = sizes.iter().all(|size| size.is_multiple_of(2));
        (known && in_order && even && normalization <= 3).then_some(ChunkerParameters {
            min_bytes,
            average_bytes,
            max_bytes,
            normalization,
        })
    }

    /// The longest chunk, in bytes.
    pub fn max_bytes(&self) -> usize {
        self.max_bytes as usize
    }

    /// Least, average and greatest length of a chunk, in bytes.
    pub fn lengths(&self) -> (u32, u32, u32) {
        (self.min_bytes, self.average_bytes, self.max_bytes)
    }

    /// How closely lengths keep to the average, 0 to 3.
    pub fn normalization(&self) -> u8 {
        self.normalization
    }

    /// The parameters as they are written down: three sizes (big-endian), normalisation, method,
    /// and two bytes of zero.
    pub fn to_bytes(self) -> [u8; ChunkerParameters::LEN_BYTES] {
        let mut bytes = [0; ChunkerParameters::LEN_BYTES];
        bytes[0..4].copy_from_slice(&self.min_bytes.to_be_bytes());
        bytes[4..8].copy_from_slice(&self.average_bytes.to_be_bytes());
        bytes[8..12].copy_from_slice(&self.max_bytes.to_be_bytes());
        bytes[12..14].copy_from_slice(&[self.normalization, FASTCDC_2020]);
        bytes
    }

    /// Reads what [`ChunkerParameters::to_bytes`] wrote.
    pub fn from_bytes(bytes: [u8; ChunkerParameters::LEN_BYTES]) -> Result<ChunkerParameters, UnknownParameters> {
        let [a, b, c, d, e, f, g, h, i, j, k, l, normalization, method, rest @ ..] = bytes;
        if method != FASTCDC_2020 {
            return Err(UnknownParameters::Method(method));
        }
        let sizes = [[a, b, c, d], [e, f, g, h], [i, j, k, l]].map(u32::from_be_bytes);
        ChunkerParameters::new(sizes[0], sizes[1], sizes[2], normalization)
            .filter(|_| rest == [0, 0])
            .ok_or(UnknownParameters::Damaged)
    }
}

/// Cuts one stream.
#[derive(Debug)]
pub struct Cutter {
    parameters: ChunkerParameters,
    mask_short: u64,
    mask_long: u64,
    uncut: Rope,
}

/// Whether more bytes of a stream will come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Rest {
    /// They may.
    Coming,
    /// The stream is at its end.
    Ended,
}

impl Cutter {
    /// A cutter at the beginning of a stream.
    pub fn new(parameters: ChunkerParameters) -> Cutter {
        let level = match parameters.normalization {
            0 => Normalization::Level0,
            1 => Normalization::Level1,
            2 => Normalization::Level2,
            _ => Normalization::Level3,
        };
        let (mask_short, mask_long) = v2020::select_masks(parameters.average_bytes as usize, level);
        Cutter { parameters, mask_short, mask_long, uncut: Rope::default() }
    }

    /// Takes the next bytes of the stream.
    pub fn push(&mut self, more: Rope) {
        self.uncut.append(more);
    }

    /// Bytes that have been taken and belong to no chunk yet.
    pub fn uncut_bytes(&self) -> usize {
        self.uncut.len()
    }

    /// The bytes that have been taken and belong to no chunk.
    pub fn into_uncut(self) -> Rope {
        self.uncut
    }

    /// Whether [`Cutter::cut`] would find a chunk.
    pub fn is_due(&self, rest: Rest) -> bool {
        self.uncut.len() >= self.parameters.max_bytes() || (rest == Rest::Ended && !self.uncut.is_empty())
    }

    /// Cuts what can be cut in one window, at most `most` chunks, and shows each chunk, as it is
    /// and as one slice. `room` is where a window is laid out; it is kept between calls to save
    /// its allocation, its contents are not.
    ///
    /// Where the cuts are depends on the bytes of the stream alone, not on how they came: a chunk
    /// is cut only when as many bytes are there as it could have, or all.
    pub fn cut(&mut self, rest: Rest, most: usize, room: &mut Vec<u8>, mut chunk: impl FnMut(Rope, &[u8])) {
        let source = self.uncut.clone();
        let mut window = source.view(limits::WINDOW_OF_CUTS_BYTES, room);
        let is_all = rest == Rest::Ended && window.len() == source.len();
        for _ in 0..most {
            let is_enough = window.len() >= self.parameters.max_bytes() || (is_all && !window.is_empty());
            if !is_enough {
                break;
            }
            let (first, behind) = window.split_at(self.first(window));
            chunk(self.uncut.take(first.len()), first);
            window = behind;
        }
    }

    /// Length of the first chunk of these bytes, which are enough for any.
    fn first(&self, ahead: &[u8]) -> usize {
        let ChunkerParameters { min_bytes, average_bytes, max_bytes, .. } = self.parameters;
        let (short, long) = (self.mask_short, self.mask_long);
        let (min, average, max) = (min_bytes as usize, average_bytes as usize, max_bytes as usize);
        v2020::cut(ahead, min, average, max, short, long, short << 1, long << 1).1
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use proptest::prelude::*;

    use super::*;
    use crate::chunk::samples::{noise, words};

    /// Lengths of the chunks of a stream that comes in pieces of these lengths, again and again.
    fn cut(parameters: ChunkerParameters, bytes: &Bytes, pieces: &[usize]) -> Vec<usize> {
        let mut cutter = Cutter::new(parameters);
        let (mut at, mut lens, mut room) = (0, Vec::new(), Vec::new());
        let mut show = |cutter: &mut Cutter, rest| {
            while cutter.is_due(rest) {
                cutter.cut(rest, usize::MAX, &mut room, |rope, slice| {
                    assert_eq!(&rope.into_bytes()[..], slice);
                    lens.push(slice.len());
                });
            }
        };
        for len in pieces.iter().cycle().copied() {
            if at == bytes.len() {
                break;
            }
            let end = bytes.len().min(at + len);
            cutter.push(bytes.slice(at..end).into());
            at = end;
            show(&mut cutter, Rest::Coming);
        }
        show(&mut cutter, Rest::Ended);
        assert_eq!(cutter.uncut_bytes(), 0);
        lens
    }

    /// What the crate itself finds in the whole.
    fn reference(parameters: ChunkerParameters, bytes: &[u8]) -> Vec<usize> {
        let ChunkerParameters { min_bytes, average_bytes, max_bytes, .. } = parameters;
        let sizes = [min_bytes, average_bytes, max_bytes].map(|size| size as usize);
        v2020::FastCDC::with_level(bytes, sizes[0], sizes[1], sizes[2], Normalization::Level2)
            .map(|chunk| chunk.length)
            .collect()
    }

    fn small() -> ChunkerParameters {
        ChunkerParameters::new(256, 1024, 4096, 2).unwrap()
    }

    proptest! {
        #[test]
        fn cut_points_do_not_depend_on_the_pieces(
            seed in 1_u64..,
            len in 0_usize..100_000,
            pieces in prop::collection::vec(1_usize..9_000, 1..9),
        ) {
            let bytes = if seed.is_multiple_of(2) { noise(seed, len) } else { words(seed, len) };
            prop_assert_eq!(cut(small(), &bytes, &pieces), reference(small(), &bytes));
        }
    }

    #[test]
    fn pieces_of_one_byte_and_ends_next_to_a_cut_change_nothing() {
        let bytes = noise(11, 40_000);
        let whole = reference(small(), &bytes);
        assert_eq!(cut(small(), &bytes, &[1]), whole);
        let mut cut_at = 0;
        for len in whole {
            cut_at += len;
            for end in cut_at.saturating_sub(2)..=bytes.len().min(cut_at + 2) {
                let part = bytes.slice(..end);
                assert_eq!(cut(small(), &part, &[700]), reference(small(), &part), "{end} bytes");
            }
        }
    }

    #[test]
    fn the_standard_cuts_are_these_for_ever() {
        let cuts = |bytes: Bytes| cut(ChunkerParameters::STANDARD, &bytes, &[100_000]);
        assert_eq!(cuts(noise(1, 4 << 20)), NOISE);
        assert_eq!(cuts(words(2, 3 << 20)), WORDS);
        assert_eq!(cuts(Bytes::from(vec![0; (2 << 20) + 5])), [1 << 20, 1 << 20, 5]);
        assert_eq!(cuts(Bytes::new()), [0; 0]);
    }

    const NOISE: &[usize] = &[
        364232, 76868, 69372, 121823, 274964, 343140, 307316, 318046, 337849, 342978, 291739, 224398, 365879, 341670,
        326297, 87733,
    ];
    const WORDS: &[usize] = &[331778, 276837, 478215, 274980, 542716, 382013, 311640, 300028, 247521];

    #[test]
    fn parameters_are_read_as_they_were_written() {
        let standard = ChunkerParameters::STANDARD;
        let bytes = standard.to_bytes();
        assert_eq!(bytes, [0, 1, 0, 0, 0, 4, 0, 0, 0, 16, 0, 0, 2, 1, 0, 0]);
        assert_eq!(ChunkerParameters::from_bytes(bytes), Ok(standard));
        let changed = |at: usize, to: u8| {
            let mut bytes = bytes;
            bytes[at] = to;
            ChunkerParameters::from_bytes(bytes)
        };
        assert_eq!(changed(13, 2), Err(UnknownParameters::Method(2)));
        for (at, to) in [(0, 1), (3, 1), (8, 1), (12, 4), (15, 1)] {
            assert_eq!(changed(at, to), Err(UnknownParameters::Damaged), "byte {at}");
        }
    }
}
