//! The web router: the host of a request leads to a Space, its path through the routes of that
//! Space to a file, a mechtron, another place, or a status.
//!
//! The way of a request: [`visit`] reads [`host`], asks [`sites`] for the [`routes`] in force and goes
//! to [`file`](mod@file) or [`code`]. What stands in the way becomes a page: [`refusal`] for
//! errors, [`steps`] and [`trouble`] where a site is not finished yet; [`pages`] renders. The route language
//! itself is the affair of `star-kinds`, and everything that is reached passes the gate in the
//! name of a visitor of the Space.

pub(crate) mod accept;
mod body;
mod code;
mod file;
mod guest;
mod headers;
pub(crate) mod host;
mod pages;
mod recent;
mod refusal;
mod routes;
mod site;
mod sites;
mod steps;
mod trouble;
mod visit;

use std::sync::Arc;

use axum::Router;

use crate::state::ApiState;
use sites::Sites;

/// What every web request has at hand.
#[derive(Clone)]
struct Web {
    state: ApiState,
    sites: Arc<Sites>,
}

/// The router of the web port. Must be called inside a tokio runtime.
pub fn router(state: &ApiState) -> Router {
    let web = Web { state: state.clone(), sites: Arc::new(Sites::start(state.tree())) };
    let sites = Arc::clone(&web.sites);
    state.observe(move || sites.vitals());
    Router::new().fallback(visit::visit).with_state(web)
}
