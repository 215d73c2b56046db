//! Identities of messages and batches: 128 bits that no two processes give out twice.

use std::fmt;
use std::hash::{BuildHasher, Hasher, RandomState};
use std::sync::LazyLock;
use std::sync::atomic::{AtomicU64, Ordering};

use serde::{Deserialize, Serialize};

/// The identity of a message: 64 random bits of the process, 64 bits of counting.
///
/// Counting instead of drawing keeps an id at a few nanoseconds; the random half tells apart
/// processes, also those of one machine after a restart.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct MessageId(u128);

static PROCESS: LazyLock<u64> = LazyLock::new(|| {
    // The standard library seeds its hash states from the system's randomness.
    let mut hasher = RandomState::new().build_hasher();
    hasher.write_u32(std::process::id());
    hasher.finish()
});
static NEXT: AtomicU64 = AtomicU64::new(1);

impl MessageId {
    /// An id that was not given out before.
    pub fn next() -> MessageId {
        let counted = NEXT.fetch_add(1, Ordering::Relaxed);
        MessageId((u128::from(*PROCESS) << 64) | u128::from(counted))
    }

    /// The id with this number.
    pub fn from_u128(number: u128) -> MessageId {
        MessageId(number)
    }

    /// The number.
    pub fn as_u128(self) -> u128 {
        self.0
    }
}

impl fmt::Display for MessageId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:032x}", self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_differ_and_print_as_32_hex_digits() {
        let (first, second) = (MessageId::next(), MessageId::next());
        assert_ne!(first, second);
        assert_eq!(first.to_string().len(), 32);
        assert_eq!(u128::from_str_radix(&first.to_string(), 16), Ok(first.as_u128()));
    }
}
