//! How much lies below a path: files, directories, bytes, and how many of the bytes are different.
//!
//! Owns the counting. It reads the records below the path, page by page and beside the actors, and keeps
//! no more of them than a row for each directory that is asked for and a bounded sample of contents
//! ([`distinct`]). What is written meanwhile may be counted or not.

mod distinct;

use std::sync::Arc;

use futures::TryStreamExt;
use star_path::ResourcePath;
use star_wire::{Deadline, ErrorCode, StarError, limits as wire_limits};

use crate::command::Manifest;
use crate::gate::{Authority, Right};
use crate::keys;
use crate::kind::Kind;
use crate::limits;
use crate::ports::content::{ContentError, ContentRef, Reading};
use crate::record::Resource;
use crate::stored;
use crate::tree::Tree;
use distinct::Distinct;

/// What lies below one path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Row {
    /// The path.
    pub path: ResourcePath,
    /// Files and Artifacts.
    pub files: u64,
    /// Directories, without itself.
    pub directories: u64,
    /// Bytes of the files.
    pub bytes: u64,
}

/// What lies below a path that was asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Usage {
    /// All of it.
    pub whole: Row,
    /// The same for each resource and directory in it, as deep as was asked for, in the order of their
    /// paths; those that hold nothing are left out unless they are directories.
    pub parts: Vec<Row>,
    /// Bytes of the files when each content is counted once.
    pub distinct_bytes: u64,
    /// Whether there were so many contents that this is an estimate.
    pub is_estimate: bool,
}

impl Tree {
    /// Counts what lies below a path, which may name a Space, a FileSystem, a directory, a bundle, a
    /// file, with parts up to `depth` levels below it. A FileSystem and its root directory are one level.
    ///
    /// # Errors
    /// `NotFound`; `TooLarge` for more parts than an answer holds; `TimedOut` when the time is over.
    pub async fn usage(
        self: &Arc<Self>,
        authority: &Arc<Authority>,
        path: &ResourcePath,
        depth: usize,
        deadline: Deadline,
    ) -> Result<Usage, StarError> {
        self.gate.allow(authority, Right::Read, path).await?;
        if path.release().is_some() && path.files().is_some() {
            return Err(part_of_bundle(path));
        }
        let meta = &self.ports.meta;
        let own = stored::require(meta, path).await?;
        let mut count = Count::of(path, depth);
        // A bundle or a file lies in no range of its own.
        if !path.is_directory() {
            self.count(&mut count, &own).await?;
        }
        let mut range = keys::records_below(path);
        loop {
            if self.deadlines.has_passed(deadline) {
                return Err(too_slow(path));
            }
            let page = meta.scan(range.clone(), limits::PAGE_MAX).await;
            let page = page.map_err(|error| stored::read_failed(path, &error))?;
            for (key, row) in &page.rows {
                let Some(at) = keys::path_of_record(key).filter(|at| at != path) else { continue };
                let resource = Resource::from_row(at, row)?;
                if self.gate.allow(authority, Right::Read, &resource.path).await.is_ok() {
                    self.count(&mut count, &resource).await?;
                }
            }
            match page.next {
                Some(next) => range.start = next,
                None => return Ok(count.end()),
            }
        }
    }

    async fn count(&self, count: &mut Count, resource: &Resource) -> Result<(), StarError> {
        let Resource { path, record, .. } = resource;
        match (record.kind, &record.body) {
            (Kind::File, Some(body)) => count.add(path.parent().as_ref(), std::slice::from_ref(&body.content)),
            (Kind::File, None) if path.files() != Some("/") => count.directory(path),
            (Kind::ArtifactBundle, Some(body)) => {
                let manifest = Manifest::decode(&self.manifest(path, &body.content).await?)?;
                let contents: Vec<_> = manifest.files.into_values().map(|entry| entry.body.content).collect();
                count.add(Some(path), &contents)
            }
            _ => Ok(()),
        }
    }

    async fn manifest(&self, path: &ResourcePath, content: &ContentRef) -> Result<Vec<u8>, StarError> {
        let unreadable = |error: ContentError| {
            StarError::new(ErrorCode::StorageFailed, format!("the manifest of {path} could not be read"))
                .at(path)
                .because(&error)
        };
        if content.size_bytes > wire_limits::CODEC_BYTES as u64 {
            return Err(StarError::new(ErrorCode::Corrupt, format!("the manifest of {path} is too long")).at(path));
        }
        match self.ports.content.read(content, None).await.map_err(unreadable)? {
            Reading::Whole(bytes) => Ok(bytes.into()),
            Reading::Stream(stream) => {
                let pieces: Vec<bytes::Bytes> = stream.try_collect().await.map_err(unreadable)?;
                Ok(pieces.concat())
            }
        }
    }
}

