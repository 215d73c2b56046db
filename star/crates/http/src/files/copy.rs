//! Copies on the server: a PUT whose header `Star-Copy-Source` names where the content is.
//!
//! A PUT, and no method of its own: conditions, fences and idempotency keys mean what they mean for
//! every PUT, all of them about the target, and it passes proxies that know no other methods. The
//! source is named as in a URL behind `/r/`. A `repr-digest` is that of the source as the client knows
//! it; with it, a Star that does not know the header refuses the request (the body is empty, and its
//! digest another one) instead of writing an empty file.

use axum::http::HeaderMap;
use axum::http::request::Parts;
use star_core::command::{Changed, Command, Copy};
use star_core::lock::fence::fenced;
use star_core::once::keyed;
use star_path::ResourcePath;
use star_wire::{ErrorCode, StarError};

use super::upload::{self, Upload};
use super::{address, conditions, media};
use crate::auth::Caller;
use crate::idempotency;
use crate::state::ApiState;

/// The header that names the source.
const HEADER: &str = "star-copy-source";

/// The path of the source, if a request names one.
///
/// # Errors
/// `InvalidArgument` where it stands twice or is no text, `MalformedPath` where it is no path.
pub(super) fn source(headers: &HeaderMap) -> Result<Option<ResourcePath>, StarError> {
    let mut values = headers.get_all(HEADER).iter();
    let Some(value) = values.next() else { return Ok(None) };
    let invalid = |why: &str| StarError::new(ErrorCode::InvalidArgument, format!("the header `{HEADER}` {why}"));
    if values.next().is_some() {
        return Err(invalid("stands twice"));
    }
    let text = value.to_str().map_err(|_| invalid("is no text").hint("percent-encode it, as in a URL"))?;
    address::path(text).map(Some)
}

/// Makes what is at the source the content of a File, with its properties and labels.
pub(super) async fn copy(
    state: &ApiState,
    caller: &Caller,
    parts: &Parts,
    upload: &mut Upload,
    from: ResourcePath,
) -> Result<Changed, StarError> {
    let to = address::path(super::behind(parts.uri.path(), "/r/"))?;
    let copy = Copy {
        from,
        digest: upload::announced_digest(&parts.headers)?,
        content_type: media::given(&parts.headers)?,
        only_if: conditions::of_put(&parts.headers)?,
    };
    let envelope = fenced(copy.envelope(&to)?, super::fence(&parts.headers)?);
    let key = idempotency::key(&parts.headers)?;
    let permit = caller.admit(state, keyed(envelope, key.as_ref())).await?;
    if !upload.is_empty().await.map_err(|error| upload::cut(&to, &error))? {
        return Err(StarError::new(
            ErrorCode::InvalidArgument,
            "a copy takes its bytes from its source, and these came",
        )
        .at(&to)
        .hint(format!("send either `{HEADER}` or a body")));
    }
    Copy::answer(&state.tree().ask(permit).await?)
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderValue;

    use super::*;

    #[test]
    fn a_source_is_named_once_and_as_in_a_url() {
        let headers = |values: &[&'static str]| {
            let mut headers = HeaderMap::new();
            for value in values {
                headers.append(HEADER, HeaderValue::from_static(value));
            }
            source(&headers)
        };
        assert_eq!(headers(&[]).unwrap(), None);
        let named = headers(&["acme%3Aweb:/gr%C3%BC%C3%9Fe"]).unwrap().unwrap();
        assert_eq!(named.as_str(), "acme:web:/grüße");
        for wrong in [&["acme:web:/a", "acme:web:/b"][..], &["acme:web:/../b"], &["/r/acme:web:/a"]] {
            assert!(headers(wrong).is_err(), "{wrong:?}");
        }
    }
}
