//! Opening a store: whose directory it is, where its log ends, and what its index is missing.

use std::fmt;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use star_core::ports::clock::{Clock, SystemClock};
use star_core::ports::meta::Position;

use crate::checkpoint::Checkpoints;
use crate::commit::group::Memory;
use crate::commit::recall::Recall;
use crate::consumers::Consumers;
use crate::disk::{Disk, LocalDisk};
use crate::index::{Index, IndexError, IndexKind, dir_of};
use crate::journal::append::Appender;
use crate::journal::{Fault, Sizes, replay};
use crate::lock::{DirLock, LockError};
use crate::recover::{self, Ground, RecoverError};
use crate::retention::Retention;

/// Told why the process has to end: by default it logs the reason and aborts. One that returns,
/// as a test's does, leaves a store that answers `Closed`.
pub type OnFatal = Arc<dyn Fn(&str) + Send + Sync>;

/// What a store needs in order to open.
#[derive(Clone)]
pub struct OpenOptions {
    /// The directory that belongs to the store alone; made where it is missing. It will hold
    /// `lock`, `journal/`, `checkpoint/`, `consumers` and `index/`.
    pub dir: PathBuf,
    /// The engine of the index. It may change from one start to the next.
    pub index: IndexKind,
    /// The wall clock, noted in the segments of the journal.
    pub clock: Arc<dyn Clock>,
    /// The disk that holds the journal.
    pub disk: Arc<dyn Disk>,
    /// Told why the process has to end.
    pub on_fatal: OnFatal,
    /// How much of the journal is kept for those who read events.
    pub retention: Retention,
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
            retention: Retention::default(),
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
    // Whoever finds the process dead must find the reason too, whether or not it keeps a log.
    if let Err(error) = writeln!(io::stderr(), "the store cannot go on; the process ends: {why}") {
        tracing::debug!(%error, "there is no standard error");
    }
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
    pub(crate) checkpoints: Checkpoints,
    pub(crate) consumers: Arc<Consumers>,
    /// The position of the newest checkpoint; 0 where there is none.
    pub(crate) checkpoint: Position,
    /// Bytes of the segments that lie behind it.
    pub(crate) behind_bytes: u64,
}

/// Takes the lock, finds the end of the journal and brings the index up to it.
pub(crate) fn open(options: &OpenOptions) -> Result<Opened, OpenError> {
    let dir = &options.dir;
    let fault = |fault| OpenError::of_fault(fault, dir);
    let lock = take_lock(options)?;
    let disk = &options.disk;
    let journal_dir = dir.join("journal");
    let checkpoints = Checkpoints::of(Arc::clone(disk), dir).map_err(fault)?;
    let installation = replay::installation(disk.as_ref(), &journal_dir).map_err(fault)?;
    if installation.is_none() {
        no_checkpoint_without_journal(&checkpoints, dir)?;
    }
    let state = match installation {
        Some(installation) => {
            checkpoints.newest_state().map_err(fault)?.filter(|state| state.installation == installation)
        }
        None => None,
    };
    let checkpoint = state.as_ref().map_or(0, |state| state.position);
    let cursors = state.as_ref().map_or_else(Default::default, |state| state.consumers.clone());
    let mut recall = Recall::behind(state);
    let now = options.clock.now_ms();
    let appender =
        replay::open(Arc::clone(disk), &journal_dir, Sizes::default(), now, |header, body| recall.note(header, body))
            .map_err(fault)?;
    let journal = appender.journal();
    if checkpoint > appender.position() {
        return Err(OpenError::lost_end(appender.position(), checkpoint, dir, &appender));
    }
    let ground = Ground { store: dir, journal, checkpoints: &checkpoints, end: appender.position() };
    let index =
        recover::bring_up(options.index, ground).map_err(|error| OpenError::of_recovery(error, dir, &appender))?;
    let shards = index.shards().map_err(|error| OpenError::of_index(error, dir))?;
    let memory = recall.complete(shards);
    let consumers = Consumers::open(Arc::clone(disk), dir, *journal.installation(), appender.position(), || cursors)
        .map_err(fault)?;
    let behind_bytes = journal.closed().map_err(fault)?;
    let behind_bytes = behind_bytes.iter().filter(|segment| segment.first > checkpoint).map(|segment| segment.bytes);
    let behind_bytes = behind_bytes.sum();
    Ok(Opened { lock, index, memory, checkpoints, consumers: Arc::new(consumers), checkpoint, behind_bytes, appender })
}

pub(crate) fn take_lock(options: &OpenOptions) -> Result<DirLock, OpenError> {
    let dir = &options.dir;
    let io = |source| OpenError::Io { path: dir.clone(), source };
    options.disk.make_dir(dir).map_err(io)?;
    DirLock::take(dir).map_err(|error| match error {
        LockError::Held { pid } => OpenError::Locked { dir: dir.clone(), pid },
        LockError::Io(source) => io(source),
    })
}

/// A store whose journal is gone must not begin as an empty one.
fn no_checkpoint_without_journal(checkpoints: &Checkpoints, dir: &Path) -> Result<(), OpenError> {
    let newest = checkpoints.newest_first().map_err(|fault| OpenError::of_fault(fault, dir))?.first().copied();
    let Some(position) = newest else { return Ok(()) };
    Err(OpenError::Damaged {
        file: dir.join("journal"),
        offset: 0,
        what: format!("there is no journal, but a checkpoint of position {position}"),
        remedy: format!(
            "restore {} from a backup; or, giving everything up, remove {}",
            dir.join("journal").display(),
            dir.display()
        ),
    })
}

impl OpenError {
    pub(crate) fn of_fault(fault: Fault, dir: &Path) -> OpenError {
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
            what: format!(
                "the journal ends at position {end}, but the index or a checkpoint has seen position {applied}"
            ),
            remedy: format!(
                "restore {} from a backup; or, giving up what is lost, remove {} and newer checkpoints",
                dir.join("journal").display(),
                dir_of(dir).display(),
            ),
        }
    }

    pub(crate) fn of_index(error: IndexError, dir: &Path) -> OpenError {
        OpenError::Index { dir: dir_of(dir), source: Box::new(error) }
    }
}
