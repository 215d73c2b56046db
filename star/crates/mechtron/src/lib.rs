//! The host of mechtrons: WebAssembly components on wasmtime, behind the port
//! [`star_core::ports::mechtron`].
//!
//! Owns how code is compiled, kept, instantiated, limited and stopped. Knows no paths of
//! resources beyond passing them on, and grants nothing: what a mechtron may reach is decided
//! behind the [`Outbox`] that core gives. Everything of wasmtime stays in this crate.
//!
//! A call takes this way: `load` made the `Mechtron`; `admission` gives the call its place,
//! `store` makes what belongs to it alone, `run` keeps it within its time, `web` translates web
//! requests, `host` answers what the guest calls, and `failure` says what went wrong. After the
//! call nothing of it is left. Start at [`WasmHost`].
//!
//! [`Outbox`]: star_core::ports::mechtron::Outbox

mod admission;
mod cache;
mod code;
mod engine;
mod failure;
mod host;
mod limits;
mod load;
mod mechtron;
mod meters;
mod run;
mod store;
mod text;
mod ticker;
mod web;

pub use engine::Allocation;
pub use load::{StartError, WasmHost};
