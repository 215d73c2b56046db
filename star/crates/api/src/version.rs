//! Versions of the API: how they are written, which there are, and which of them are spoken.
//!
//! The major version is the package of the schema, `starlane.v1`. A minor version is a list of what
//! was added, in `proto/minors`. Owns the grammar and the range; asking, answering and refusing are
//! the affair of those who speak HTTP.

use std::fmt;
use std::str::FromStr;

use crate::shape;

/// The header in which a version is asked for and answered.
pub const HEADER: &str = "star-api-version";

/// The header that names the fields that an answer in an older version had to leave out.
pub const LOSSY: &str = "star-lossy";

/// How many minor versions before the newest are still spoken: time for two releases to follow.
const OLDER_MINORS: u32 = 2;

/// Most digits of a number of a version: more than there will ever be, and no number overflows.
const DIGITS: usize = 5;

/// A version of the API, written like `1.3`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ApiVersion {
    /// Versions with another major understand each other in nothing.
    pub major: u32,
    /// One more whenever something is added.
    pub minor: u32,
}

/// A text that is no version.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NotAVersion;

impl ApiVersion {
    /// The newest version that this release speaks.
    pub const NEWEST: ApiVersion = ApiVersion { major: 1, minor: shape::NEWEST };

    /// The oldest version that this release speaks.
    pub const OLDEST: ApiVersion = ApiVersion::NEWEST.floor();

    /// The version that is spoken by a Star that says none: the first one.
    pub const FIRST: ApiVersion = ApiVersion { major: 1, minor: 0 };

    /// The oldest version that is spoken by those whose newest is this one.
    #[must_use]
    pub const fn floor(self) -> ApiVersion {
        ApiVersion { major: self.major, minor: self.minor.saturating_sub(OLDER_MINORS) }
    }

    /// The version in which to answer who asked for this one, if `newest` is the newest: the lower
    /// of the two. `None` outside of the range that is spoken.
    pub fn answered_by(self, newest: ApiVersion) -> Option<ApiVersion> {
        let spoken = self.major == newest.major && self >= newest.floor();
        spoken.then(|| self.min(newest))
    }
}

impl fmt::Display for ApiVersion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.major, self.minor)
    }
}

impl fmt::Display for NotAVersion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a version of the API is two numbers with a point between, such as `1.0`")
    }
}

impl std::error::Error for NotAVersion {}

impl FromStr for ApiVersion {
    type Err = NotAVersion;

    fn from_str(text: &str) -> Result<ApiVersion, NotAVersion> {
        let number = |digits: &str| {
            let plain = digits.len() <= DIGITS && digits.bytes().all(|byte| byte.is_ascii_digit());
            // One way to write each version, so that texts can be compared.
            let shortest = digits == "0" || !digits.starts_with('0');
            digits.parse().ok().filter(|_| plain && shortest).ok_or(NotAVersion)
        };
        let (major, minor) = text.split_once('.').ok_or(NotAVersion)?;
        Ok(ApiVersion { major: number(major)?, minor: number(minor)? })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn version(text: &str) -> ApiVersion {
        text.parse().unwrap()
    }

    #[test]
    fn a_version_is_two_numbers_and_is_written_in_one_way() {
        for text in ["1.0", "1.3", "0.9", "12.99999"] {
            assert_eq!(version(text).to_string(), text);
        }
        for text in ["", "1", "1.", ".1", "1.0.0", "v1.0", "01.0", "1.00", "1.+1", "-1.0", " 1.0", "1.x", "1.100000"] {
            assert_eq!(text.parse::<ApiVersion>(), Err(NotAVersion), "{text}");
        }
    }

    #[test]
    fn the_answer_is_in_the_lower_of_both_versions_and_two_minors_back_is_the_floor() {
        let newest = version("1.5");
        for (asked, answered) in [("1.5", Some("1.5")), ("1.9", Some("1.5")), ("1.3", Some("1.3"))] {
            assert_eq!(version(asked).answered_by(newest), answered.map(version), "{asked}");
        }
        for asked in ["1.2", "1.0", "0.5", "2.0", "2.5"] {
            assert_eq!(version(asked).answered_by(newest), None, "{asked}");
        }
        assert_eq!(version("1.1").floor(), version("1.0"), "there is nothing before the first");
    }
}
