//! The bytes of resources under `/r/PATH`: GET, HEAD, PUT, DELETE, and uploads in several requests.
//!
//! The path stands in the URL as it is written everywhere else; [`address`] reads it. Each verb
//! has a file of its own, and so has the PUT that copies. How a content becomes an answer (its form,
//! ranges, validators, the body) is said once, in [`answer`], and used by the web router too. What tus and
//! the draft of the IETF say of uploads is in [`resume`]. Who may do what is the affair of the gate, and
//! what a File is of its kind.

pub(crate) mod address;
pub(crate) mod answer;
pub(crate) mod conditions;
mod copy;
mod delete;
pub(crate) mod encodings;
mod face;
mod get;
pub(crate) mod media;
mod put;
pub(crate) mod range;
pub(crate) mod resume;
pub(crate) mod upload;

use axum::Router;
use axum::http::HeaderMap;
use axum::routing;
use star_core::lock::fence::HEADER;
use star_wire::{ErrorCode, StarError};

use crate::state::ApiState;
use resume::doors;

/// The routes of files.
pub fn routes() -> Router<ApiState> {
    let files = routing::get(get::get).put(put::put).delete(delete::delete);
    let uploads = files.post(doors::create).patch(doors::append).options(doors::announce);
    Router::new().route("/r/{*path}", uploads)
}

/// The tokens that the header `Star-Fence` of a request names.
pub(crate) fn fence(headers: &HeaderMap) -> Result<&str, StarError> {
    let fence = headers.get(HEADER).map(|fence| fence.to_str()).transpose().map_err(|error| {
        StarError::new(ErrorCode::InvalidArgument, "the header `star-fence` is no text").because(&error)
    })?;
    Ok(fence.unwrap_or_default())
}

/// The part of a raw path behind a prefix that its route has matched.
pub(crate) fn behind<'p>(path: &'p str, prefix: &str) -> &'p str {
    path.strip_prefix(prefix).unwrap_or_default()
}
