//! The host as core sees it: real components behind the port, with a world in memory around them.
//!
//! The components come from the folder that `STAR_TEST_GUESTS` names, which `cargo xtask test`
//! fills; without it, from where `cargo xtask guests` leaves them.

#![expect(clippy::unwrap_used, reason = "all of this is test code")]

mod calls;
mod fixture;
mod limits;
mod loading;
mod messages;
mod web;
