//! `backup.json`: what a folder of backups holds. Whatever is not named in it does not count.

use std::fs::{self, File, TryLockError};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::error::Trouble;

const FILE: &str = "backup.json";
const LOCK: &str = "lock";
/// What is written: contents are in packs. Format 1 has them in files of their own, and is read as well.
const FORMAT: u32 = 2;

/// What a folder of backups holds.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Marker {
    format: u32,
    /// The logs, oldest first.
    pub(crate) logs: Vec<Log>,
}

/// One log of a folder of backups.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Log {
    /// Its folder, in that of the backups.
    pub(crate) dir: String,
    /// The last position for which everything is there, contents too.
    pub(crate) position: u64,
    /// When it was last brought on, in milliseconds since 1970.
    pub(crate) at_ms: u64,
}

impl Marker {
    /// Reads the one of a folder; none where there is none.
    pub(crate) fn read(dir: &Path) -> Result<Option<Marker>, Trouble> {
        let path = dir.join(FILE);
        let text = match fs::read_to_string(&path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            text => text.map_err(Trouble::file("read", &path))?,
        };
        let marker: Marker = serde_json::from_str(&text).map_err(|error| Trouble::file("read", &path)(error.into()))?;
        match marker.format {
            1..=FORMAT => Ok(Some(Marker { format: FORMAT, ..marker })),
            format => Err(Trouble::TooNew { dir: dir.to_owned(), format }),
        }
    }

    /// One without logs.
    pub(crate) fn empty() -> Marker {
        Marker { format: FORMAT, logs: Vec::new() }
    }

    /// The name of the log that would be begun next.
    pub(crate) fn next_log(&self) -> String {
        format!("log-{}", self.logs.len() + 1)
    }

    /// Writes it whole or not at all, durably.
    pub(crate) fn write(&self, dir: &Path) -> Result<(), Trouble> {
        let (path, draft) = (dir.join(FILE), dir.join("backup.draft"));
        let write = || {
            let mut file = File::create(&draft)?;
            writeln!(file, "{}", serde_json::to_string_pretty(self)?)?;
            file.sync_all()?;
            fs::rename(&draft, &path)?;
            File::open(dir)?.sync_all()
        };
        write().map_err(Trouble::file("write", &path))
    }
}

/// Keeps a second backup out of a folder for as long as it lives.
#[derive(Debug)]
pub(crate) struct Lock {
    _file: File,
}

impl Lock {
    /// Takes the lock of a folder, without waiting.
    pub(crate) fn take(dir: &Path) -> Result<Lock, Trouble> {
        let path: PathBuf = dir.join(LOCK);
        let file = File::create(&path).map_err(Trouble::file("make", &path))?;
        match file.try_lock() {
            Ok(()) => Ok(Lock { _file: file }),
            Err(TryLockError::WouldBlock) => Err(Trouble::Busy { dir: dir.to_owned() }),
            Err(TryLockError::Error(error)) => Err(Trouble::file("lock", &path)(error)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_marker_is_read_as_it_was_written_and_a_later_one_is_refused() {
        let dir = tempfile::tempdir().unwrap();
        assert_eq!(Marker::read(dir.path()).unwrap(), None);
        let mut marker = Marker::empty();
        marker.logs.push(Log { dir: marker.next_log(), position: 7, at_ms: 9 });
        marker.write(dir.path()).unwrap();
        assert_eq!(Marker::read(dir.path()).unwrap(), Some(marker.clone()));
        assert_eq!((marker.logs[0].dir.as_str(), marker.next_log().as_str()), ("log-1", "log-2"));
        fs::write(dir.path().join(FILE), r#"{"format":1,"logs":[]}"#).unwrap();
        assert_eq!(Marker::read(dir.path()).unwrap(), Some(Marker::empty()));
        fs::write(dir.path().join(FILE), r#"{"format":7,"logs":[]}"#).unwrap();
        assert!(matches!(Marker::read(dir.path()), Err(Trouble::TooNew { format: 7, .. })));
    }

    #[test]
    fn a_folder_is_locked_once_at_a_time() {
        let dir = tempfile::tempdir().unwrap();
        let held = Lock::take(dir.path()).unwrap();
        assert!(matches!(Lock::take(dir.path()), Err(Trouble::Busy { .. })));
        drop(held);
        Lock::take(dir.path()).unwrap();
    }
}
