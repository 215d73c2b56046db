//! Everything spoken over HTTP: the API, the event log, files, bundles, and the web router.
//!
//! An ingress translates and decides nothing. Every request becomes a message, the gate of core
//! says who may send it, the tree delivers it, and the answer is translated back; which status
//! stands for which error is said once, in [`status`]. What kinds do and where bytes and records
//! live is the affair of the crates below. Start at [`server::serve`] and [`api::router`].

pub mod api;
pub mod auth;
pub mod bundles;
pub mod events;
pub mod files;
#[doc(hidden)]
pub mod fuzzing;
mod idempotency;
pub mod limits;
pub mod meters;
pub mod ops;
mod process;
pub mod request_id;
pub mod rpc;
mod schema;
pub mod server;
pub mod state;
pub mod status;
mod versions;
pub mod web;
