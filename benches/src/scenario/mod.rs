//! The scenarios: one file each, with its shapes, its contenders and its targets.

mod activate;
mod ask;
mod chunk;
mod commit;
mod content_read;
mod hello;
mod overload;
mod read;
mod rpc;
mod small_get;
mod start;
mod tell;
mod tree_write;
mod watch;
mod web_static;

use std::path::PathBuf;

use tempfile::TempDir;

use crate::count::{self, Counted, Counter};
use crate::failure::{Failure, io};
use crate::options::Plan;
use crate::report::Report;

/// Connections of the scenarios that make many small requests.
const CONNECTIONS: [usize; 3] = [1, 16, 64];

/// A comparison that can be asked for by name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Scenario {
    /// A local ask against one of bare kameo.
    Ask,
    /// A local tell against one of bare kameo.
    Tell,
    /// The same ask through HTTP, against a bare handler.
    Rpc,
    /// Bringing resources to life.
    Activate,
    /// Durable changes, against what the disk can do.
    Commit,
    /// Reading out of a million resources.
    Read,
    /// Following the log, by many.
    Watch,
    /// More than can be done.
    Overload,
    /// How long it takes until a Star is ready, and what it then holds.
    Start,
    /// A component that answers HTTP, against `wasmtime serve`.
    Hello,
    /// A small file of a bundle, against nginx.
    WebStatic,
    /// Small pages, plain and compressed, against nginx.
    SmallGet,
    /// A large file, against nginx.
    ContentRead,
    /// A content on its way in, against `zstd` and `sha256sum`.
    Chunk,
    /// Many small files, against a folder.
    TreeWrite,
}

impl Scenario {
    /// All of them, those of the spine first.
    pub(crate) const ALL: [Scenario; 15] = [
        Scenario::Ask,
        Scenario::Tell,
        Scenario::Rpc,
        Scenario::Activate,
        Scenario::Commit,
        Scenario::Read,
        Scenario::Watch,
        Scenario::Overload,
        Scenario::Start,
        Scenario::Hello,
        Scenario::WebStatic,
        Scenario::SmallGet,
        Scenario::ContentRead,
        Scenario::Chunk,
        Scenario::TreeWrite,
    ];

    /// The name on the command line.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Scenario::Ask => "ask",
            Scenario::Tell => "tell",
            Scenario::Rpc => "rpc",
            Scenario::Activate => "activate",
            Scenario::Commit => "commit",
            Scenario::Read => "read",
            Scenario::Watch => "watch",
            Scenario::Overload => "overload",
            Scenario::Start => "start",
            Scenario::Hello => "hello",
            Scenario::WebStatic => "web-static",
            Scenario::SmallGet => "small-get",
            Scenario::ContentRead => "content-read",
            Scenario::Chunk => "chunk",
            Scenario::TreeWrite => "tree-write",
        }
    }

    /// The scenario of this name.
    pub(crate) fn named(name: &str) -> Option<Scenario> {
        Scenario::ALL.into_iter().find(|scenario| scenario.name() == name)
    }

    /// Measures everybody, and gives what was found.
    pub(crate) async fn run(self, plan: Plan) -> Result<Report, Failure> {
        let (about, (mut rows, notes)) = match self {
            Scenario::Ask => (ask::ABOUT, ask::run(plan).await?),
            Scenario::Tell => (tell::ABOUT, tell::run(plan).await?),
            Scenario::Rpc => (rpc::ABOUT, rpc::run(plan).await?),
            Scenario::Activate => (activate::ABOUT, activate::run(plan).await?),
            Scenario::Commit => (commit::ABOUT, commit::run(plan).await?),
            Scenario::Read => (read::ABOUT, read::run(plan).await?),
            Scenario::Watch => (watch::ABOUT, watch::run(plan).await?),
            Scenario::Overload => (overload::ABOUT, overload::run(plan).await?),
            Scenario::Start => (start::ABOUT, start::run(plan).await?),
            Scenario::Hello => (hello::ABOUT, hello::run(plan).await?),
            Scenario::WebStatic => (web_static::ABOUT, web_static::run(plan).await?),
            Scenario::SmallGet => (small_get::ABOUT, small_get::run(plan).await?),
            Scenario::ContentRead => (content_read::ABOUT, content_read::run(plan).await?),
            Scenario::Chunk => (chunk::ABOUT, chunk::run(plan).await?),
            Scenario::TreeWrite => (tree_write::ABOUT, tree_write::run(plan).await?),
        };
        if self.can_be_counted() {
            count::beside(&mut rows, &count::of(self).await?);
        }
        Ok(Report { scenario: self.name(), about, plan, rows, notes })
    }

    /// Whether its allocations are counted: those of the spine, each of which can be done in one process.
    fn can_be_counted(self) -> bool {
        matches!(
            self,
            Scenario::Ask
                | Scenario::Tell
                | Scenario::Rpc
                | Scenario::Activate
                | Scenario::Commit
                | Scenario::Read
                | Scenario::Watch
                | Scenario::Overload
        )
    }

    /// Counts the allocations of its operations; nothing where it is not done in this process.
    pub(crate) async fn count(self, counter: Counter) -> Result<Vec<Counted>, Failure> {
        match self {
            Scenario::Ask => ask::count(counter).await,
            Scenario::Tell => tell::count(counter).await,
            Scenario::Activate => activate::count(counter).await,
            Scenario::Commit => commit::count(counter).await,
            Scenario::Read => read::count(counter).await,
            Scenario::Watch => watch::count(counter).await,
            Scenario::Rpc => rpc::count(counter).await,
            Scenario::Overload => overload::count(counter).await,
            _ => Ok(Vec::new()),
        }
    }
}

/// The rows of a scenario, and what a reader of them has to know.
type Found = (Vec<crate::report::Row>, Vec<String>);

/// A folder that goes away with everything in it. Lies where `TMPDIR` says: that disk is measured.
fn scratch() -> Result<TempDir, Failure> {
    tempfile::Builder::new().prefix("star-bench-").tempdir().map_err(io("make a temporary folder"))
}

/// Makes a folder below another.
fn folder(parent: &TempDir, name: &str) -> Result<PathBuf, Failure> {
    let path = parent.path().join(name);
    std::fs::create_dir(&path).map_err(io(format!("make {}", path.display())))?;
    Ok(path)
}

/// Writes a file of a folder.
fn file(folder: &std::path::Path, name: &str, bytes: impl AsRef<[u8]>) -> Result<(), Failure> {
    let path = folder.join(name);
    std::fs::write(&path, bytes).map_err(io(format!("write {}", path.display())))
}

/// A number of things in words.
fn counted(count: usize, what: &str) -> String {
    let plural = if count == 1 { "" } else { "s" };
    format!("{count} {what}{plural}")
}
