//! Opening a store: whose directory it is, where its log ends, and what its index is missing.

use std::collections::HashMap;
use std::fmt;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use star_core::ports::clock::{Clock, SystemClock};
use star_core::ports::meta::{Position, Revision, Shard};

use crate::commit::group::Memory;
use crate::disk::{Disk, LocalDisk};
use crate::index::{Index, IndexError, IndexKind, Record, dir_of};
use crate::journal::append::Appender;
use crate::journal::{Fault, Sizes, replay};
use crate::lock::{DirLock, LockError};
use crate::recover::{self, RecoverError};

/// Told why the process has to end: by default it logs the reason and aborts. One that returns,
/// as a test's does, leaves a store that answers `Closed`.
pub type OnFatal = Arc<dyn Fn(&str) + Send + Sync>;

/// What a store needs in order to open.
#[derive(Clone)]
pub struct OpenOptions {
    /// The directory that belongs to the store alone; made where it is missing. It will hold
    /// `lock`, `journal/` and `index/`.
    pub dir: PathBuf,
    /// The engine of the index. It may change from one start to the next.
    pub index: IndexKind,
    /// The wall clock, noted in the segments of the journal.
    pub clock: Arc<dyn Clock>,
    /// The disk that holds the journal.
    pub disk: Arc<dyn Disk>,
    /// Told why the process has to end.
    pub on_fatal: OnFatal,
}

impl OpenOptions {
    /// A store in a directory, with redb, on the disk and by the clock of the machine.
    pub fn new(dir: impl Into<PathBuf>) -> OpenOptions {
        OpenOptions {
            dir: dir.into(),
            index: IndexKind::default(),
            clock: Arc::new(SystemClock),
            disk: Arc::new(LocalDisk),
            on_fatal: Arc::new(abort),
        }
    }

    /// The same with this engine.
    pub fn with_index(self, index: IndexKind) -> OpenOptions {
        OpenOptions { index, ..self }
    }
}

impl fmt::Debug for OpenOptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OpenOptions").field("dir", &self.dir).field("index", &self.index).finish_non_exhaustive()
    }
}

fn abort(why: &str) {
    tracing::error!(why, "the store cannot go on; the process ends");
    std::process::abort();
}

/// Why a store did not open, named for what its owner does next.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// Another process has it open: end that one, or use another directory.
    #[error("{} is in use by {}", dir.display(), holder(*pid))]
    Locked {
        /// The directory.
        dir: PathBuf,
        /// The number of the process, where it is known.
        pid: Option<u32>,
    },
    /// Bytes of the journal are not what was written. Nothing was changed.
    #[error("{} is damaged at offset {offset}: {what}; {remedy}", file.display())]
    Damaged {
        /// The file.
        file: PathBuf,
        /// The offset of the first byte that cannot be trusted.
        offset: u64,
        /// What is wrong.
        what: String,
        /// What can be done.
        remedy: String,
    },
    /// A later version of this program wrote the journal: use that one.
    #[error("{} was written by a later version of Starlane (format {version})", file.display())]
    TooNew {
        /// The file.
        file: PathBuf,
        /// Its format.
        version: u16,
    },
    /// The disk refused.
    #[error("{} could not be used", path.display())]
    Io {
        /// The file or directory.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// The engine of the index failed, with an empty index too.
    #[error("the index in {} could not be opened", dir.display())]
    Index {
        /// Its directory.
        dir: PathBuf,
        /// Why.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
}

/// What can be done about a segment that cannot be trusted from an offset on.
fn remedy(file: &Path, offset: u64, dir: &Path) -> String {
    let file = file.display();
    let give_up = match offset {
        0 => format!("remove {file},"),
        _ => format!("cut it with `truncate -s {offset} {file}` and remove"),
    };
    format!(
        "restore {} from a backup; or, giving up what was committed from there on, {give_up} the segments \
         behind it and {}",
        dir.join("journal").display(),
        dir_of(dir).display(),
    )
}

fn holder(pid: Option<u32>) -> String {
    pid.map_or_else(|| "another process".to_owned(), |pid| format!("process {pid}"))
}

/// A store that is ready for its writer.
pub(crate) struct Opened {
    pub(crate) lock: DirLock,
    pub(crate) appender: Appender,
    pub(crate) index: Arc<dyn Index>,
    pub(crate) memory: Memory,
}

/// Takes the lock, finds the end of the journal and brings the index up to it.
pub(crate) fn open(options: &OpenOptions) -> Result<Opened, OpenError> {
    let dir = &options.dir;
    let io = |source| OpenError::Io { path: dir.clone(), source };
    options.disk.make_dir(dir).map_err(io)?;
    let lock = DirLock::take(dir).map_err(|error| match error {
        LockError::Held { pid } => OpenError::Locked { dir: dir.clone(), pid },
        LockError::Io(source) => io(source),
    })?;
    let mut memory = Memory::empty();
    let mut first_seen: HashMap<Shard, Revision> = HashMap::new();
    let now = options.clock.now_ms();
    let journal_dir = dir.join("journal");
    let appender = replay::open(Arc::clone(&options.disk), &journal_dir, Sizes::default(), now, |header, body| {
        first_seen.entry(header.shard).or_insert(header.revision);
        let record = Record {
            position: header.position,
            shard: header.shard,
            revision: header.revision,
            operations: body.operations,
        };
        memory.note(header.id, &record);
    })
    .map_err(|fault| OpenError::of_fault(fault, dir))?;
    let index = recover::bring_up(options.index, dir, appender.journal(), appender.position())
        .map_err(|error| OpenError::of_recovery(error, dir, &appender))?;
    let shards = index.shards().map_err(|error| OpenError::of_index(error, dir))?;
    for (shard, state) in shards {
        memory.set_revision(shard, state.revision);
        memory.erasures.nothing_known_before(shard, state, first_seen.get(&shard).copied());
    }
    Ok(Opened { lock, appender, index, memory })
}

impl OpenError {
    fn of_fault(fault: Fault, dir: &Path) -> OpenError {
        match fault {
            Fault::Damaged { file, offset, what } => {
                let remedy = remedy(&file, offset, dir);
                OpenError::Damaged { file, offset, what, remedy }
            }
            Fault::Missing { dir: file, from, to } => {
                let what = format!("positions {from} to {to} are missing, and the index cannot be made without them");
                let remedy = "restore the missing segments, or the index, from a backup".to_owned();
                OpenError::Damaged { file, offset: 0, what, remedy }
            }
            Fault::TooNew { file, version } => OpenError::TooNew { file, version },
            Fault::Io { file, source } => OpenError::Io { path: file, source },
        }
    }

    fn of_recovery(error: RecoverError, dir: &Path, appender: &Appender) -> OpenError {
        match error {
            RecoverError::Journal(fault) => OpenError::of_fault(fault, dir),
            RecoverError::Index(error) => OpenError::of_index(error, dir),
            RecoverError::Ahead { end, applied } => OpenError::lost_end(end, applied, dir, appender),
        }
    }

    fn lost_end(end: Position, applied: Position, dir: &Path, appender: &Appender) -> OpenError {
        OpenError::Damaged {
            file: appender.journal().last_file(),
            offset: appender.offset(),
            what: format!("the journal ends at position {end}, but the index has seen position {applied}"),
            remedy: format!(
                "restore {} from a backup; or, giving up what is lost, remove {}",
                dir.join("journal").display(),
                dir_of(dir).display(),
            ),
        }
    }

    fn of_index(error: IndexError, dir: &Path) -> OpenError {
        OpenError::Index { dir: dir_of(dir), source: Box::new(error) }
    }
}
