//! Lists of resources, page by page: those that have records, and the Artifacts of a bundle, which
//! have none.

use buffa::Message;
use star_api::v1;
use star_core::command::{Command, Info, Opened};
use star_core::gate::{Authority, Right};
use star_core::kind::Kind;
use star_core::limits::PAGE_DEFAULT;
use star_core::stored;
use star_path::{Candidate, ResourcePath, Selector};
use star_wire::{ErrorCode, StarError};

use super::call::Call;
use super::cursor;
use crate::{limits, schema};

/// A page under construction.
#[derive(Default)]
struct Page {
    resources: Vec<v1::Resource>,
    bytes: usize,
    next: Option<String>,
}

pub(super) async fn list(call: &Call<'_>, request: &v1::ListRequest) -> Result<v1::ListResponse, StarError> {
    let selector = Selector::parse(&request.selector)?;
    if let Some(route) = selector.route() {
        let message = format!("resources of {route} cannot be listed from here");
        return Err(StarError::new(ErrorCode::UnknownRemote, message));
    }
    let from = cursor::read(&selector, &request.cursor)?;
    let from = from.as_deref();
    let size = match request.page_size {
        0 => PAGE_DEFAULT,
        asked => PAGE_DEFAULT.min(asked as usize),
    };
    let found = call.state.tree().select(&call.caller.authority, &selector, from, size).await?;
    let mut page = Page::default();
    for resource in &found.resources {
        page.add(schema::resource(resource), size);
    }
    // Artifacts lie behind the record of their bundle in the order of paths, so they come when all
    // records have come.
    match found.next {
        Some(next) => page.next = page.next.or(Some(next)),
        None => artifacts(call, &selector, from, size, &mut page).await?,
    }
    if page.resources.is_empty() && page.next.is_none() && matches!(*call.caller.authority, Authority::Anonymous) {
        // An empty list would tell somebody who forgot the key that there is nothing.
        call.state.tree().gate.allow(&call.caller.authority, Right::Read, selector.literal_prefix()).await?;
    }
    let next_cursor = page.next.map(|path| cursor::written(&selector, &path)).unwrap_or_default();
    Ok(v1::ListResponse { resources: page.resources, next_cursor, ..Default::default() })
}

impl Page {
    /// Takes one more if there is room; where there is none, the next page begins with it.
    fn add(&mut self, resource: v1::Resource, size: usize) {
        if self.next.is_some() {
            return;
        }
        let bytes = resource.encode_to_vec().len();
        let full = self.resources.len() == size || self.bytes + bytes > limits::PAGE_BYTES;
        if full && !self.resources.is_empty() {
            self.next = Some(resource.path);
            return;
        }
        self.bytes += bytes;
        self.resources.push(resource);
    }
}

/// The Artifacts that a selector covers, if it begins at a bundle or inside of one.
async fn artifacts(
    call: &Call<'_>,
    selector: &Selector,
    from: Option<&str>,
    size: usize,
    page: &mut Page,
) -> Result<(), StarError> {
    let prefix = selector.literal_prefix();
    let may_be_a_bundle = prefix.release().is_some() || prefix.files().is_some();
    if !may_be_a_bundle {
        return Ok(());
    }
    // Who may not see the bundle has no Artifacts, as who may not see a resource has none.
    let Ok(permit) = call.caller.admit(call.state, Info.envelope(prefix)?).await else { return Ok(()) };
    let opened = match call.state.tree().list_published(permit).await {
        Ok(opened) => opened.unwrap_or_default(),
        Err(error) if error.code() == ErrorCode::NotFound => return Ok(()),
        Err(error) => return Err(error),
    };
    let Some(first) = opened.first() else { return Ok(()) };
    let bundle = stored::require(&call.state.tree().ports.meta, &first.path.without_files()).await?;
    let covered = opened.iter().filter(|opened| covers(selector, opened));
    for artifact in covered.filter(|opened| from.is_none_or(|from| opened.path.as_str() >= from)) {
        page.add(schema::artifact(artifact, &bundle), size);
    }
    Ok(())
}

/// Whether a selector covers an Artifact, under the name by which the selector calls its bundle:
/// a tag or a requirement in place of the version.
fn covers(selector: &Selector, opened: &Opened) -> bool {
    let named = selector.literal_prefix().without_files();
    let path = match opened.path.files_decoded().map(|files| named.with_files(&files)) {
        Some(Ok(path)) => path,
        _ => opened.path.clone(),
    };
    let kind = Kind::Artifact.to_string();
    let no_attributes = |_: &str| None;
    let of = |path: &ResourcePath| selector.matches(&Candidate { path, kind: &kind, attribute: &no_attributes });
    of(&path).is_some()
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use star_core::ports::content::ContentRef;
    use star_path::Digest;

    use super::*;

    fn opened(path: &str) -> Opened {
        Opened {
            path: ResourcePath::parse(path).unwrap(),
            content: ContentRef { digest: Digest::sha256([7; 32]), size_bytes: 3 },
            content_type: Arc::from("text/html"),
            modified_ms: 0,
        }
    }

    #[test]
    fn artifacts_are_found_under_the_name_by_which_their_bundle_was_called() {
        let covered = |selector: &str, path: &str| covers(&Selector::parse(selector).unwrap(), &opened(path));
        assert!(covered("acme:site:1.0.0:/**", "acme:site:1.0.0:/docs/a.md"));
        assert!(covered("acme:site:latest:/**", "acme:site:1.0.0:/docs/a.md"));
        assert!(covered("acme:site:latest:/docs/*.md", "acme:site:1.0.0:/docs/a.md"));
        assert!(!covered("acme:site:latest:/docs/*.txt", "acme:site:1.0.0:/docs/a.md"));
    }

    #[test]
    fn a_page_is_cut_by_count_and_by_bytes() {
        let resource = |path: &str, title: &str| v1::Resource {
            path: path.into(),
            properties: [("title".to_owned(), title.to_owned())].into(),
            ..Default::default()
        };
        let mut page = Page::default();
        for path in ["a", "b", "c"] {
            page.add(resource(path, ""), 2);
        }
        assert_eq!((page.resources.len(), page.next.as_deref()), (2, Some("c")));
        let mut page = Page::default();
        let long = "x".repeat(limits::PAGE_BYTES);
        page.add(resource("a", &long), 10);
        page.add(resource("b", ""), 10);
        assert_eq!((page.resources.len(), page.next.as_deref()), (1, Some("b")), "one always fits");
    }
}
