//! The route language: which resource answers which web request.
//!
//! A text of rules is read once into a [`RouteTable`], which finds the first rule for a request
//! and renders its target. Knows methods and paths as text, and no HTTP library; what becomes of
//! a [`Destination`] is for the web router. Start at [`table`]; the way of a text is `lexer` ->
//! `parse` -> [`pattern`], [`target`], [`options`] -> `trie`, and of a request back through [`render`].

pub mod check;
mod lexer;
pub mod method;
pub mod options;
mod parse;
pub mod pattern;
mod piece;
pub mod render;
pub mod request;
pub mod table;
pub mod target;
mod template;
mod trie;

pub use check::{Warning, WarningKind};
pub use method::{Method, MethodSet};
pub use options::RouteOptions;
pub use render::{Destination, TargetError};
pub use request::{BadPath, RequestPath};
pub use table::{Dialect, Matched, RouteTable, Rule};
