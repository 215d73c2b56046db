//! The version of the API that this client asks for, and what the Star answers in.
//!
//! Every request asks for the newest version that this release knows, and every answer says which it
//! is in; a Star that says none is of the first release. What is read wrongly by an older Star, and
//! not refused, is not sent to one: fencing tokens and idempotency keys, which it would pass over.

use std::sync::atomic::{AtomicU32, Ordering};

use reqwest::Response;
use star_api::v1;
use star_api::version::{self, ApiVersion};

use crate::client::Client;
use crate::error::ClientError;

/// The header in which a version is asked for and answered.
pub(crate) const HEADER: &str = version::HEADER;

/// The version with which fencing tokens and idempotency keys came.
const PROMISES: ApiVersion = ApiVersion { major: 1, minor: 1 };

/// What a Star was last heard to speak: its minor version and one, or nothing yet.
#[derive(Debug, Default)]
pub(crate) struct Heard(AtomicU32);

impl Heard {
    fn note(&self, version: ApiVersion) {
        self.0.store(version.minor.saturating_add(1), Ordering::Relaxed);
    }

    fn get(&self) -> Option<ApiVersion> {
        let minor = self.0.load(Ordering::Relaxed).checked_sub(1)?;
        Some(ApiVersion { major: ApiVersion::NEWEST.major, minor })
    }
}

impl Client {
    /// The version that the Star was last heard to speak with this client; `None` before the first
    /// answer.
    pub fn spoken(&self) -> Option<ApiVersion> {
        self.heard.get()
    }

    /// Notes the version that an answer is in, and that it can be read.
    pub(crate) fn hear(&self, response: &Response) -> Result<(), ClientError> {
        let said = response.headers().get(HEADER).map(|value| String::from_utf8_lossy(value.as_bytes()).into_owned());
        match said {
            Some(said) => {
                let spoken = readable(&said).ok_or_else(|| self.other_version(said, ApiVersion::OLDEST))?;
                self.heard.note(spoken);
            }
            // A proxy that answers in place of a Star says nothing either, but no success.
            None if response.status().is_success() => self.heard.note(ApiVersion::FIRST),
            None => {}
        }
        Ok(())
    }

    /// Whether the Star keeps what clients rely on since version 1.1: asks it, if it was not heard
    /// yet.
    pub(crate) async fn keeps_promises(&self) -> Result<bool, ClientError> {
        if self.spoken().is_none() {
            let asked: Result<v1::WhoAmIResponse, _> =
                self.unary_within(self.timeout(), "Stars/WhoAmI", &v1::WhoAmIRequest::default()).await;
            if let (Err(error), None) = (asked, self.spoken()) {
                return Err(error);
            }
        }
        Ok(self.spoken().is_some_and(|spoken| spoken >= PROMISES))
    }

    /// Refuses to send fencing tokens to a Star that would pass over them.
    pub(crate) async fn refuse_to_be_unfenced(&self) -> Result<(), ClientError> {
        if self.keeps_promises().await? {
            return Ok(());
        }
        let spoken = self.spoken().unwrap_or(ApiVersion::FIRST);
        Err(self.other_version(spoken.to_string(), PROMISES))
    }

    fn other_version(&self, spoken: String, oldest: ApiVersion) -> ClientError {
        ClientError::Version { url: self.url().to_owned(), spoken, oldest, newest: ApiVersion::NEWEST }
    }
}

/// The version that an answer is in, if this release can read it.
fn readable(said: &str) -> Option<ApiVersion> {
    let spoken: ApiVersion = said.parse().ok()?;
    let newest = ApiVersion::NEWEST;
    (spoken.major == newest.major && (newest.floor()..=newest).contains(&spoken)).then_some(spoken)
}

/// A range of versions, in words.
pub(crate) fn range(oldest: ApiVersion, newest: ApiVersion) -> String {
    if oldest == newest { oldest.to_string() } else { format!("{oldest} to {newest}") }
}

/// What helps when a Star speaks another version.
pub(crate) fn remedy(spoken: &str, newest: ApiVersion) -> &'static str {
    match spoken.parse::<ApiVersion>() {
        Ok(spoken) if spoken < newest => "update the Star",
        Ok(_) => "update this client",
        Err(_) => "is this a Star?",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_is_read_in_every_version_that_this_release_knows() {
        let newest = ApiVersion::NEWEST.to_string();
        assert_eq!(readable("1.0").map(|version| version.to_string()).as_deref(), Some("1.0"));
        assert_eq!(readable(&newest), Some(ApiVersion::NEWEST));
        for bad in ["2.0", "0.9", "1.99", "", "one"] {
            assert_eq!(readable(bad), None, "{bad}");
        }
    }

    #[test]
    fn a_range_of_one_version_is_that_version() {
        let (first, newest) = (ApiVersion::FIRST, ApiVersion { major: 1, minor: 3 });
        assert_eq!((range(first, newest).as_str(), range(newest, newest).as_str()), ("1.0 to 1.3", "1.3"));
    }

    #[test]
    fn the_remedy_is_on_the_side_that_is_older() {
        let newest = ApiVersion::NEWEST;
        assert_eq!(remedy("1.0", newest), "update the Star");
        assert_eq!(remedy("0.9", newest), "update the Star");
        assert_eq!(remedy("2.0", newest), "update this client");
        assert_eq!(remedy("?", newest), "is this a Star?");
    }
}
