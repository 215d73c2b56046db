//! The client schema in Rust: messages and services generated from `proto/starlane/v1`.
//!
//! Owns nothing but names, shapes and the versions that they came with: no other rule, no I/O, no
//! other crate of Starlane. A type from
//! here ends at the edge of the program; inwards it is decoded into the types of the field.
//!
//! # Messages
//!
//! Plain structs under [`v1`] with public fields. A message inside a message is a
//! `buffa::MessageField` (`.as_option()`, or `.into()` from the message), an enum is a
//! `buffa::EnumValue`, a `oneof` is an `Option` of an enum in [`oneof`]. Maps are sorted, `bytes`
//! are shared. Every message is `buffa::Message` (`encode_to_vec`, `decode_from_slice`) and
//! serde in the canonical JSON of protobuf: lower camel case, 64-bit integers as text, unset
//! fields left out.
//!
//! # Versions
//!
//! The package `v1` is the major version; [`version`] says which minors there are, and [`shape`]
//! with which of them a field came.
//!
//! # Serving
//!
//! Each service is a trait: [`v1::Resources`], [`v1::Messages`], [`v1::Watch`],
//! [`v1::Consumers`], [`v1::Stars`].
//! Write `async fn`s with the signatures below and register the service on a
//! `connectrpc::Router`; one registration answers Connect, gRPC and gRPC-Web. A type that
//! implements two of the traits needs the marker named, as here; one that implements a single
//! trait may leave it to inference (`add_service(service)`).
//!
//! ```
//! use std::sync::Arc;
//!
//! use connectrpc::{ConnectError, ErrorCode, ErrorDetail, RequestContext, Response};
//! use connectrpc::{Router, ServiceRequest, ServiceResult, ServiceStream};
//! use star_api::{oneof, v1};
//!
//! struct Doors;
//!
//! impl v1::Watch for Doors {
//!     async fn watch(
//!         &self,
//!         _context: RequestContext,
//!         request: ServiceRequest<'_, v1::WatchRequest>,
//!     ) -> ServiceResult<ServiceStream<v1::WatchResponse>> {
//!         // What the stream needs is copied out of the borrowed request first.
//!         let progress = v1::Progress {
//!             cursor: request.since.unwrap_or("0").to_owned(),
//!             ..Default::default()
//!         };
//!         let item = v1::WatchResponse {
//!             item: Some(oneof::watch_response::Item::from(progress)),
//!             ..Default::default()
//!         };
//!         Ok(Response::stream(futures::stream::iter([Ok(item)])))
//!     }
//! }
//!
//! impl v1::Stars for Doors {
//!     async fn status(
//!         &self,
//!         _context: RequestContext,
//!         _request: ServiceRequest<'_, v1::StatusRequest>,
//!     ) -> ServiceResult<v1::StatusResponse> {
//!         let detail = v1::ErrorDetail {
//!             code: "S0002".into(),
//!             outcome: "rejected".into(),
//!             ..Default::default()
//!         };
//!         Err(ConnectError::new(ErrorCode::Unavailable, "still starting")
//!             .with_detail(ErrorDetail::from_message(star_api::ERROR_DETAIL, &detail)))
//!     }
//!
//!     async fn who_am_i(
//!         &self,
//!         _context: RequestContext,
//!         _request: ServiceRequest<'_, v1::WhoAmIRequest>,
//!     ) -> ServiceResult<v1::WhoAmIResponse> {
//!         Response::ok(v1::WhoAmIResponse { agent: "star:users:ada".into(), ..Default::default() })
//!     }
//! }
//!
//! let doors = Arc::new(Doors);
//! let router = Router::new()
//!     .add_service::<_, v1::WatchRegisterMarker>(Arc::clone(&doors))
//!     .add_service::<_, v1::StarsRegisterMarker>(doors);
//! let service = connectrpc::ConnectRpcService::new(router);
//! ```
//!
//! A module of handlers that name their answer, as those above, says
//! `#![expect(refining_impl_trait, reason = "…")]`: the traits leave the type open.
//!
//! The paths are `/starlane.v1.SERVICE/METHOD`; the name of each service is a constant such as
//! [`v1::RESOURCES_SERVICE_NAME`]. What the tower service around them must bring: a deadline
//! (there is none by default; Watch has a policy of its own), a small limit on JSON bodies
//! (parsed JSON takes a multiple of its length), authentication before the body is read.

pub mod shape;
pub mod version;

/// Name of the error detail, as Connect spells it: [`v1::ErrorDetail`].
pub const ERROR_DETAIL: &str = <v1::ErrorDetail as buffa::MessageName>::FULL_NAME;

#[expect(
    clippy::too_many_lines,
    elided_lifetimes_in_paths,
    missing_docs,
    unreachable_pub,
    reason = "generated: what is documented in the schema is documented here"
)]
mod generated {
    connectrpc::include_generated!();
}

pub use generated::starlane::v1;

/// The alternatives of each `oneof`, in a module named after its message.
pub mod oneof {
    pub use crate::v1::__buffa::oneof::{ask_request, ask_response, tell_request, watch_response};
}

#[cfg(test)]
mod minors;
#[cfg(test)]
mod tests;
