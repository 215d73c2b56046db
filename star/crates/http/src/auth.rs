//! Who sends a request: the key in its headers, and what the gate says to it.
//!
//! A key comes as `Authorization: Bearer KEY`, or as the password of HTTP Basic under any user
//! name. What it is worth is decided by the gate. Keys are never logged and never part of an
//! error.

use std::sync::Arc;

use axum::extract::FromRequestParts;
use axum::http::HeaderMap;
use axum::http::header::AUTHORIZATION;
use axum::http::request::Parts;
use axum::response::Response;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use star_core::gate::{Authority, Permit};
use star_wire::{Envelope, ErrorCode, StarError};

use crate::request_id::RequestId;
use crate::state::ApiState;
use crate::status;

/// Who sends a request, and the identity of the request.
///
/// As an argument of a handler it refuses wrong credentials before a byte of the body is read.
#[derive(Debug, Clone)]
pub struct Caller {
    /// In whose name it is done.
    pub authority: Arc<Authority>,
    /// The identity of the request.
    pub request_id: RequestId,
}

impl Caller {
    /// Lets a message of this caller in.
    pub async fn admit(&self, state: &ApiState, envelope: Envelope) -> Result<Permit, StarError> {
        state.tree().admit(&self.authority, envelope.for_request(self.request_id.as_str())).await
    }

    /// The answer to this request for an error.
    pub fn refuse(&self, error: &StarError) -> Response {
        status::problem(error, &self.request_id)
    }
}

impl FromRequestParts<ApiState> for Caller {
    type Rejection = Response;

    async fn from_request_parts(parts: &mut Parts, state: &ApiState) -> Result<Caller, Response> {
        let request_id = parts.extensions.get::<RequestId>().cloned().unwrap_or_else(RequestId::made);
        match authority(state, &parts.headers) {
            Ok(authority) => Ok(Caller { authority, request_id }),
            Err(error) => Err(status::problem(&error, &request_id)),
        }
    }
}

/// In whose name a request with these headers is done.
///
/// # Errors
/// `LoginNeeded` when the credentials cannot be read or the key is not known. A request without
/// credentials is anonymous, and no error here.
pub fn authority(state: &ApiState, headers: &HeaderMap) -> Result<Arc<Authority>, StarError> {
    match key(headers)? {
        None => state.tree().gate.authenticate(None),
        Some(key) => state.tree().gate.authenticate(Some(key.as_str())),
    }
}

/// A key as it came. Neither printed nor compared.
pub struct Key(String);

impl Key {
    /// The text, for the gate.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// The key in the headers of a request; none for an anonymous one.
pub fn key(headers: &HeaderMap) -> Result<Option<Key>, StarError> {
    let mut values = headers.get_all(AUTHORIZATION).iter();
    let Some(value) = values.next() else { return Ok(None) };
    if values.next().is_some() {
        return Err(unreadable("there are two of them"));
    }
    let text = value.to_str().map_err(|_| unreadable("it is not plain text"))?;
    let (scheme, credentials) = text.trim().split_once(' ').ok_or_else(|| unreadable("it has one word only"))?;
    let credentials = credentials.trim();
    if scheme.eq_ignore_ascii_case("bearer") {
        Ok(Some(Key(credentials.to_owned())))
    } else if scheme.eq_ignore_ascii_case("basic") {
        password(credentials).map(Key).map(Some).ok_or_else(|| unreadable("it is not base64 of `user:key`"))
    } else {
        Err(unreadable("it is neither Bearer nor Basic"))
    }
}

fn password(credentials: &str) -> Option<String> {
    let decoded = String::from_utf8(STANDARD.decode(credentials).ok()?).ok()?;
    decoded.split_once(':').map(|(_, password)| password.to_owned())
}

fn unreadable(why: &str) -> StarError {
    StarError::new(ErrorCode::LoginNeeded, format!("the header `authorization` cannot be read: {why}"))
        .hint("send `Authorization: Bearer KEY`, or HTTP Basic with the key as the password")
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderValue;
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn every_key_is_read_and_no_header_does_harm(key in "[!-~]{1,64}", any in prop::collection::vec(any::<u8>(), 0..64)) {
            let basic = format!("Basic {}", STANDARD.encode(format!("user:{key}")));
            prop_assert_eq!(read(&[&basic]), Ok(Some(key.clone())));
            prop_assert_eq!(read(&[&format!("Bearer {key}")]), Ok(Some(key)));
            if let Ok(value) = HeaderValue::from_bytes(&any) {
                let outcome = super::key(&HeaderMap::from_iter([(AUTHORIZATION, value)]));
                prop_assert!(!matches!(outcome, Ok(None)), "credentials are never taken for none");
            }
        }
    }

    fn headers(values: &[&str]) -> HeaderMap {
        values.iter().map(|value| (AUTHORIZATION, HeaderValue::from_str(value).unwrap())).collect()
    }

    fn read(values: &[&str]) -> Result<Option<String>, ErrorCode> {
        key(&headers(values)).map(|key| key.map(|key| key.0)).map_err(|error| error.code())
    }

    #[test]
    fn a_key_comes_as_bearer_or_as_the_password_of_basic() {
        assert_eq!(read(&[]), Ok(None));
        assert_eq!(read(&["Bearer abc"]), Ok(Some("abc".into())));
        assert_eq!(read(&["bearer   abc "]), Ok(Some("abc".into())));
        assert_eq!(read(&["Basic YWRhOmFiYw=="]), Ok(Some("abc".into())), "ada:abc");
        assert_eq!(read(&["BASIC OmE6Yg=="]), Ok(Some("a:b".into())), ":a:b, a key may hold a colon");
    }

    #[test]
    fn credentials_that_cannot_be_read_are_not_taken_for_none() {
        for bad in ["Bearer", "abc", "Digest x", "Basic !!!", "Basic YWJj", "Basic /w=="] {
            assert_eq!(read(&[bad]), Err(ErrorCode::LoginNeeded), "{bad}");
        }
        assert_eq!(read(&["Bearer a", "Bearer b"]), Err(ErrorCode::LoginNeeded));
    }

    #[test]
    fn an_error_does_not_repeat_the_credentials() {
        let error = key(&headers(&["Basic c2VjcmV0"])).err().unwrap();
        assert!(!format!("{error} {:?}", error.hint_text()).contains("c2Vj"));
    }
}
