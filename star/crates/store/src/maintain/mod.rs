//! What is done to a store from outside: checking it, copying it away and back, changing its
//! engine.
//!
//! [`check()`] looks and changes nothing that matters; [`backup()`] copies a closed store, and
//! [`Store::backup`](crate::Store::backup) one that is at work; [`restore()`] makes a store of such
//! a copy, as it was at any moment that the copy covers; [`convert()`] changes the engine of the
//! index. All of them block; none of them knows what records mean.

mod backup;
mod check;
mod convert;
mod restore;

pub(crate) use self::backup::copy_store;
pub use self::backup::{BackedUp, backup};
pub use self::check::{Problem, Report, check};
pub use self::convert::{Converted, convert};
pub use self::restore::{Part, RestoreError, Restored, Until, restore};
