//! Ways to send a message to one of some actors of this process: ours, and those of peers.
//!
//! [`contender`] says what they have in common and what a scenario holds of them; every other file
//! is one library. Every peer gets the envelope that ours gets, made anew for every message, or
//! only a number, which no program with envelopes can reach.

mod bare;
mod contender;
mod kameo;
mod letters;
mod ours;
mod ractor;

use contender::{ACTORS, Actors};
pub(crate) use contender::{Named, with_envelopes, with_numbers};
