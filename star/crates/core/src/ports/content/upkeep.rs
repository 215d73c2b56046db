//! What is done to a content store besides bytes coming and going: taking away what nobody needs, and
//! finding what is damaged.

use std::path::PathBuf;
use std::time::Duration;

use async_trait::async_trait;
use star_path::{Digest, ResourcePath};
use star_wire::StarError;

use super::ContentError;

/// How a run of the collector goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Collect {
    /// Whether it only tells what it would do.
    pub plan: bool,
    /// Whether it may take away more than seems right.
    pub force: bool,
    /// How long something stays that nobody needs, counted while the process runs.
    pub grace: Duration,
}

/// What a run of the collector did, or would do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Collected {
    /// Contents that were looked at.
    pub contents: u64,
    /// Their bytes.
    pub bytes: u64,
    /// Pieces in which they lie.
    pub extents: u64,
    /// Contents that nobody refers to, from now on.
    pub condemned: u64,
    /// Their bytes.
    pub condemned_bytes: u64,
    /// Contents that nobody refers to, and for which the grace is not over.
    pub waiting: u64,
    /// Condemned contents that somebody refers to after all.
    pub revived: u64,
    /// Contents that are gone.
    pub removed: u64,
    /// Sealed packs.
    pub packs: u64,
    /// Stored bytes of all frames in them.
    pub pack_bytes: u64,
    /// Stored bytes of those that are needed.
    pub live_bytes: u64,
    /// Packs that are gone.
    pub packs_removed: u64,
    /// Bytes of those files.
    pub freed_bytes: u64,
    /// Packs of which the rest was copied, so that they can go.
    pub packs_copied: u64,
    /// Stored bytes of that rest.
    pub copied_bytes: u64,
}

/// What keeps a content.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Why {
    /// Resources that have it as their bytes; the first ones, where there are many.
    pub resources: Vec<ResourcePath>,
    /// Contents that name it; the first ones, where there are many.
    pub named_by: Vec<Digest>,
    /// Whether somebody sent it and has not referred to it yet.
    pub awaited: bool,
    /// Whether it is condemned, and goes unless somebody refers to it.
    pub condemned: bool,
}

/// What reading everything came to.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Check {
    /// Files that were read.
    pub packs: u64,
    /// Frames in them.
    pub frames: u64,
    /// Their stored bytes.
    pub bytes: u64,
    /// Files in which something is not what was written.
    pub damaged: Vec<Damaged>,
}

/// A file in which something is not what was written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Damaged {
    /// The file.
    pub file: PathBuf,
    /// What is wrong with it.
    pub what: String,
    /// Contents that cannot be read for that, with the resources that have them as their bytes; the first
    /// ones of both, where there are many.
    pub contents: Vec<(Digest, Vec<ResourcePath>)>,
}

/// Why a run ended early. What it did by then holds.
#[derive(Debug, thiserror::Error)]
pub enum UpkeepError {
    /// More would be condemned than seems right: look at what happened, and force it.
    #[error("{condemned_bytes} of {bytes} bytes would be condemned at once, which is more than seems right")]
    TooMuch {
        /// Bytes of contents that nobody refers to.
        condemned_bytes: u64,
        /// Bytes of all contents.
        bytes: u64,
    },
    /// Who refers to a content could not be found out, so that nothing is taken away.
    #[error("who refers to a content could not be found out")]
    Referring(#[source] StarError),
    /// A row or a file could not be read or written.
    #[error(transparent)]
    Content(#[from] ContentError),
}

/// A store that takes away what nobody refers to.
#[async_trait]
pub trait Upkeep: Send + Sync {
    /// Takes away what nobody needs, or tells what that would be. One run at a time: a second one waits
    /// for the first.
    async fn collect(&self, how: Collect) -> Result<Collected, UpkeepError>;

    /// Why a content is there; none if it is not.
    async fn why(&self, digest: &Digest) -> Result<Option<Why>, UpkeepError>;

    /// Reads every file that does not change any more, and tells what in it is not what was written.
    async fn check(&self) -> Result<Check, UpkeepError>;
}
