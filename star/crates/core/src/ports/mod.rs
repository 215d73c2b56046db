//! The traits through which core reaches what lies outside of it: engines, bytes, code, time.
//!
//! Core owns the shape of each port and the promises behind it; the adapters live in crates of
//! their own (`store`, `artifact`, `mechtron`) and never see each other.

pub mod clock;
pub mod content;
pub mod mechtron;
pub mod meta;
