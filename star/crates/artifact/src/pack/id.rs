//! The name of a pack: sixteen bytes of chance, and a generation.
//!
//! By chance and not by content, so that what is uploaded again never meets the deletion of what
//! was there before.

use std::fmt;
use std::io;
use std::str::FromStr;

/// The name of a pack, written as 32 hexadecimal digits in lower case.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PackId([u8; 16]);

impl PackId {
    /// A name that no other pack has.
    ///
    /// # Errors
    /// If the system has no random bytes to give.
    pub fn random() -> io::Result<PackId> {
        let mut bytes = [0; 16];
        getrandom::fill(&mut bytes).map_err(io::Error::from)?;
        Ok(PackId(bytes))
    }

    /// A name that was written down.
    pub const fn from_bytes(bytes: [u8; 16]) -> PackId {
        PackId(bytes)
    }

    /// The name as it is written down.
    pub const fn as_bytes(&self) -> &[u8; 16] {
        &self.0
    }
}

impl fmt::Display for PackId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for PackId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PackId({self})")
    }
}

/// A text that is not the name of a pack.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the name of a pack has 32 hexadecimal digits in lower case")]
pub struct BadId;

impl FromStr for PackId {
    type Err = BadId;

    fn from_str(text: &str) -> Result<PackId, BadId> {
        let digits = text.as_bytes();
        if digits.len() != 32 {
            return Err(BadId);
        }
        let mut bytes = [0; 16];
        for (byte, pair) in bytes.iter_mut().zip(digits.chunks_exact(2)) {
            *byte = digit(pair[0])? << 4 | digit(pair[1])?;
        }
        Ok(PackId(bytes))
    }
}

/// One way to write each name, so that a name has one file.
fn digit(byte: u8) -> Result<u8, BadId> {
    match byte {
        b'0'..=b'9' => Ok(byte - b'0'),
        b'a'..=b'f' => Ok(byte - b'a' + 10),
        _ => Err(BadId),
    }
}

/// Which writing of a pack: whoever names a pack names this too, so that a late deletion of a
/// former one cannot hit it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Generation(pub u32);

impl fmt::Display for Generation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn two_names_by_chance_differ() {
        assert_ne!(PackId::random().unwrap(), PackId::random().unwrap());
    }

    #[test]
    fn a_name_is_written_in_one_way() {
        let written = "000102030405060708090a0b0c0d0eff";
        assert_eq!(written.parse::<PackId>().unwrap().to_string(), written);
        for wrong in ["", "00", "000102030405060708090A0B0C0D0EFF", "000102030405060708090a0b0c0d0ef", "g0", "ä"] {
            assert_eq!(wrong.parse::<PackId>(), Err(BadId), "{wrong}");
        }
        assert_eq!(format!("{written}0").parse::<PackId>(), Err(BadId));
    }

    proptest! {
        #[test]
        fn every_name_reads_back(bytes: [u8; 16]) {
            let id = PackId::from_bytes(bytes);
            prop_assert_eq!(id.to_string().parse::<PackId>(), Ok(id));
            prop_assert_eq!(id.as_bytes(), &bytes);
        }
    }
}
