//! Publishing: `POST /bundles/SERIES:VERSION?tag=TAG` with a tar archive as the body.
//!
//! The archive is taken apart while it comes: each file goes into the content store by itself, and
//! nothing is ever held whole. [`names`] says what a file may be called, [`archive`] reads,
//! [`documents`] looks at what the bundle says of itself, and [`publish`] puts it together. That a
//! version exists once and never changes is kept by its series, not here.

pub(crate) mod archive;
pub(crate) mod documents;
mod names;
mod publish;
mod target;

use axum::Router;
use axum::routing;

use crate::state::ApiState;

/// The routes of publishing.
pub fn routes() -> Router<ApiState> {
    Router::new().route("/bundles/{*path}", routing::post(publish::publish))
}
