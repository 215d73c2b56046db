//! The URL of an upload: that of its File, with `?upload=ID`.

use std::fmt::Write as _;

use axum::http::{HeaderValue, Uri};
use star_core::uploads::UploadId;
use star_path::ResourcePath;
use star_wire::{ErrorCode, StarError};

/// What the query of the URL of an upload begins with.
const QUERY: &str = "upload=";

/// Whether a request is about an upload, and about which.
///
/// # Errors
/// `NotFound` for a name that no upload can have.
pub(super) fn named(uri: &Uri) -> Result<Option<UploadId>, StarError> {
    let Some(name) = uri.query().and_then(|query| query.strip_prefix(QUERY)) else { return Ok(None) };
    let unknown = |error: star_core::uploads::NoUploadId| {
        StarError::new(ErrorCode::NotFound, "there is no such upload").because(&error)
    };
    name.parse().map(Some).map_err(unknown)
}

/// The URL, without host: whatever name the Star has for a client, it is the one that the client used.
pub(super) fn of(path: &ResourcePath, id: UploadId) -> HeaderValue {
    let mut url = String::from("/r/");
    for byte in path.as_str().bytes() {
        match byte {
            b'!' | b'$'..=b';' | b'=' | b'@'..=b'Z' | b'_' | b'a'..=b'z' | b'~' => url.push(char::from(byte)),
            other => write!(url, "%{other:02X}").expect("a text takes what is written to it"),
        }
    }
    HeaderValue::try_from(format!("{url}?{QUERY}{id}")).expect("what is not printable ASCII was encoded")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::files::{address, behind};

    #[test]
    fn the_url_of_an_upload_leads_back_to_its_path_and_name() {
        let id = UploadId::made().unwrap();
        for text in ["acme:web:/a.txt", "acme:web:/grüße/%20b", "acme:web:/50%25", "acme:web:/(x)*'&+,;=@!$~"] {
            let path = address::path(text).unwrap();
            let url: Uri = of(&path, id).to_str().unwrap().parse().unwrap();
            assert_eq!(address::path(behind(url.path(), "/r/")).unwrap(), path, "{url}");
            assert_eq!(named(&url).unwrap(), Some(id), "{url}");
        }
        let uri = |text: &str| text.parse::<Uri>().unwrap();
        assert_eq!(named(&uri("/r/acme:web:/a")).unwrap(), None);
        assert_eq!(named(&uri("/r/acme:web:/a?recursive=true")).unwrap(), None);
        assert_eq!(named(&uri("/r/acme:web:/a?upload=x")).unwrap_err().code(), ErrorCode::NotFound);
    }
}
