//! Locks on resources: who may write while others wait, and the token by which the store knows.
//!
//! What is promised: once a lock has passed to another holder, and also once somebody wrote over a
//! lock that had run out, no write with the former token is committed, whatever clocks and
//! processes do meanwhile. What is not promised: that a holder notices in time that its lock ran
//! out, that nobody else believes to hold it then, or that whoever waited longest comes first.
//!
//! The rules of time are in [`lease`], which knows neither store nor clock; start there. What is
//! stored is in [`held`], which lock guards what and how a write names its token in [`fence`],
//! what a write has to meet in [`guard`], and waiting for a lock in [`wait`]. The messages are
//! handled by `builtin::lock` and `builtin::unlock`.

pub mod fence;
pub mod guard;
pub mod held;
pub mod lease;
pub(crate) mod refusal;
mod wait;

pub use fence::Fences;
pub use guard::Guard;
pub use held::Held;
pub use lease::{FencingToken, Holder, Lease};
