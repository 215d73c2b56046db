//! One web request, from its host to its answer.

use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::request::Parts;
use axum::http::{Method, StatusCode};
use axum::response::Response;
use star_kinds::routes::{Destination, MethodSet, RouteOptions};
use star_wire::{ErrorCode, StarError};

use super::routes::Routes;
use super::site::{Routing, Site};
use super::sites::Sites;
use super::{Web, code, file, headers, host, refusal, steps, trouble};
use crate::request_id::RequestId;
use crate::state::ApiState;

/// A request whose site is known.
pub(super) struct Visit<'r> {
    pub(super) state: &'r ApiState,
    pub(super) site: &'r Site,
    pub(super) parts: &'r Parts,
    /// Host and port as the visitor wrote them.
    pub(super) authority: &'r str,
    pub(super) request_id: &'r RequestId,
}

/// Answers a web request.
pub(super) async fn visit(State(web): State<Web>, request_id: RequestId, request: Request) -> Response {
    let (parts, body) = request.into_parts();
    let host = match host::of(&parts.uri, &parts.headers) {
        Ok(host) => host,
        Err(bad) => return trouble::bad_host(&web.state, &parts, &request_id, &bad),
    };
    let site = match web.sites.of(&host.space).await {
        Ok(site) => site,
        Err(error) => return refusal::without_site(&parts, &request_id, &error),
    };
    let visit =
        Visit { state: &web.state, site: &site, parts: &parts, authority: host.authority, request_id: &request_id };
    match &site.routing {
        Routing::Ready(routes) => routed(&visit, &web.sites, routes, body).await,
        Routing::NoSpace => steps::without_space(&visit),
        Routing::NoRoutes => steps::without_routes(&visit).await,
        Routing::Missing(error) => trouble::missing(&visit, error).await,
        Routing::Broken(error) => trouble::broken(&visit, error).await,
    }
}

async fn routed(visit: &Visit<'_>, sites: &Sites, routes: &Routes, body: Body) -> Response {
    let remembered = routes.remembered(&visit.parts.method, visit.parts.uri.path());
    sites.paths.note(remembered.is_some());
    if let Some(file) = remembered {
        let answered = file::serve(visit, file.path(), file.options).await;
        return finished(visit, answered, file.options);
    }
    let (options, destination) = match lead(visit, routes) {
        Ok(found) => found,
        Err(answer) => return *answer,
    };
    let answered = match destination {
        Destination::Resource { path, .. } if path.files().is_some() => file::serve(visit, &path, options).await,
        Destination::Resource { path, rewrite } => code::call(visit, &path, rewrite, options, body).await,
        Destination::Redirect { code, location } => {
            let status = StatusCode::from_u16(code).unwrap_or(StatusCode::TEMPORARY_REDIRECT);
            Ok(refusal::redirect(status, &location))
        }
        Destination::Status(code) => {
            Ok(refusal::status(visit, StatusCode::from_u16(code).unwrap_or(StatusCode::NOT_FOUND)))
        }
        Destination::Core => Err(StarError::new(ErrorCode::InvalidRoutes, "the target `core` is for binds only")),
    };
    finished(visit, answered, options)
}

fn finished(visit: &Visit<'_>, answered: Result<Response, StarError>, options: &RouteOptions) -> Response {
    let mut response = answered.unwrap_or_else(|error| refusal::error(visit, &error));
    let status = response.status();
    headers::finish(status, response.headers_mut(), options);
    response
}

/// Where a request goes, or the answer that it goes nowhere.
fn lead<'t>(visit: &Visit<'_>, routes: &'t Routes) -> Result<(&'t RouteOptions, Destination), Box<Response>> {
    let (method, path) = (&visit.parts.method, visit.parts.uri.path());
    match routes.table().find(method.as_str(), path) {
        Err(bad) => {
            let error = StarError::new(ErrorCode::InvalidArgument, bad.to_string());
            Err(Box::new(refusal::error(visit, &error)))
        }
        Ok(None) => Err(Box::new(unmatched(visit, routes.table().methods(path).unwrap_or_default()))),
        Ok(Some(matched)) => match matched.target() {
            Ok(destination) => {
                if let Destination::Resource { path: file, .. } = &destination
                    && file.files().is_some()
                {
                    routes.remember(method, path, &matched, file);
                }
                Ok((matched.options(), destination))
            }
            // What no resource can be called does not exist.
            Err(error) => {
                let error = StarError::new(ErrorCode::NotFound, "nothing can be called like this").because(&error);
                Err(Box::new(refusal::error(visit, &error)))
            }
        },
    }
}

fn unmatched(visit: &Visit<'_>, methods: MethodSet) -> Response {
    let mut allowed: Vec<&str> = methods.iter().map(|method| method.as_str()).collect();
    if allowed.is_empty() {
        let message = format!("no rule takes {}", visit.parts.uri.path());
        return refusal::error(visit, &StarError::new(ErrorCode::NotFound, message));
    }
    if !allowed.contains(&Method::OPTIONS.as_str()) {
        allowed.push("OPTIONS");
    }
    refusal::other_method(visit, &allowed.join(", "))
}
