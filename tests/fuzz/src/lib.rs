//! What must hold for any bytes that reach Starlane from outside or from its disk.
//!
//! Owns the *targets*: for each reader of the program one function that takes any bytes and panics
//! when something is untrue that the reader promises. Whoever has bytes to offer calls them: the
//! corpora beside this package and a seeded mutator in `tests/`, on any machine and in every check;
//! libFuzzer in `libfuzzer/`, through `cargo xtask fuzz`, for as long as somebody wants.
//!
//! Start at [`TARGETS`]. A target is a file in `targets`, a row in that table, and a folder of
//! inputs in `corpus`; what it promises stands at the top of its file.

mod check;
pub mod corpus;
mod disk;
pub mod mutate;
mod naive;
mod target;
mod targets;

pub use target::{ALLOCATED_BYTES, TARGETS, Target};
