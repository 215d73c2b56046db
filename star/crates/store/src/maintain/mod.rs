//! What is done to a store from outside: checking it, copying it away and back, changing its
//! engine.
//!
//! [`check()`] looks and changes nothing that matters; [`backup()`] copies a closed store, and
//! [`backup_running()`] one that another process has open; [`restore()`] makes a store of such a
//! copy, as it was at any moment that the copy covers, [`rows()`] reads it, and [`check_copy()`]
//! says whether it can be trusted; [`convert()`] changes the engine of the index, and [`rebuild()`]
//! makes it anew. All of them
//! block; none of them knows what records mean.

mod backup;
mod check;
mod compare;
mod convert;
mod follow;
mod looking;
mod moment;
mod restore;

pub(crate) use self::backup::copy;
pub use self::backup::{BackedUp, BackupError, backup, backup_running};
pub use self::check::{Problem, Report, check, check_copy};
pub use self::convert::{Converted, convert, engines, rebuild};
pub use self::moment::Until;
pub(crate) use self::moment::end_of;
pub use self::restore::{Part, RestoreError, Restored, restore, rows};
