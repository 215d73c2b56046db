//! Which frames of a pack were compared with their checksums since the start.
//!
//! A frame is compared before its bytes go out as they lie for the first time, and not again: comparing
//! costs half as much processor time as sending (`docs/adr/0018`). What changes on the disk behind that is found at the next start,
//! by whoever decodes it, or by who receives it, because frames of zstd carry a checksum of their own.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering};

use crate::pack::limits::SLOTS;

const WORDS: usize = SLOTS.div_ceil(64);

/// A bit for each frame of a pack: 1 KiB, once somebody has looked at one.
#[derive(Debug, Default)]
pub(crate) struct Checked(OnceLock<Box<[AtomicU64; WORDS]>>);

impl Checked {
    /// Whether all of these frames were found whole.
    pub(crate) fn all(&self, first: u16, count: u16) -> bool {
        let Some(words) = self.0.get() else { return count == 0 };
        masks(first, count)
            .all(|(word, mask)| words.get(word).is_some_and(|bits| bits.load(Ordering::Acquire) & mask == mask))
    }

    /// Notes that these frames are whole.
    pub(crate) fn note(&self, first: u16, count: u16) {
        let words = self.0.get_or_init(|| Box::new([const { AtomicU64::new(0) }; WORDS]));
        for (word, mask) in masks(first, count) {
            if let Some(bits) = words.get(word) {
                bits.fetch_or(mask, Ordering::Release);
            }
        }
    }

    /// Nothing is known of any frame from now on.
    pub(crate) fn forget(&self) {
        for bits in self.0.get().into_iter().flat_map(|words| words.iter()) {
            bits.store(0, Ordering::Release);
        }
    }
}

/// The bits of a run of frames: in which word, and which of it.
fn masks(first: u16, count: u16) -> impl Iterator<Item = (usize, u64)> {
    let (mut at, end) = (usize::from(first), usize::from(first) + usize::from(count));
    std::iter::from_fn(move || {
        let (word, from) = (at / 64, at % 64);
        let len = (64 - from).min(end.checked_sub(at).filter(|left| *left > 0)?);
        at += len;
        Some((word, (u64::MAX >> (64 - len)) << from))
    })
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn what_was_noted_is_known_and_nothing_else(
            noted in prop::collection::vec((0..SLOTS as u16, 0..300u16), 0..12),
            asked in prop::collection::vec((0..SLOTS as u16, 0..300u16), 1..12),
        ) {
            let within = |(first, count): (u16, u16)| (first, count.min(SLOTS as u16 - first));
            let (checked, mut model) = (Checked::default(), BTreeSet::new());
            for (first, count) in noted.iter().copied().map(within) {
                checked.note(first, count);
                model.extend(first..first + count);
            }
            for (first, count) in noted.into_iter().chain(asked.clone()).map(within) {
                let expected = (first..first + count).all(|frame| model.contains(&frame));
                prop_assert_eq!(checked.all(first, count), expected, "{} from {} on", count, first);
            }
            checked.forget();
            for (first, count) in asked.into_iter().map(within) {
                prop_assert_eq!(checked.all(first, count), count == 0);
            }
        }
    }
}
