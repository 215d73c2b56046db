//! Integration, architecture and golden tests of the whole program, and what they have in common
//! that can be tested by itself.

pub mod chance;
pub mod linear;
