//! Which version a request asks for, and the one that its answer is in.

use std::sync::OnceLock;

use axum::body::Body;
use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderName, HeaderValue, Request, Response};
use star_api::shape;
use star_api::version::{self, ApiVersion};
use star_wire::{ErrorCode, StarError};

use crate::request_id::RequestId;
use crate::{rpc, status};

/// The header in which a version is asked for and answered.
pub(crate) const HEADER: HeaderName = HeaderName::from_static(version::HEADER);

/// The header that names what was left out.
pub(crate) const LOSSY: HeaderName = HeaderName::from_static(version::LOSSY);

/// What those who run a Star look at has no version: it is looked at to find out.
const UNVERSIONED: &[&str] = &["/", "/livez", "/readyz", "/metrics", "/version"];

/// The version that a request is answered in. Found among its extensions.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Spoken(ApiVersion);

impl Default for Spoken {
    /// For a request that nobody has looked at, which is one of a test.
    fn default() -> Spoken {
        Spoken(ApiVersion::NEWEST)
    }
}

impl Spoken {
    /// The version for a request with these headers.
    ///
    /// # Errors
    /// `UnsupportedVersion` when the text is no version, or one that is not spoken here.
    pub(crate) fn of(headers: &HeaderMap) -> Result<Spoken, StarError> {
        let mut asked = headers.get_all(HEADER).iter();
        let Some(first) = asked.next() else { return Ok(Spoken::default()) };
        if asked.next().is_some() {
            return Err(refused("there are two headers `star-api-version`".to_owned()));
        }
        let text = String::from_utf8_lossy(first.as_bytes());
        let version: ApiVersion =
            text.parse().map_err(|error: version::NotAVersion| refused(format!("`{text}`: {error}")))?;
        let spoken = version.answered_by(ApiVersion::NEWEST);
        spoken.map(Spoken).ok_or_else(|| refused(format!("version {version} of the API is not spoken here")))
    }

    /// Refuses a call that came after this version.
    pub(crate) fn knows_call(self, path: &str) -> Result<(), StarError> {
        // Most ask for the newest version, which knows all calls that there are.
        let since = if self == Spoken::default() { None } else { shape::call_since(path) };
        match since.filter(|since| *since > self.minor()) {
            None => Ok(()),
            Some(since) => {
                let message = format!("there is no call {path} in version {} of the API", self.0);
                let hint = format!("it came with version 1.{since}: ask for that one, or a newer one");
                Err(StarError::new(ErrorCode::UnsupportedMethod, message).hint(hint))
            }
        }
    }

    /// The minor version.
    pub(crate) fn minor(self) -> u32 {
        self.0.minor
    }

    fn header(self) -> HeaderValue {
        let written =
            |version: Spoken| HeaderValue::try_from(version.0.to_string()).expect("digits and a point are a value");
        // Nearly every answer is in the newest version.
        static NEWEST: OnceLock<HeaderValue> = OnceLock::new();
        match self == Spoken::default() {
            true => NEWEST.get_or_init(|| written(self)).clone(),
            false => written(self),
        }
    }
}

impl<S: Sync> FromRequestParts<S> for Spoken {
    type Rejection = std::convert::Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Spoken, Self::Rejection> {
        Ok(parts.extensions.get::<Spoken>().copied().unwrap_or_default())
    }
}

/// Looks at a request, notes the version for its handler, and says it in `answer`, or answers with
/// the refusal.
pub(crate) fn settle(request: &mut Request<Body>, request_id: &RequestId) -> Result<Spoken, Box<Response<Body>>> {
    let path = request.uri().path();
    let outcome = match UNVERSIONED.contains(&path) {
        true => Ok(Spoken::default()),
        false => Spoken::of(request.headers()),
    };
    match outcome {
        Ok(spoken) => {
            request.extensions_mut().insert(spoken);
            Ok(spoken)
        }
        Err(error) if rpc::is_call(path) => {
            let mut refusal = rpc::refused(&error, request_id, request.headers());
            mark(Spoken::default(), refusal.headers_mut());
            Err(Box::new(refusal))
        }
        Err(error) => {
            let mut refusal = status::problem(&error, request_id);
            mark(Spoken::default(), refusal.headers_mut());
            Err(Box::new(refusal))
        }
    }
}

/// Says in an answer which version it is in.
pub(crate) fn mark(spoken: Spoken, headers: &mut HeaderMap) {
    headers.insert(HEADER, spoken.header());
}

fn refused(message: String) -> StarError {
    let (oldest, newest) = (ApiVersion::OLDEST, ApiVersion::NEWEST);
    let hint = format!(
        "ask for a version from {oldest} to {newest} in the header `{}`, or for none; \
         an older client needs an update, and a client of another major version another Star",
        version::HEADER
    );
    StarError::new(ErrorCode::UnsupportedVersion, message).hint(hint)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn spoken(values: &[&str]) -> Result<String, ErrorCode> {
        let headers = values.iter().map(|value| (HEADER, HeaderValue::from_str(value).unwrap())).collect();
        Spoken::of(&headers).map(|spoken| spoken.0.to_string()).map_err(|error| error.code())
    }

    #[test]
    fn a_request_is_answered_in_the_lower_of_its_version_and_ours() {
        let newest = ApiVersion::NEWEST.to_string();
        assert_eq!(spoken(&[]), Ok(newest.clone()), "who says nothing sees everything");
        assert_eq!(spoken(&["1.0"]), Ok("1.0".into()));
        assert_eq!(spoken(&[&newest]), Ok(newest.clone()));
        assert_eq!(spoken(&["1.99"]), Ok(newest));
    }

    #[test]
    fn a_call_that_came_later_is_not_known_in_an_older_version() {
        let first = Spoken(ApiVersion::FIRST);
        assert_eq!(first.knows_call("/starlane.v1.Resources/Create"), Ok(()));
        let refused = first.knows_call("/starlane.v1.Locks/Lock").map_err(|error| error.code());
        assert_eq!(refused, Err(ErrorCode::UnsupportedMethod));
        assert_eq!(Spoken::default().knows_call("/starlane.v1.Locks/Lock"), Ok(()));
    }

    #[test]
    fn what_is_no_version_or_not_in_the_range_is_refused_with_the_range() {
        for bad in [&["2.0"][..], &["0.9"], &["1"], &["newest"], &["1.0.0"], &["1.0", "1.0"], &[""]] {
            assert_eq!(spoken(bad), Err(ErrorCode::UnsupportedVersion), "{bad:?}");
        }
        let headers = HeaderMap::from_iter([(HEADER, HeaderValue::from_static("2.0"))]);
        let error = Spoken::of(&headers).unwrap_err();
        assert!(error.hint_text().unwrap().contains(&format!("from 1.0 to {}", ApiVersion::NEWEST)), "{error:?}");
    }
}
