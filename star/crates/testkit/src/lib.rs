//! Fixtures for tests below the level of processes: ports of core that keep everything in memory.
//!
//! They are fakes with behaviour, not mocks: preconditions are checked, revisions count, digests
//! are real. What only a disk can show is tested with the real adapters, in their own crates and
//! with real processes.

mod content;
mod meta;
mod plain;
mod tree;

pub use content::MemoryContent;
pub use meta::MemoryMeta;
pub use plain::Plain;
pub use tree::{FixedClock, NoMechtrons, TestTree, path};
