//! Integration, architecture and golden tests of the whole program.
