//! Real processes that are killed while they write, and a comparison with what they had
//! acknowledged.
//!
//! [`child()`] is the process: it opens a store, writes with several writers and says on its
//! standard output what was acknowledged. [`run()`] starts one after the other, kills each at a
//! random moment (also while it opens the store that the one before it left) and looks into the
//! store. Both are functions, so that a test, an example and a long run call the same code.

mod child;
mod run;

pub use self::child::child;
pub use self::run::{Summary, Torture, TortureError, run};

/// Writers of a child.
const WRITERS: u64 = 4;

/// The two keys of a writer, which always have the same value.
fn keys_of(writer: u64) -> [star_core::ports::meta::Key; 2] {
    ["a", "b"].map(|half| star_core::ports::meta::Key::new(format!("t/{writer}/{half}")))
}

/// The number that a value begins with.
fn number_in(value: &[u8]) -> Option<u64> {
    value.first_chunk().map(|number| u64::from_be_bytes(*number))
}
