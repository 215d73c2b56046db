//! The YAML documents of a bundle: `bundle.yaml`, `app.yaml`, `mechtron.yaml`, `bind.yaml`.
//!
//! Each document has a file here with its type and the reading of it. What they share: strict
//! YAML with places (`document`), quantities ([`quantity`]), the variables `${bundle}` and
//! `${self}` ([`scope`]), and errors that draw a caret ([`text`]). Nothing here does I/O, and
//! whether a path leads anywhere is for the caller to find out.

pub mod app;
pub mod bind;
pub mod bundle;
pub mod calls;
mod document;
pub mod files;
pub mod mechtron;
mod node;
pub mod quantity;
pub mod scope;
pub mod text;

pub use app::App;
pub use bind::{Bind, BindLimits, MessageContract, OnLimit};
pub use bundle::Bundle;
pub use calls::{CallGrant, Verb, Verbs};
pub use files::DocumentFile;
pub use mechtron::Mechtron;
pub use quantity::ByteSize;
pub use scope::Scope;
pub use text::{TextError, TextErrorKind};
