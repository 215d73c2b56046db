//! Bytes like those that people store: text, binary records that repeat themselves, and a part
//! that nothing makes smaller.
//!
//! The same for the same length, on every machine.

use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::Path;

/// In a hundred stretches: those of noise, and those of noise and text.
const NOISE: u64 = 15;
const NOISE_AND_TEXT: u64 = 55;

/// The longest stretch of one kind, and the shortest.
const STRETCH_BYTES: u64 = 3 << 20;
const STRETCH_MIN_BYTES: u64 = 64 << 10;

/// How far back a repeat reaches in binary records.
const REPEAT_BYTES: u64 = 60_000;

/// Words of the text, the first of which are the most frequent.
const WORDS: u16 = 40_000;

/// Writes a corpus of this length.
pub(crate) fn write(path: &Path, len_bytes: u64) -> io::Result<()> {
    let mut file = BufWriter::with_capacity(1 << 20, File::create(path)?);
    let mut author = Author::new();
    let mut left = len_bytes;
    while left > 0 {
        let stretch = author.stretch();
        let part = &stretch[..stretch.len().min(usize::try_from(left).unwrap_or(usize::MAX))];
        file.write_all(part)?;
        left -= part.len() as u64;
    }
    file.into_inner()?.sync_all()
}

struct Author {
    dice: u64,
    words: Vec<Vec<u8>>,
    count: u64,
}

impl Author {
    fn new() -> Author {
        let mut author = Author { dice: 0x5eed_1234_5678_9abc, words: Vec::new(), count: 0 };
        author.words = (0..WORDS).map(|_| author.word()).collect();
        author
    }

    /// The next number below `end`, by the generator of Marsaglia and Vigna (xorshift64*).
    fn below(&mut self, end: u64) -> u64 {
        self.dice ^= self.dice << 13;
        self.dice ^= self.dice >> 7;
        self.dice ^= self.dice << 17;
        (self.dice.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 8) % end
    }

    fn word(&mut self) -> Vec<u8> {
        const LETTERS: &[u8] = b"eeeettaaooiinnsshhrrddlcumwfgypbvk";
        (0..2 + self.below(9)).map(|_| LETTERS[self.below(LETTERS.len() as u64) as usize]).collect()
    }

    /// The next bytes, all of one kind.
    fn stretch(&mut self) -> Vec<u8> {
        let len = (STRETCH_MIN_BYTES + self.below(STRETCH_BYTES)) as usize;
        let more = match self.below(100) {
            kind if kind < NOISE => Author::noise,
            kind if kind < NOISE_AND_TEXT => Author::text,
            _ => Author::record,
        };
        let mut stretch = Vec::with_capacity(len + 128);
        while stretch.len() < len {
            more(self, &mut stretch);
        }
        stretch
    }

    fn noise(&mut self, stretch: &mut Vec<u8>) {
        let number = self.below(1 << 48);
        stretch.extend_from_slice(&number.to_le_bytes()[..6]);
    }

    /// A word; how frequent it is falls with its number, as in any language.
    fn text(&mut self, stretch: &mut Vec<u8>) {
        let place = self.below(1 << 53) as f64 / (1u64 << 53) as f64;
        let word = f64::from(WORDS).powf(place) as usize - 1;
        stretch.extend_from_slice(&self.words[word]);
        stretch.extend_from_slice(match self.below(256) {
            0..10 => b".\n",
            10..25 => b", ",
            _ => b" ",
        });
    }

    /// Something like an instruction, like a row of a table, or like what was there before.
    fn record(&mut self, stretch: &mut Vec<u8>) {
        match self.below(8) {
            0..2 if stretch.len() > 4096 => {
                let back = 1 + self.below(REPEAT_BYTES.min(stretch.len() as u64)) as usize;
                let len = (8 + self.below(40) as usize).min(back);
                let from = stretch.len() - back;
                stretch.extend_from_within(from..from + len);
            }
            0..6 => {
                let [low, high, ..] = self.below(1 << 16).to_le_bytes();
                stretch.extend_from_slice(&[0x48, 0x8b, low & 0x3f | 0x40, high & 0xf8]);
                stretch.extend_from_slice(&self.below(1 << 14).to_le_bytes()[..4]);
            }
            _ => {
                stretch.extend_from_slice(&(self.count * 24).to_le_bytes());
                stretch.extend_from_slice(&self.below(1 << 16).to_le_bytes()[..2]);
                self.count += 1;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_corpus_is_the_same_each_time_and_as_long_as_it_should_be() {
        let scratch = tempfile::tempdir().unwrap();
        let written = |name: &str, len_bytes| {
            let path = scratch.path().join(name);
            write(&path, len_bytes).unwrap();
            std::fs::read(path).unwrap()
        };
        let long = written("long", 10_000_001);
        assert_eq!(long.len(), 10_000_001);
        assert!(written("short", 5_000_000) == long[..5_000_000]);
    }
}
