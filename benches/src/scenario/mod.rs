//! The scenarios: one file each, with its shapes, its contenders and its targets.

mod ask;
mod commit;
mod content_read;
mod hello;
mod start;
mod web_static;

use std::path::PathBuf;

use tempfile::TempDir;

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
    /// A component that answers HTTP, against `wasmtime serve`.
    Hello,
    /// A small file of a bundle, against nginx.
    WebStatic,
    /// A large file, against nginx.
    ContentRead,
    /// Durable changes, against what the disk can do.
    Commit,
    /// How long it takes until a Star is ready, and what it then holds.
    Start,
}

impl Scenario {
    /// All of them, the cheap ones first.
    pub(crate) const ALL: [Scenario; 6] =
        [Scenario::Ask, Scenario::Start, Scenario::Hello, Scenario::WebStatic, Scenario::Commit, Scenario::ContentRead];

    /// The name on the command line.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Scenario::Ask => "ask",
            Scenario::Hello => "hello",
            Scenario::WebStatic => "web-static",
            Scenario::ContentRead => "content-read",
            Scenario::Commit => "commit",
            Scenario::Start => "start",
        }
    }

    /// The scenario of this name.
    pub(crate) fn named(name: &str) -> Option<Scenario> {
        Scenario::ALL.into_iter().find(|scenario| scenario.name() == name)
    }

    /// Measures everybody, and gives what was found.
    pub(crate) async fn run(self, plan: Plan) -> Result<Report, Failure> {
        let (about, (rows, notes)) = match self {
            Scenario::Ask => (ask::ABOUT, ask::run(plan).await?),
            Scenario::Hello => (hello::ABOUT, hello::run(plan).await?),
            Scenario::WebStatic => (web_static::ABOUT, web_static::run(plan).await?),
            Scenario::ContentRead => (content_read::ABOUT, content_read::run(plan).await?),
            Scenario::Commit => (commit::ABOUT, commit::run(plan).await?),
            Scenario::Start => (start::ABOUT, start::run(plan).await?),
        };
        Ok(Report { scenario: self.name(), about, plan, rows, notes })
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
