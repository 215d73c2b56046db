//! The routes in force of a site, and the files that they led to lately.
//!
//! To match a path, render the target and read it as a path of a resource costs as much as the rest
//! of what we do for a small file, and pages are asked for again and again. What a rule leads to
//! follows from the table and the request alone, so it holds as long as the table does.

use std::sync::{Arc, OnceLock};

use axum::http::Method;
use quick_cache::sync::Cache;
use star_kinds::routes::{Matched, RouteOptions, RouteTable};
use star_path::ResourcePath;

use crate::limits;

/// The routes in force of a site.
pub(super) struct Routes {
    table: RouteTable,
    /// By the path of a GET. Made when there is the first, because most sites are never visited.
    files: OnceLock<Cache<Box<str>, Arc<File>>>,
}

/// A file that a rule leads to.
struct File {
    rule: usize,
    path: ResourcePath,
}

/// A file that is asked for, and how the rule wants it to be treated.
pub(super) struct ToFile<'t> {
    file: Arc<File>,
    pub(super) options: &'t RouteOptions,
}

impl ToFile<'_> {
    /// The file. Version requirements and tags in its path are still to be resolved.
    pub(super) fn path(&self) -> &ResourcePath {
        &self.file.path
    }
}

impl Routes {
    /// With nothing remembered.
    pub(super) fn of(table: RouteTable) -> Routes {
        Routes { table, files: OnceLock::new() }
    }

    /// The rules.
    pub(super) fn table(&self) -> &RouteTable {
        &self.table
    }

    /// The file that a request led to lately.
    pub(super) fn remembered(&self, method: &Method, path: &str) -> Option<ToFile<'_>> {
        if method != Method::GET {
            return None;
        }
        let file = self.files.get()?.get(path)?;
        let options = self.table.rules().get(file.rule)?.options();
        Some(ToFile { file, options })
    }

    /// How many paths are remembered.
    pub(super) fn remembers(&self) -> usize {
        self.files.get().map_or(0, Cache::len)
    }

    /// Remembers that a request led to a file.
    pub(super) fn remember(&self, method: &Method, path: &str, matched: &Matched<'_, '_>, file: &ResourcePath) {
        if method == Method::GET && path.len() <= limits::REMEMBERED_PATH_BYTES {
            let files = self.files.get_or_init(|| Cache::new(limits::REMEMBERED_FILES));
            files.insert(path.into(), Arc::new(File { rule: matched.number(), path: file.clone() }));
        }
    }
}

#[cfg(test)]
mod tests {
    use star_kinds::config::Scope;
    use star_kinds::routes::Destination;

    use super::*;

    fn routes(text: &str) -> Routes {
        let scope = Scope::none().for_resource(&ResourcePath::parse("acme").unwrap());
        Routes::of(RouteTable::parse("routes.conf", text, &scope).unwrap())
    }

    fn lead(routes: &Routes, method: &Method, path: &str) {
        let matched = routes.table().find(method.as_str(), path).unwrap().unwrap();
        let Destination::Resource { path: file, .. } = matched.target().unwrap() else { panic!("no file") };
        routes.remember(method, path, &matched, &file);
    }

    #[test]
    fn what_is_remembered_is_where_the_rules_lead() {
        let routes = routes("PUT /a -> acme:fs:/put;\nGET /{*p} -> acme:fs:/{p};");
        assert!(routes.remembered(&Method::GET, "/a").is_none());
        lead(&routes, &Method::GET, "/a");
        lead(&routes, &Method::GET, "/b%20c");
        let remembered = |path: &str| routes.remembered(&Method::GET, path).map(|to| to.path().to_string());
        assert_eq!(remembered("/a").as_deref(), Some("acme:fs:/a"));
        assert_eq!(remembered("/b%20c").as_deref(), Some("acme:fs:/b%20c"));
        assert_eq!(remembered("/b"), None);
    }

    #[test]
    fn another_method_has_rules_of_its_own() {
        let routes = routes("PUT /a -> acme:fs:/put;\nGET /{*p} -> acme:fs:/{p};");
        lead(&routes, &Method::PUT, "/a");
        lead(&routes, &Method::GET, "/a");
        assert!(routes.remembered(&Method::PUT, "/a").is_none());
        assert!(routes.remembered(&Method::HEAD, "/a").is_none());
    }

    #[test]
    fn visitors_cannot_make_it_remember_without_end() {
        let routes = routes("GET /{*p} -> acme:fs:/{p};");
        for number in 0..4 * limits::REMEMBERED_FILES {
            lead(&routes, &Method::GET, &format!("/{number}"));
        }
        let long = format!("/{}", "x".repeat(100)).repeat(3);
        lead(&routes, &Method::GET, &long);
        assert!(routes.remembered(&Method::GET, &long).is_none());
        assert!(routes.files.get().unwrap().len() <= limits::REMEMBERED_FILES);
    }
}
