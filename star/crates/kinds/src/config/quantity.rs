//! Amounts as people write them: `64MiB`, `60s`, `1y`.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

const UNITS: [(&str, u64); 9] = [
    ("TiB", 1 << 40),
    ("GiB", 1 << 30),
    ("MiB", 1 << 20),
    ("KiB", 1 << 10),
    ("TB", 1_000_000_000_000),
    ("GB", 1_000_000_000),
    ("MB", 1_000_000),
    ("kB", 1_000),
    ("B", 1),
];

/// A count of bytes, written with a unit: `64MiB`, `20MB`, `512`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ByteSize(u64);

impl ByteSize {
    /// So many bytes.
    pub const fn bytes(count: u64) -> ByteSize {
        ByteSize(count)
    }

    /// So many times 1,048,576 bytes.
    pub const fn mebibytes(count: u64) -> ByteSize {
        ByteSize(count << 20)
    }

    /// The count of bytes.
    pub const fn as_bytes(self) -> u64 {
        self.0
    }
}

/// Why a text is no amount.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum QuantityError {
    /// It does not begin with a whole number.
    #[error("a whole number is expected")]
    Number,
    /// What follows the number is no unit of bytes.
    #[error("the unit is one of B, KiB, MiB, GiB, TiB, kB, MB, GB, TB")]
    ByteUnit,
    /// What follows the number is no unit of time.
    #[error("the unit is one of ms, s, m, h, d, w, y")]
    TimeUnit,
    /// The amount is too large to count.
    #[error("the amount is too large")]
    Overflow,
}

impl FromStr for ByteSize {
    type Err = QuantityError;

    fn from_str(text: &str) -> Result<ByteSize, QuantityError> {
        let (count, unit) = split(text)?;
        let factor = match unit {
            "" => 1,
            _ => UNITS.iter().find(|(name, _)| *name == unit).ok_or(QuantityError::ByteUnit)?.1,
        };
        count.checked_mul(factor).map(ByteSize).ok_or(QuantityError::Overflow)
    }
}

impl fmt::Display for ByteSize {
    /// The largest binary unit that says it exactly.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let exact = UNITS[..4].iter().find(|(_, factor)| self.0 != 0 && self.0.is_multiple_of(*factor));
        match exact {
            Some((unit, factor)) => write!(f, "{}{unit}", self.0 / factor),
            None => write!(f, "{}B", self.0),
        }
    }
}

/// A span of time with its unit: `500ms`, `60s`, `5m`, `2h`, `7d`, `2w`, `1y` (365 days). Only
/// zero needs no unit.
pub fn parse_duration(text: &str) -> Result<Duration, QuantityError> {
    let (count, unit) = split(text)?;
    let unit_ms = match unit {
        "" if count == 0 => 1,
        "ms" => 1,
        "s" => 1_000,
        "m" => 60_000,
        "h" => 3_600_000,
        "d" => 86_400_000,
        "w" => 7 * 86_400_000,
        "y" => 365 * 86_400_000,
        _ => return Err(QuantityError::TimeUnit),
    };
    count.checked_mul(unit_ms).map(Duration::from_millis).ok_or(QuantityError::Overflow)
}

/// Splits a text into its leading number and what follows.
fn split(text: &str) -> Result<(u64, &str), QuantityError> {
    let digits = text.bytes().take_while(u8::is_ascii_digit).count();
    if digits == 0 {
        return Err(QuantityError::Number);
    }
    let count = text[..digits].parse().map_err(|_| QuantityError::Overflow)?;
    Ok((count, &text[digits..]))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_read_with_their_units_and_printed_canonically() {
        for (text, bytes, printed) in [
            ("64MiB", 64 << 20, "64MiB"),
            ("512", 512, "512B"),
            ("1024", 1024, "1KiB"),
            ("20MB", 20_000_000, "20000000B"),
            ("0", 0, "0B"),
            ("2TiB", 2 << 40, "2TiB"),
        ] {
            let size: ByteSize = text.parse().expect(text);
            assert_eq!((size.as_bytes(), size.to_string().as_str()), (bytes, printed));
            assert_eq!(size.to_string().parse(), Ok(size));
        }
    }

    #[test]
    fn what_is_no_size_is_refused_with_the_reason() {
        assert_eq!("MiB".parse::<ByteSize>(), Err(QuantityError::Number));
        assert_eq!("-1".parse::<ByteSize>(), Err(QuantityError::Number));
        assert_eq!("1.5MiB".parse::<ByteSize>(), Err(QuantityError::ByteUnit));
        assert_eq!("1 MiB".parse::<ByteSize>(), Err(QuantityError::ByteUnit));
        assert_eq!("99999999TiB".parse::<ByteSize>(), Err(QuantityError::Overflow));
        assert_eq!("99999999999999999999".parse::<ByteSize>(), Err(QuantityError::Overflow));
    }

    #[test]
    fn durations_need_a_unit_unless_they_are_zero() {
        assert_eq!(parse_duration("60s"), Ok(Duration::from_secs(60)));
        assert_eq!(parse_duration("1y"), Ok(Duration::from_secs(365 * 86_400)));
        assert_eq!(parse_duration("500ms"), Ok(Duration::from_millis(500)));
        assert_eq!(parse_duration("0"), Ok(Duration::ZERO));
        assert_eq!(parse_duration("60"), Err(QuantityError::TimeUnit));
        assert_eq!(parse_duration("s"), Err(QuantityError::Number));
    }
}
