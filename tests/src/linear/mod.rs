//! Is there one order of all that clients did in which every answer was right?
//!
//! A *history* is what clients saw: who asked for what, from when to when, and the answer. It is
//! linearizable when each request can be given one moment between its beginning and its end so that
//! one after the other they make sense. A request whose answer was lost may have happened at any
//! moment after its beginning, or never. Objects do not know of each other, so each is looked at
//! alone, which is what keeps the search short (Wing and Gong, with the memory of Lowe).
//!
//! [`history`] holds what was seen, [`object`] says what is right, [`check()`] searches, and
//! [`player`] thinks of what to do next.

mod check;
pub mod history;
pub mod object;
#[cfg(test)]
mod planted;
pub mod player;

pub use check::{Verdict, Wrong, check};
pub use history::{Call, History};
pub use object::{Act, Answer};
pub use player::Player;
