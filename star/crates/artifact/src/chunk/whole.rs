//! Which way a content takes into the store.
//!
//! Decided by its length, its first bytes and what its first frames saved; nothing here does
//! anything. Start at [`Way::of`].

use crate::chunk::cut::Rest;
use crate::chunk::limits;

/// How a content is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Way {
    /// In the row that names it.
    Inline,
    /// As one frame.
    OneFrame,
    /// As it is, in slots of 1 MiB: it is compressed already, and shared only as a whole.
    Raw,
    /// As one frame for each chunk.
    Chunked,
}

/// What the beginning of a content tells of its way.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Opening {
    /// Too little has come to say.
    Open,
    /// This way.
    Way(Way),
    /// Chunked, unless [`Probe`] says otherwise.
    Probe,
}

impl Way {
    /// What is known of a content of which `seen_bytes` have come, with these at its beginning.
    pub fn of(first: &[u8], seen_bytes: u64, rest: Rest) -> Opening {
        match rest {
            _ if seen_bytes >= limits::ONE_FRAME_BYTES => {
                if is_compressed(first) {
                    Opening::Way(Way::Raw)
                } else {
                    Opening::Probe
                }
            }
            Rest::Coming => Opening::Open,
            Rest::Ended if seen_bytes <= limits::INLINE_BYTES => Opening::Way(Way::Inline),
            Rest::Ended => Opening::Way(Way::OneFrame),
        }
    }
}

/// Finds out by the first frames of a content whether it is compressed already.
#[derive(Debug, Default)]
pub struct Probe {
    poor: usize,
}

impl Probe {
    /// Learns from the next frame; the way, as soon as it is clear.
    pub fn made(&mut self, plain_bytes: usize, stored_bytes: usize) -> Option<Way> {
        if is_worth(plain_bytes, stored_bytes) {
            return Some(Way::Chunked);
        }
        self.poor += 1;
        (self.poor == limits::PROBE_FRAMES).then_some(Way::Raw)
    }
}

/// Whether a frame saves enough of its chunk.
fn is_worth(plain_bytes: usize, stored_bytes: usize) -> bool {
    stored_bytes * 100 <= plain_bytes * (100 - limits::WORTH_PERCENT)
}

/// How many first bytes [`Way::of`] looks at.
pub const MAGIC_BYTES: usize = 16;

/// Whether these are the first bytes of a format that is compressed already.
fn is_compressed(first: &[u8]) -> bool {
    let is_media =
        first.get(4..8) == Some(b"ftyp") || (first.starts_with(b"RIFF") && first.get(8..12) == Some(b"WEBP"));
    is_media || MAGICS.iter().any(|magic| first.starts_with(magic))
}

/// First bytes of formats whose bulk is compressed.
const MAGICS: &[&[u8]] = &[
    b"\x1f\x8b\x08",       // gzip
    b"\xfd7zXZ\0",         // xz
    b"\x28\xb5\x2f\xfd",   // zstd
    b"BZh",                // bzip2
    b"\x04\x22\x4d\x18",   // lz4
    b"LZIP",               // lzip
    b"PK\x03\x04",         // zip and all that is one
    b"7z\xbc\xaf\x27\x1c", // 7z
    b"Rar!\x1a\x07",       // rar
    b"\x89PNG\r\n\x1a\n",  // png
    b"\xff\xd8\xff",       // jpeg
    b"GIF8",               // gif
    b"OggS",               // ogg
    b"fLaC",               // flac
    b"ID3",                // mp3
    b"\x1a\x45\xdf\xa3",   // matroska and webm
    b"wOF2",               // woff2
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_way_follows_from_length_and_first_bytes() {
        use Opening::{Open, Probe, Way as To};
        let half: u64 = 512 * 1024;
        let table: &[(&[u8], u64, Rest, Opening)] = &[
            (b"", 0, Rest::Ended, To(Way::Inline)),
            (b"", 0, Rest::Coming, Open),
            (b"text", 4096, Rest::Ended, To(Way::Inline)),
            (b"text", 4096, Rest::Coming, Open),
            (b"text", 4097, Rest::Ended, To(Way::OneFrame)),
            (b"\x1f\x8b\x08", 4097, Rest::Ended, To(Way::OneFrame)),
            (b"text", half - 1, Rest::Ended, To(Way::OneFrame)),
            (b"text", half - 1, Rest::Coming, Open),
            (b"text", half, Rest::Ended, Probe),
            (b"text", half, Rest::Coming, Probe),
            (b"", half, Rest::Coming, Probe),
            (b"\x1f\x8b\x08\0", half, Rest::Coming, To(Way::Raw)),
            (b"\x1f\x8b", half, Rest::Coming, Probe),
            (b"\xfd7zXZ\0\0", half, Rest::Ended, To(Way::Raw)),
            (b"\x28\xb5\x2f\xfd\x04", half, Rest::Ended, To(Way::Raw)),
            (b"BZh91AY", half, Rest::Ended, To(Way::Raw)),
            (b"PK\x03\x04", half, Rest::Ended, To(Way::Raw)),
            (b"\x89PNG\r\n\x1a\n", half, Rest::Ended, To(Way::Raw)),
            (b"\xff\xd8\xff\xe0", half, Rest::Ended, To(Way::Raw)),
            (b"\0\0\0\x20ftypisom", half, Rest::Ended, To(Way::Raw)),
            (b"RIFF\x01\x02\x03\x04WEBPVP8 ", half, Rest::Ended, To(Way::Raw)),
            (b"RIFF\x01\x02\x03\x04WAVEfmt ", half, Rest::Ended, Probe),
            (b"\x7fELF", half, Rest::Ended, Probe),
        ];
        for (first, seen, rest, way) in table {
            assert_eq!(Way::of(first, *seen, *rest), *way, "{first:?}, {seen} bytes, {rest:?}");
            assert!(first.len() <= MAGIC_BYTES);
        }
    }

    #[test]
    fn three_per_cent_are_worth_it_and_less_is_not() {
        assert!(is_worth(1000, 970));
        assert!(!is_worth(1000, 971));
        assert!(!is_worth(0, 13));
    }

    #[test]
    fn four_poor_first_frames_mean_raw_and_one_good_one_means_chunks() {
        let ways = |stored: &[usize]| {
            let mut probe = Probe::default();
            stored.iter().map(|stored| probe.made(100, *stored)).collect::<Vec<_>>()
        };
        assert_eq!(ways(&[98, 99, 100, 101]), [None, None, None, Some(Way::Raw)]);
        assert_eq!(ways(&[98, 98, 98, 97]), [None, None, None, Some(Way::Chunked)]);
        assert_eq!(ways(&[40]), [Some(Way::Chunked)]);
    }
}
