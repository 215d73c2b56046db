//! The name of an upload, which nobody can guess.

use std::fmt;
use std::str::FromStr;

use star_wire::{ErrorCode, StarError};

/// The name of an upload: 160 random bits, written as 40 hex digits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct UploadId([u8; UploadId::BYTES]);

impl UploadId {
    const BYTES: usize = 20;

    /// How long its text is.
    pub(crate) const DIGITS: usize = 2 * UploadId::BYTES;

    /// A name that nobody has.
    ///
    /// # Errors
    /// `Unavailable` where the system has no random numbers to give.
    pub fn made() -> Result<UploadId, StarError> {
        let mut bytes = [0; UploadId::BYTES];
        getrandom::fill(&mut bytes).map_err(|error| {
            StarError::new(ErrorCode::Unavailable, "the system gives no random numbers").because(&error)
        })?;
        Ok(UploadId(bytes))
    }
}

impl fmt::Display for UploadId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

/// The text is not what [`UploadId`] prints.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("an upload is named by 40 hex digits")]
pub struct NoUploadId;

impl FromStr for UploadId {
    type Err = NoUploadId;

    fn from_str(text: &str) -> Result<UploadId, NoUploadId> {
        let plain = text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
        if !plain || text.len() != UploadId::DIGITS {
            return Err(NoUploadId);
        }
        let digits = text.as_bytes().chunks(2).map(|pair| std::str::from_utf8(pair).unwrap_or_default());
        let mut bytes = [0; UploadId::BYTES];
        for (byte, digits) in bytes.iter_mut().zip(digits) {
            *byte = u8::from_str_radix(digits, 16).map_err(|_| NoUploadId)?;
        }
        Ok(UploadId(bytes))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_reads_back_as_it_prints_and_no_two_are_the_same() {
        let (one, other) = (UploadId::made().unwrap(), UploadId::made().unwrap());
        assert_eq!(one.to_string().parse(), Ok(one));
        assert_ne!(one, other);
        for bad in ["", "0", &"g".repeat(40), &"A".repeat(40), &"0".repeat(39), &"0".repeat(41), &"é".repeat(20)] {
            assert_eq!(bad.parse::<UploadId>(), Err(NoUploadId), "{bad}");
        }
    }
}
