//! What is known of the site of a host: the routes in force, or why there are none.

use std::sync::Arc;

use star_core::command::{Command, Info};
use star_core::event::{Event, EventType};
use star_core::gate::Authority;
use star_core::kind::Kind;
use star_core::tree::Tree;
use star_path::ResourcePath;
use star_wire::{ErrorCode, StarError};

use super::routes::Routes;

/// A site as it was at some moment of the log.
pub(super) struct Site {
    /// The Space whose site it is.
    pub(super) space: ResourcePath,
    /// In whose name its visitors reach what the routes lead to.
    pub(super) visitor: Arc<Authority>,
    /// Where `#routes` leads, if it is set.
    pub(super) source: Option<ResourcePath>,
    /// What becomes of requests.
    pub(super) routing: Routing,
}

/// What becomes of requests.
pub(super) enum Routing {
    /// They are routed.
    Ready(Arc<Routes>),
    /// There is no Space of this name.
    NoSpace,
    /// The Space has no routes yet.
    NoRoutes,
    /// There is nothing where `#routes` leads.
    Missing(StarError),
    /// What is there cannot be read as routes, and none were in force before.
    Broken(StarError),
}

/// A site, and the routes that were left aside for it.
pub(super) struct Loaded {
    pub(super) site: Site,
    /// Why what `#routes` leads to now is not in force.
    pub(super) rejected: Option<StarError>,
}

impl Site {
    /// Looks at a Space. When its routes cannot be read, the `former` ones stay in force.
    ///
    /// # Errors
    /// Only for faults that may pass, such as a disk that does not answer.
    pub(super) async fn load(
        tree: &Arc<Tree>,
        space: &ResourcePath,
        former: Option<Arc<Routes>>,
    ) -> Result<Loaded, StarError> {
        let visitor = tree.gate.visitor(space);
        let site = |source, routing| Site { space: space.clone(), visitor: visitor.clone(), source, routing };
        let settled = |site| Ok(Loaded { site, rejected: None });
        let permit = tree.gate.admit(&Authority::system(), Info.envelope(space)?).await?;
        let described = match tree.ask(permit).await {
            Ok(reply) => Info::answer(&reply)?,
            Err(error) if error.code() == ErrorCode::NotFound => return settled(site(None, Routing::NoSpace)),
            Err(error) => return Err(error),
        };
        let Some(routes) = described.record.property("routes") else {
            return settled(site(None, Routing::NoRoutes));
        };
        let source = ResourcePath::parse(routes)?;
        settled_series(tree, &source).await?;
        match star_kinds::load_routes(tree, &visitor, space, &source).await {
            Ok((_, table)) => settled(site(Some(source), Routing::Ready(Arc::new(Routes::of(table))))),
            Err(error) if is_broken(error.code()) => {
                let routing = former.map_or_else(|| Routing::Broken(error.clone()), Routing::Ready);
                Ok(Loaded { site: site(Some(source), routing), rejected: Some(error) })
            }
            Err(error) if is_missing(error.code()) => settled(site(Some(source), Routing::Missing(error))),
            Err(error) => Err(error),
        }
    }

    /// Whether this may be another site after an event.
    pub(super) fn concerned_by(&self, event: &Event) -> bool {
        let changes_nothing = matches!(
            event.what,
            EventType::RoutesRejected | EventType::Broadcast | EventType::Status | EventType::DeadLetter
        );
        if changes_nothing {
            return false;
        }
        let path = &event.path;
        if *path == self.space {
            return true;
        }
        let Some(source) = &self.source else { return false };
        // A version that comes or goes can be what a requirement means from now on.
        let of_series =
            event.kind == Kind::ArtifactBundle && path.parent().is_some_and(|series| source.is_within(&series));
        of_series || source.is_within(path)
    }
}

/// Waits until what is above the last name of a path has told everybody what it committed.
///
/// The log knows of a tag that moved a moment before the paths through it lead elsewhere; what is
/// read in that moment and kept would stay old. The mailbox of the series is behind that moment.
async fn settled_series(tree: &Arc<Tree>, source: &ResourcePath) -> Result<(), StarError> {
    let Some(series) = source.without_files().parent() else { return Ok(()) };
    let permit = tree.gate.admit(&Authority::system(), Info.envelope(&series)?).await?;
    match tree.ask(permit).await {
        Err(error) if !is_missing(error.code()) => Err(error),
        _ => Ok(()),
    }
}

/// What somebody wrote is not right.
fn is_broken(code: ErrorCode) -> bool {
    matches!(code, ErrorCode::InvalidRoutes | ErrorCode::InvalidDocument | ErrorCode::TooLarge)
}

/// There is nothing to read, or nothing that a visitor may read.
fn is_missing(code: ErrorCode) -> bool {
    use ErrorCode::{
        Denied, LoginNeeded, NotFound, ParentNotFound, PreconditionFailed, UnsupportedMethod, VersionNotFound,
    };
    matches!(
        code,
        NotFound | ParentNotFound | VersionNotFound | UnsupportedMethod | Denied | LoginNeeded | PreconditionFailed
    )
}

#[cfg(test)]
mod tests {
    use star_wire::Agent;

    use super::*;

    fn path(text: &str) -> ResourcePath {
        ResourcePath::parse(text).unwrap()
    }

    fn site(source: &str) -> Site {
        Site {
            space: path("acme"),
            visitor: Arc::new(Authority::Visitor { space: path("acme") }),
            source: Some(path(source)),
            routing: Routing::NoRoutes,
        }
    }

    #[test]
    fn a_site_is_read_again_only_after_what_can_change_it() {
        use EventType::{Changed, Created, Deleted, Published, RoutesRejected, Tagged, Written};
        use Kind::{ArtifactBundle, ArtifactBundleSeries, File, FileSystem, Space};
        let (tagged, ranged, file) = (
            site("acme:site:latest:/routes.conf"),
            site("acme:site:(^1):/routes.conf"),
            site("acme:fs:/a/routes.conf"),
        );
        for (what, kind, at, concerned) in [
            (Changed, Space, "acme", [true, true, true]),
            (RoutesRejected, Space, "acme", [false, false, false]),
            (Changed, Space, "other", [false, false, false]),
            (Tagged, ArtifactBundleSeries, "acme:site", [true, true, false]),
            (Tagged, ArtifactBundleSeries, "acme:site2", [false, false, false]),
            (Published, ArtifactBundle, "acme:site:1.0.0", [true, true, false]),
            (Published, ArtifactBundle, "acme:other:1.0.0", [false, false, false]),
            (Written, File, "acme:fs:/a/routes.conf", [false, false, true]),
            (Written, File, "acme:fs:/a/other.conf", [false, false, false]),
            (Deleted, File, "acme:fs:/a/", [false, false, true]),
            (Created, FileSystem, "acme:fs", [false, false, true]),
        ] {
            let event = Event::new(what, &path(at), kind, &Agent::Anonymous);
            let found = [&tagged, &ranged, &file].map(|site| site.concerned_by(&event));
            assert_eq!(found, concerned, "{what:?} {at}");
        }
    }
}
