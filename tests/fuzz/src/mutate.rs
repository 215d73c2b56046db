//! Inputs made of other inputs: a small seeded mutator for machines without a fuzzer.
//!
//! Knows no coverage, so it finds what is near to what is known: cut, doubled and swapped pieces,
//! flipped bits, numbers at the edge, words of the language in the wrong place. The same seed gives
//! the same inputs.

/// Longest input that is made; libFuzzer goes further.
const INPUT_BYTES: usize = 8 * 1024;

/// Bytes at the edge of what readers count with.
const EDGES: [u8; 10] = [0, 1, 0x7f, 0x80, 0xff, b'/', b':', b'%', b'\n', b'"'];

/// A source of inputs.
#[derive(Debug)]
pub struct Mutator<'a> {
    state: u64,
    known: &'a [Vec<u8>],
    words: &'a [Vec<u8>],
}

impl<'a> Mutator<'a> {
    /// A source of inputs like those that are known, with these words; an empty input is always known.
    pub fn new(seed: u64, known: &'a [Vec<u8>], words: &'a [Vec<u8>]) -> Mutator<'a> {
        Mutator { state: seed, known, words }
    }

    /// Makes the next input.
    pub fn next_input(&mut self) -> Vec<u8> {
        let mut input = self.one_of_known().to_vec();
        for _ in 0..=self.below(4) {
            self.change(&mut input);
        }
        input.truncate(INPUT_BYTES);
        input
    }

    fn change(&mut self, input: &mut Vec<u8>) {
        let at = self.below(input.len() + 1);
        let end = at + self.below((input.len() - at).min(64) + 1);
        match self.below(9) {
            0 if at < input.len() => input[at] ^= 1 << self.below(8),
            1 if at < input.len() => input[at] = EDGES[self.below(EDGES.len())],
            2 => drop(input.drain(at..end)),
            3 => input.truncate(at),
            4 => {
                let piece = input[at..end].to_vec();
                let times = 1 + self.below(40);
                self.insert(input, at, &piece.repeat(times));
            }
            5 => {
                let other = self.one_of_known();
                let from = self.below(other.len() + 1);
                let to = from + self.below(other.len() - from + 1);
                self.insert(input, at, &other[from..to]);
            }
            6 => {
                let byte = [self.below(256) as u8];
                self.insert(input, at, &byte);
            }
            7 if !self.words.is_empty() => {
                let word = &self.words[self.below(self.words.len())];
                self.insert(input, at, word);
            }
            _ if !self.words.is_empty() => {
                let word = &self.words[self.below(self.words.len())];
                drop(input.splice(at..end, word.iter().copied()));
            }
            _ => input[at..end].reverse(),
        }
    }

    fn insert(&self, input: &mut Vec<u8>, at: usize, piece: &[u8]) {
        let room = INPUT_BYTES.saturating_sub(input.len());
        drop(input.splice(at..at, piece[..piece.len().min(room)].iter().copied()));
    }

    fn one_of_known(&mut self) -> &'a [u8] {
        match self.known.len() {
            0 => &[],
            known => &self.known[self.below(known)],
        }
    }

    /// A number below `end`, which is not zero. SplitMix64: spread is needed and nothing else.
    fn below(&mut self, end: usize) -> usize {
        self.state = self.state.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut mixed = self.state;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        ((mixed ^ (mixed >> 31)) % end as u64) as usize
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_seed_gives_the_same_inputs_again_and_another_seed_gives_others() {
        let known = [b"acme:web".to_vec(), b"acme:site:1.2.0:/a".to_vec()];
        let words = [b"::".to_vec()];
        let inputs = |seed| {
            let mut mutator = Mutator::new(seed, &known, &words);
            (0..200).map(|_| mutator.next_input()).collect::<Vec<_>>()
        };
        assert_eq!(inputs(7), inputs(7));
        assert_ne!(inputs(7), inputs(8));
        assert!(inputs(7).iter().all(|input| input.len() <= INPUT_BYTES));
    }
}