/// What was counted so far.
struct Count {
    whole: Row,
    depth: usize,
    parts: Vec<Row>,
    /// The parts, by their places, in which the last file was: the outermost first. What lies in one
    /// comes without a gap, because below a path all keys begin alike.
    open: Vec<usize>,
    /// Where the last file lay.
    within: Option<ResourcePath>,
    distinct: Distinct,
}

impl Count {
    fn of(path: &ResourcePath, depth: usize) -> Count {
        let (parts, open, distinct) = (Vec::new(), Vec::new(), Distinct::default());
        Count { whole: Row::of(path), depth, parts, open, within: None, distinct }
    }

    /// Adds files that lie in a resource or directory.
    fn add(&mut self, within: Option<&ResourcePath>, contents: &[ContentRef]) -> Result<(), StarError> {
        if let Some(within) = within {
            self.enter(within)?;
        }
        let (files, bytes) = (contents.len() as u64, contents.iter().map(|content| content.size_bytes).sum::<u64>());
        self.each_open(|row| {
            row.files += files;
            row.bytes += bytes;
        });
        for content in contents {
            self.distinct.add(content);
        }
        Ok(())
    }

    fn directory(&mut self, path: &ResourcePath) -> Result<(), StarError> {
        self.enter(&path.parent().unwrap_or_else(|| path.clone()))?;
        self.each_open(|row| row.directories += 1);
        self.enter(path)
    }

    /// Changes the rows in which something lies that is counted now.
    fn each_open(&mut self, change: impl Fn(&mut Row)) {
        change(&mut self.whole);
        for place in &self.open {
            change(&mut self.parts[*place]);
        }
    }

    /// Leaves the parts in which a path does not lie, and enters those in which it does.
    fn enter(&mut self, within: &ResourcePath) -> Result<(), StarError> {
        // Most files lie where the one before lay.
        if self.depth == 0 || self.within.as_ref() == Some(within) {
            return Ok(());
        }
        self.within = Some(within.clone());
        let chain = self.chain(within);
        let parts = &self.parts;
        let shared = self.open.iter().zip(&chain).take_while(|(place, path)| parts[**place].path == **path).count();
        self.open.truncate(shared);
        for path in chain.into_iter().skip(shared) {
            if self.parts.len() == limits::USAGE_ROWS {
                return Err(too_many(&self.whole.path));
            }
            self.open.push(self.parts.len());
            self.parts.push(Row::of(&path));
        }
        Ok(())
    }

    /// The path and what it lies in, from the first level below the whole to the deepest that is told.
    fn chain(&self, within: &ResourcePath) -> Vec<ResourcePath> {
        let above = std::iter::successors(Some(within.clone()), ResourcePath::parent);
        let own = above.take_while(|path| *path != self.whole.path && path.is_within(&self.whole.path));
        // The root directory is its FileSystem.
        let mut chain: Vec<ResourcePath> = own.filter(|path| path.files() != Some("/")).collect();
        chain.reverse();
        chain.truncate(self.depth);
        chain
    }

    fn end(mut self) -> Usage {
        self.parts.sort_by(|one, other| one.path.cmp(&other.path));
        let (distinct_bytes, is_estimate) = (self.distinct.bytes(), self.distinct.is_estimate());
        Usage { whole: self.whole, parts: self.parts, distinct_bytes, is_estimate }
    }
}

impl Row {
    fn of(path: &ResourcePath) -> Row {
        Row { path: path.clone(), files: 0, directories: 0, bytes: 0 }
    }
}

fn part_of_bundle(path: &ResourcePath) -> StarError {
    let bundle = path.without_files();
    StarError::new(ErrorCode::InvalidArgument, format!("{path} is a part of a bundle, which is counted as a whole"))
        .at(path)
        .hint(format!("star du {bundle}"))
}

fn too_many(path: &ResourcePath) -> StarError {
    let most = limits::USAGE_ROWS;
    StarError::new(ErrorCode::TooLarge, format!("below {path} are more than the {most} parts that are told at once"))
        .at(path)
        .hint("ask for fewer levels, or for a part of it")
}

fn too_slow(path: &ResourcePath) -> StarError {
    StarError::new(ErrorCode::TimedOut, format!("what lies below {path} was not counted in time"))
        .at(path)
        .hint("allow more time (--timeout), or ask for a part of it")
}
