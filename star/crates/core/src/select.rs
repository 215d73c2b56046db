//! Lists of resources: what a selector covers, page by page.
//!
//! Which rows are looked through is chosen by [`plan`](crate::find::plan); each of them leads to a
//! record, and the selector judges that. Whatever is written meanwhile: a resource that is there, and
//! covered, from the first page to the last is on one of them, once, because all pages together pass
//! each path once.

use std::sync::Arc;

use star_path::{Candidate, Selector};
use star_wire::{ErrorCode, StarError};

use crate::find::plan::Way;
use crate::gate::{Authority, Right};
use crate::keys;
use crate::limits;
use crate::ports::meta::Key;
use crate::record::Resource;
use crate::stored;
use crate::tree::Tree;

/// A page of a list.
#[derive(Debug, Clone, Default)]
pub struct Page {
    /// The resources, in the order of their paths.
    pub resources: Vec<Resource>,
    /// Where the next page begins: the path to go on from. None at the end.
    pub next: Option<String>,
}

impl Tree {
    /// The resources that a selector covers and the authority may see, from a path on.
    ///
    /// A page is cut when it has looked at very many rows, so it may be short, or empty, and
    /// still have a next one.
    pub async fn select(
        self: &Arc<Self>,
        authority: &Arc<Authority>,
        selector: &Selector,
        from: Option<&str>,
        limit: usize,
    ) -> Result<Page, StarError> {
        let limit = limit.clamp(1, limits::PAGE_MAX);
        let (meta, prefix) = (&self.ports.meta, selector.literal_prefix());
        let failed = |error| stored::read_failed(prefix, &error);
        let way = match selector.is_literal() {
            true => Way::Records,
            false => Way::choose(meta, selector).await.map_err(failed)?,
        };
        let mut range = way.range(prefix);
        if selector.is_literal() {
            range.start = keys::record(prefix);
            range.end = Some(Key::new([range.start.as_bytes(), &[0]].concat()));
        }
        if let Some(from) = from {
            range.start = range.start.max(way.start(from));
        }
        let mut page = Page::default();
        let mut seen = 0;
        loop {
            // One more than there is room for tells whether there is a next page.
            let of_use = limit - page.resources.len() + 1;
            let candidates = way.follow(meta, range.clone(), of_use).await.map_err(failed)?;
            for (key, path, row) in candidates.found {
                let path = path.ok_or_else(|| damaged(&key))?;
                if page.resources.len() == limit || seen == limits::PAGE_SCAN {
                    page.next = Some(path.to_string());
                    return Ok(page);
                }
                seen += 1;
                let Some(row) = row else { continue };
                let resource = Resource::from_row(path, &row)?;
                if covers(selector, &resource) && self.gate.allow(authority, Right::Read, &resource.path).await.is_ok()
                {
                    page.resources.push(resource);
                }
            }
            match candidates.next {
                Some(next) => range.start = next,
                None => return Ok(page),
            }
        }
    }
}

/// Whether a selector covers a resource.
pub fn covers(selector: &Selector, resource: &Resource) -> bool {
    let kind = resource.record.kind.to_string();
    let attribute = |key: &str| resource.attribute(key);
    selector.matches(&Candidate { path: &resource.path, kind: &kind, attribute: &attribute }).is_some()
}

fn damaged(key: &Key) -> StarError {
    StarError::new(ErrorCode::Corrupt, format!("the key {key:?} of the store is not the path of a resource"))
}
