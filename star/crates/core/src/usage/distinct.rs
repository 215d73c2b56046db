//! How many bytes there are when each content is counted once, in bounded memory.
//!
//! Contents are named by digests, which are as good as random. So once there are too many to keep all,
//! those whose digest begins with a zero bit are kept, and each stands for two; then those with two
//! zero bits, for four. What is kept is always all there is of its sort, and counted once.

use std::collections::HashMap;

use crate::limits;
use crate::ports::content::ContentRef;

/// The contents that were seen, or a sample of them.
#[derive(Debug, Default)]
pub(super) struct Distinct {
    /// Zero bits with which the name of a content has to begin to be kept.
    level: u32,
    /// Bytes by the first half of the digest: two contents with the same half are not to be found.
    sizes: HashMap<u128, u64>,
}

impl Distinct {
    pub(super) fn add(&mut self, content: &ContentRef) {
        let half = content.digest.as_bytes().first_chunk().expect("the shortest digest has 32 bytes");
        let name = u128::from_be_bytes(*half);
        if name.leading_zeros() < self.level {
            return;
        }
        self.sizes.insert(name, content.size_bytes);
        while self.sizes.len() > limits::USAGE_CONTENTS {
            self.level += 1;
            self.sizes.retain(|name, _| name.leading_zeros() >= self.level);
        }
    }

    /// Their bytes.
    pub(super) fn bytes(&self) -> u64 {
        let kept: u64 = self.sizes.values().sum();
        kept.saturating_mul(1 << self.level.min(63))
    }

    /// Whether not all of them were kept.
    pub(super) fn is_estimate(&self) -> bool {
        self.level > 0
    }
}

#[cfg(test)]
mod tests {
    use sha2::{Digest as _, Sha256};
    use star_path::Digest;

    use super::*;

    fn content(number: u64) -> ContentRef {
        let digest = Digest::sha256(Sha256::digest(number.to_be_bytes()).into());
        ContentRef { digest, size_bytes: 1_000 }
    }

    #[test]
    fn a_content_counts_once_however_often_it_is_there() {
        let mut distinct = Distinct::default();
        for number in [1, 2, 1, 3, 3, 1] {
            distinct.add(&content(number));
        }
        assert_eq!((distinct.bytes(), distinct.is_estimate()), (3_000, false));
    }

    #[test]
    fn of_very_many_contents_a_bounded_sample_says_nearly_as_much() {
        let mut distinct = Distinct::default();
        let contents = 3 * limits::USAGE_CONTENTS as u64;
        for number in (0..contents).chain(0..1_000) {
            distinct.add(&content(number));
            assert!(distinct.sizes.len() <= limits::USAGE_CONTENTS);
        }
        assert!(distinct.is_estimate());
        let (said, exact) = (distinct.bytes() as f64, contents as f64 * 1_000.0);
        assert!((said / exact - 1.0).abs() < 0.01, "{said} of {exact}");
    }
}
