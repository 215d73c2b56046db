//! The content store through the door that its callers use.
#![expect(clippy::unwrap_used, reason = "what a test cannot do without may end it")]

mod collect;
mod conformance;
mod fixture;
mod golden;
mod packed;
mod packs;
mod ranges;
