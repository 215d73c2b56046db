//! The `Range` of a request: one span of bytes, or all of them.
//!
//! Several spans at once are answered with the whole, as the standard allows: no client of ours
//! asks for them, and answers to them are a known way to make a server work.

use star_core::ports::content::ByteRange;

/// What a `Range` asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Ranged {
    /// Everything; also what is asked for in words that are not understood.
    Whole,
    /// These bytes.
    Part(ByteRange),
    /// Bytes that are not there.
    Outside,
}

/// Reads the value of the header for a content of this size.
pub(crate) fn read(value: &str, size_bytes: u64) -> Ranged {
    let Some((unit, span)) = value.split_once('=') else { return Ranged::Whole };
    if !unit.trim().eq_ignore_ascii_case("bytes") {
        return Ranged::Whole;
    }
    let Some((first, last)) = span.trim().split_once('-') else { return Ranged::Whole };
    match (number(first), number(last)) {
        (Number::Missing, Number::Is(count)) => match count.min(size_bytes) {
            0 => Ranged::Outside,
            len => Ranged::Part(ByteRange { start: size_bytes - len, len }),
        },
        (Number::Is(start), Number::Missing) if start >= size_bytes => Ranged::Outside,
        (Number::Is(start), Number::Missing) => Ranged::Part(ByteRange { start, len: size_bytes - start }),
        (Number::Is(start), Number::Is(last)) if last < start => Ranged::Whole,
        (Number::Is(start), Number::Is(_)) if start >= size_bytes => Ranged::Outside,
        (Number::Is(start), Number::Is(last)) => {
            let last = last.min(size_bytes - 1);
            Ranged::Part(ByteRange { start, len: last - start + 1 })
        }
        _ => Ranged::Whole,
    }
}

enum Number {
    Missing,
    Is(u64),
    Wrong,
}

fn number(text: &str) -> Number {
    match text {
        "" => Number::Missing,
        text if text.bytes().all(|byte| byte.is_ascii_digit()) => {
            // More digits than fit mean an offset behind the end of everything.
            Number::Is(text.parse().unwrap_or(u64::MAX))
        }
        _ => Number::Wrong,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn part(start: u64, len: u64) -> Ranged {
        Ranged::Part(ByteRange { start, len })
    }

    #[test]
    fn ranges_are_read_as_the_standard_says() {
        for (value, expected) in [
            ("bytes=0-0", part(0, 1)),
            ("bytes=0-9", part(0, 10)),
            ("bytes=2-4", part(2, 3)),
            ("Bytes=2-4", part(2, 3)),
            ("bytes=2-99", part(2, 8)),
            ("bytes=9-", part(9, 1)),
            ("bytes=-3", part(7, 3)),
            ("bytes=-99", part(0, 10)),
            ("bytes=10-", Ranged::Outside),
            ("bytes=10-20", Ranged::Outside),
            ("bytes=99999999999999999999999-", Ranged::Outside),
            ("bytes=-0", Ranged::Outside),
            ("bytes=4-2", Ranged::Whole),
            ("bytes=-", Ranged::Whole),
            ("bytes=", Ranged::Whole),
            ("bytes=a-b", Ranged::Whole),
            ("bytes=+1-2", Ranged::Whole),
            ("bytes=0-1,3-4", Ranged::Whole),
            ("lines=0-1", Ranged::Whole),
            ("0-1", Ranged::Whole),
        ] {
            assert_eq!(read(value, 10), expected, "{value}");
        }
    }

    #[test]
    fn an_empty_content_has_no_part() {
        assert_eq!(read("bytes=0-", 0), Ranged::Outside);
        assert_eq!(read("bytes=-1", 0), Ranged::Outside);
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(256))]

        #[test]
        fn a_part_lies_inside_the_content(value in "bytes=[0-9]{0,4}-[0-9]{0,4}", size in 0u64..2000) {
            if let Ranged::Part(ByteRange { start, len }) = read(&value, size) {
                prop_assert!(len > 0 && start + len <= size);
            }
        }
    }
}
