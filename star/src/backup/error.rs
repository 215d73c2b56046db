//! Why a backup was not made, or nothing was made of one.

use std::io;
use std::path::PathBuf;

use star_artifact::{CopyError, PackCopyError};
use star_store::OpenError;
use star_store::maintain::{BackupError, RestoreError};

use super::Finding;

/// What ends a backup or a restore, named for what its user does next.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Trouble {
    /// The folder is needed empty, or with an earlier backup in it.
    #[error("{} is not empty{}", dir.display(), if *backup { " and holds no backup" } else { "" })]
    NotEmpty {
        /// The folder.
        dir: PathBuf,
        /// Whether a backup might have been in it.
        backup: bool,
    },
    /// One of the two folders lies in the other.
    #[error("{} and {} must not lie in each other", dir.display(), data.display())]
    Inside {
        /// The folder of the backup.
        dir: PathBuf,
        /// The data folder.
        data: PathBuf,
    },
    /// Another command works in it.
    #[error("another backup works in {}", dir.display())]
    Busy {
        /// The folder.
        dir: PathBuf,
    },
    /// There is no backup, or none that was finished.
    #[error("{} holds no finished backup", dir.display())]
    NoBackup {
        /// The folder.
        dir: PathBuf,
    },
    /// There is no data of a Star.
    #[error("{} holds no data of a Star", dir.display())]
    NoData {
        /// The folder.
        dir: PathBuf,
    },
    /// A later version made it.
    #[error("{} was made by a later version of Starlane (format {format})", dir.display())]
    TooNew {
        /// The folder.
        dir: PathBuf,
        /// Its format.
        format: u32,
    },
    /// The Space was not there at that moment.
    #[error("there was no Space {space} at position {position}")]
    NoSpace {
        /// Its name.
        space: String,
        /// The moment.
        position: u64,
    },
    /// It ends before the moment.
    #[error("the backup ends at position {end}, before position {position}")]
    NotReached {
        /// What was asked for.
        position: u64,
        /// Its end.
        end: u64,
    },
    /// Bytes of it cannot be trusted; nothing was made of it.
    #[error("the backup is damaged")]
    Damaged(Vec<Finding>),
    /// A file could not be used.
    #[error("could not {action} {}", path.display())]
    File {
        /// What was tried.
        action: &'static str,
        /// The file.
        path: PathBuf,
        /// Why not.
        #[source]
        source: io::Error,
    },
    /// The metadata was not copied.
    #[error(transparent)]
    Backup(#[from] BackupError),
    /// The metadata was not restored.
    #[error(transparent)]
    Restore(#[from] RestoreError),
    /// The store could not be used.
    #[error(transparent)]
    Store(#[from] OpenError),
    /// The contents could not be used.
    #[error(transparent)]
    Content(#[from] CopyError),
    /// The packs could not be used.
    #[error(transparent)]
    Pack(#[from] PackCopyError),
}

impl Trouble {
    /// An error about a file.
    pub(crate) fn file(action: &'static str, path: impl Into<PathBuf>) -> impl FnOnce(io::Error) -> Trouble {
        let path = path.into();
        move |source| Trouble::File { action, path, source }
    }
}
