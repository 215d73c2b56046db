//! Which door a request came through, and the name of its route for metrics.
//!
//! Names come from a fixed list: a metric whose label a visitor could choose would grow without
//! end.

use crate::rpc;

/// A listener, by what it serves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Surface {
    /// The API.
    Api,
    /// Web sites.
    Web,
}

/// Routes below which the rest of the path is the affair of their handler.
const TREES: &[(&str, &str)] = &[("/r/", "/r"), ("/bundles/", "/bundles")];

/// Routes that are just one path.
const PAGES: &[&str] = &["/", "/events", "/livez", "/readyz", "/metrics", "/version"];

impl Surface {
    /// The name of the route that a path leads to.
    pub(super) fn route(self, path: &str) -> &'static str {
        match self {
            Surface::Web => "web",
            Surface::Api => api_route(path),
        }
    }
}

fn api_route(path: &str) -> &'static str {
    let call = rpc::PROCEDURES.iter().find(|procedure| **procedure == path);
    let tree = || TREES.iter().find(|(prefix, _)| path.starts_with(prefix)).map(|(_, name)| name);
    let page = || PAGES.iter().find(|page| **page == path);
    call.or_else(tree).or_else(page).copied().unwrap_or("other")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_that_nobody_knows_has_the_same_name_as_all_such_paths() {
        for (path, name) in [
            ("/starlane.v1.Messages/Ask", "/starlane.v1.Messages/Ask"),
            ("/starlane.v1.Messages/Bask", "other"),
            ("/r/acme:web:/a", "/r"),
            ("/bundles/acme:site:1.0.0", "/bundles"),
            ("/events", "/events"),
            ("/events/x", "other"),
            ("/", "/"),
        ] {
            assert_eq!(Surface::Api.route(path), name, "{path}");
        }
        assert_eq!(Surface::Web.route("/events"), "web");
    }
}
