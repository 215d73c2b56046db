//! Doing once what is asked for twice: idempotency keys, kept with their effect.
//!
//! What is promised: a change whose answer was lost is sent again under the same key, and is
//! answered as before without being done again, across crashes and restarts, for
//! [`limits::KEY_KEPT`](crate::limits::KEY_KEPT) or as long as its sender said. The answer is a row
//! of the same batch as the effect, and the row must not have been there: that is what holds, and
//! everything else here only makes it quick and bounded. What leaves no row behind (a call of a
//! mechtron) is remembered in memory, for [`limits::WINDOW`](crate::limits::WINDOW).
//!
//! A key belongs to its caller and to the Space of the effect, because a batch touches one shard.
//! Who comes second while the first is under way waits for its answer. Refusals are not
//! remembered: nothing was done.
//!
//! Start at `delivery`, which is the way of a message with a key. What identifies a request is in
//! [`key`] and `identity`; what is under way in `attempt`; what is stored in `row` and the answers
//! in it in `answer`; how many keys there may be in `scope`; what is in memory in `register`.

mod answer;
mod attempt;
mod delivery;
mod identity;
pub mod key;
mod refusal;
mod register;
mod row;
mod scope;
mod sweep;
mod window;

pub(crate) use answer::Kept;
pub use answer::{Answer, OPEN, of_position};
pub(crate) use attempt::Attempt;
pub(crate) use identity::give_lasting_id;
pub use key::{IdempotencyKey, keyed};
pub(crate) use register::Register;
pub(crate) use sweep::sweep;
