//! Lists of resources: what a selector covers, page by page.

use std::sync::Arc;

use star_path::{Candidate, ResourcePath, Selector};
use star_wire::{ErrorCode, StarError};

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
        let mut range = keys::records_from(selector.literal_prefix());
        if let Some(from) = from {
            let start = Key::new(["r/", from].concat());
            range.start = range.start.max(start);
        }
        let mut page = Page::default();
        let mut seen = 0;
        loop {
            let rows = self.ports.meta.scan(range.clone(), limits::PAGE_DEFAULT).await;
            let rows = rows.map_err(|error| stored::read_failed(&ResourcePath::root(), &error))?;
            for (key, row) in rows.rows {
                let path = keys::path_of_record(&key).ok_or_else(|| damaged(&key))?;
                if page.resources.len() == limit || seen == limits::PAGE_SCAN {
                    page.next = Some(path.to_string());
                    return Ok(page);
                }
                seen += 1;
                let resource = Resource::from_row(path, &row)?;
                if covers(selector, &resource) && self.gate.allow(authority, Right::Read, &resource.path).await.is_ok()
                {
                    page.resources.push(resource);
                }
            }
            match rows.next {
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
