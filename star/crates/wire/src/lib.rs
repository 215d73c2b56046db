//! What travels between resources: envelopes, replies, errors, and their encoding.
//!
//! Owns the shapes and the one codec of the project. Knows neither actors nor stores nor any
//! protocol: an ingress translates into these types, and an egress out of them. Start at
//! [`Envelope`].

pub mod codec;
pub mod deadline;
pub mod envelope;
pub mod error;
pub mod id;
pub mod limits;
pub mod method;
pub mod reply;

pub use deadline::Deadline;
pub use envelope::{Agent, Envelope, REQUEST_ID};
pub use error::{ErrorCode, Outcome, StarError};
pub use id::MessageId;
pub use method::{Method, MethodError};
pub use reply::Reply;
