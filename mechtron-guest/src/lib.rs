//! What authors of mechtrons use.
//!
//! A mechtron is a WebAssembly component that answers messages and web requests of a Starlane
//! resource. This crate turns a plain Rust type into one:
//!
//! ```
//! use mechtron_guest::prelude::*;
//! use serde::Deserialize;
//!
//! #[derive(Default)]
//! struct Greeter;
//!
//! #[derive(Deserialize)]
//! struct Greet {
//!     name: String,
//! }
//!
//! #[mechtron]
//! impl Greeter {
//!     /// `star ask acme:app:greeter greet '{"name":"Ada"}'`
//!     fn greet(&self, ctx: &Ctx, input: Greet) -> Result<String> {
//!         let greeting = ctx.config("greeting").unwrap_or("Hello".into());
//!         Ok(format!("{greeting}, {}!", input.name))
//!     }
//!
//!     /// `GET /hello/Ada`
//!     #[http]
//!     fn page(&self, ctx: &Ctx, request: Request) -> Result<Response> {
//!         let name = request.segment(1).unwrap_or("world".into());
//!         Ok(Response::text(self.greet(ctx, Greet { name })?))
//!     }
//! }
//!
//! // The same code, called without any WebAssembly:
//! let host = MockHost::new().with_config("greeting", "Salut");
//! let answer: String = host.ask(&Greeter, "greet", &serde_json::json!({ "name": "Ada" })).unwrap();
//! assert_eq!(answer, "Salut, Ada!");
//! assert_eq!(host.get(&Greeter, "/hello/Ada").body(), b"Salut, Ada!");
//! ```
//!
//! Build it as a `cdylib` with `cargo build --target wasm32-wasip2 --release`; the result is the
//! component that `mechtron.yaml` names. What it may reach besides itself is written in
//! `bind.yaml`; everything else is refused.
//!
//! Start at [`macro@mechtron`] for what the attribute makes of an `impl` block, at [`Ctx`] for what
//! a mechtron can do, at [`MockHost`] for tests. The interfaces underneath are the WIT package
//! `starlane:mechtron` in the folder `wit`.

mod call;
mod ctx;
mod error;
mod export;
mod host;
mod http;
mod limits;
mod message;
mod mock;
#[cfg(target_arch = "wasm32")]
mod wasm;

pub use call::{Messages, Web};
pub use ctx::Ctx;
pub use error::{Error, Reason, Result};
pub use host::{Host, Level};
pub use http::{Request, Response};
pub use mechtron_guest_macros::mechtron;
pub use message::{Message, Outgoing, Reply};
pub use mock::{Logged, MockHost, Sent};

/// What a mechtron's source file imports with one line.
pub mod prelude {
    pub use crate::{Ctx, Error, MockHost, Request, Response, Result, mechtron};
}

/// What the expansion of [`macro@mechtron`] needs; not for use by hand.
#[doc(hidden)]
pub mod __private {
    pub use crate::call::{answer_json, read_json};
    #[cfg(target_arch = "wasm32")]
    pub use crate::wasm::{bindings, serve_messages, serve_web};
}
