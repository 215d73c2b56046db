//! The steps that an ingest takes on the disk, and a door for making them fail.
//!
//! Tests that need a full disk, a disk that errs or a crash between two steps pass a
//! [`Before`]; a running Star passes none.

use std::io;
use std::sync::Arc;

/// A step on the disk.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    /// A file without a name is made.
    Create,
    /// Room is reserved for it.
    Reserve,
    /// Bytes are written into it.
    Write,
    /// Its bytes are made durable.
    SyncFile,
    /// It gets its name.
    Link,
    /// Its name is made durable.
    SyncDirectory,
}

/// Called before each step, on the thread that takes it. An error stands in for the step; a call
/// that does not return holds the step up.
pub type Before = Arc<dyn Fn(Step) -> io::Result<()> + Send + Sync>;

/// The door, open or not.
#[derive(Clone, Default)]
pub(crate) struct Steps(pub(crate) Option<Before>);

impl Steps {
    /// Asks whether a step may be taken.
    pub(crate) fn before(&self, step: Step) -> io::Result<()> {
        match &self.0 {
            Some(before) => before(step),
            None => Ok(()),
        }
    }
}
