//! What is to be published, as the URL and the headers say it.

use axum::extract::Query;
use axum::http::header::{CONTENT_ENCODING, CONTENT_TYPE};
use axum::http::request::Parts;
use axum::http::{HeaderMap, Uri};
use semver::Version;
use star_path::ResourcePath;
use star_wire::{ErrorCode, StarError};

use crate::files::{address, behind};

/// A version that is to be published.
#[derive(Debug)]
pub(super) struct Target {
    /// The path of the version.
    pub(super) bundle: ResourcePath,
    /// The series that gets it.
    pub(super) series: ResourcePath,
    /// The version.
    pub(super) version: Version,
    /// Tags to point at it.
    pub(super) tags: Vec<String>,
}

impl Target {
    /// Reads the head of a request.
    pub(super) fn of(parts: &Parts) -> Result<Target, StarError> {
        check_form(&parts.headers)?;
        let bundle = address::path(behind(parts.uri.path(), "/bundles/"))?;
        let is_version = bundle.files().is_none() && bundle.digest().is_none();
        let Some(version) = bundle.version().filter(|_| is_version).cloned() else {
            let series = bundle.without_release();
            return Err(invalid(format!("{bundle} is not the path of a version"))
                .at(&bundle)
                .hint(format!("an exact version stands last: {series}:1.0.0")));
        };
        let series = bundle.without_release();
        if series.names().next().is_none() {
            return Err(invalid(format!("{bundle} has no name for the bundle"))
                .at(&bundle)
                .hint(format!("a bundle has a name in its Space: {series}:site:{version}")));
        }
        let tags = tags(&parts.uri, &series)?;
        Ok(Target { bundle, series, version, tags })
    }
}

/// The tags of the query. They are read here already, because a series that is missing is made
/// before it could refuse one.
fn tags(uri: &Uri, series: &ResourcePath) -> Result<Vec<String>, StarError> {
    let Query(pairs) = Query::<Vec<(String, String)>>::try_from_uri(uri)
        .map_err(|error| invalid("the query cannot be read".to_owned()).because(&error))?;
    let mut tags = Vec::new();
    for (key, tag) in pairs {
        if key != "tag" {
            return Err(invalid(format!("there is no option `{}`", key.escape_debug())).hint("`?tag=latest`"));
        }
        if series.child(&tag).is_err() || Version::parse(&tag).is_ok() {
            return Err(invalid(format!("`{}` is no name of a tag", tag.escape_debug()))
                .at(series)
                .hint("letters, digits, `.`, `_` and `-`, and no full version, e.g. `latest` or `v1.4`"));
        }
        if !tags.contains(&tag) {
            tags.push(tag);
        }
    }
    Ok(tags)
}

fn check_form(headers: &HeaderMap) -> Result<(), StarError> {
    let form = headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or("application/x-tar");
    let essence = form.split(';').next().unwrap_or_default().trim();
    let known = ["application/x-tar", "application/tar", "application/octet-stream"];
    let plain = known.iter().any(|known| essence.eq_ignore_ascii_case(known));
    if plain && !headers.contains_key(CONTENT_ENCODING) {
        return Ok(());
    }
    Err(invalid("the body of a publish is a plain tar archive".to_owned())
        .hint("`content-type: application/x-tar`, not compressed"))
}

fn invalid(message: String) -> StarError {
    StarError::new(ErrorCode::InvalidArgument, message)
}

#[cfg(test)]
mod tests {
    use axum::http::Request;

    use super::*;

    fn target(uri: &str) -> Result<Target, StarError> {
        let (parts, ()) = Request::post(uri).header(CONTENT_TYPE, "application/x-tar").body(()).unwrap().into_parts();
        Target::of(&parts)
    }

    #[test]
    fn version_and_tags_are_read_from_the_url() {
        let read = target("/bundles/acme:team:site:1.2.0?tag=latest&tag=v1&tag=latest").unwrap();
        assert_eq!(read.bundle.as_str(), "acme:team:site:1.2.0");
        assert_eq!(read.series.as_str(), "acme:team:site");
        assert_eq!((read.version, read.tags), (Version::new(1, 2, 0), vec!["latest".to_owned(), "v1".to_owned()]));
    }

    #[test]
    fn what_is_no_version_or_no_tag_is_refused() {
        for uri in [
            "/bundles/acme:site",
            "/bundles/acme:site:latest",
            "/bundles/acme:site:(%5E1)",
            "/bundles/acme:1.0.0",
            "/bundles/acme:site:1.0.0:/x",
            "/bundles/acme:site:1.0.0?tag=1.0.0",
            "/bundles/acme:site:1.0.0?tag=a%20b",
            "/bundles/acme:site:1.0.0?tags=latest",
        ] {
            assert_eq!(target(uri).unwrap_err().code(), ErrorCode::InvalidArgument, "{uri}");
        }
    }

    #[test]
    fn a_compressed_archive_is_refused_before_it_comes() {
        let request = Request::post("/bundles/acme:site:1.0.0").header(CONTENT_TYPE, "application/gzip");
        let (parts, ()) = request.body(()).unwrap().into_parts();
        assert!(Target::of(&parts).unwrap_err().hint_text().unwrap().contains("not compressed"));
    }
}
