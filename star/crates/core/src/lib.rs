//! The actor tree of a Star, and what stands around it.
//!
//! Every request takes the same way: an ingress asks the [`gate`] for a permit, the router
//! finds the actor that answers (its shard brings it to life if it sleeps), the actor (
//! with what its [`behaviour`] adds) reads and changes [`record`]s through the [`ports`], and
//! every change leaves an [`event`] in the same batch, which [`watch`]ers follow.
//!
//! Knows no engine, no protocol and no kind's behaviour: those come in through [`ports`] and
//! [`behaviour::Behaviours`]. Start at [`tree::Tree`].

pub mod behaviour;
pub mod bootstrap;
mod builtin;
mod cell;
pub mod command;
mod condition;
mod dead_letters;
pub mod event;
pub mod find;
pub mod gate;
pub mod keys;
pub mod kind;
pub mod limits;
pub mod lock;
mod mailbox;
pub mod numbers;
pub mod once;
pub mod outbox;
mod pace;
pub mod placement;
pub mod ports;
pub mod record;
mod room;
mod router;
pub mod select;
mod shard;
mod shares;
pub mod status;
pub mod stored;
mod timer;
pub mod tree;
mod turn;
pub mod uploads;
pub mod usage;
pub mod vitals;
pub mod watch;

pub use builtin::described;
