//! The lock that keeps a second process out of a store.
//!
//! An advisory lock of the kernel on the file `lock`: it falls with the process that holds it,
//! however that process ends, so nobody ever has to remove a stale one. The number in the file
//! is for people.

use std::fs::File;
use std::io::{self, Read, Seek, Write};
use std::path::Path;

use rustix::fs::{FlockOperation, flock};

/// Held for as long as the store is open.
#[derive(Debug)]
pub(crate) struct DirLock {
    _file: File,
}

/// Why the lock was not given.
#[derive(Debug)]
pub(crate) enum LockError {
    /// Another process has it; its number, where it could be read.
    Held { pid: Option<u32> },
    /// The file could not be made or locked.
    Io(io::Error),
}

impl DirLock {
    /// Takes the lock of a directory, without waiting.
    pub(crate) fn take(dir: &Path) -> Result<DirLock, LockError> {
        let path = dir.join("lock");
        let mut file =
            File::options().read(true).write(true).create(true).truncate(false).open(path).map_err(LockError::Io)?;
        match flock(&file, FlockOperation::NonBlockingLockExclusive) {
            Ok(()) => {}
            Err(rustix::io::Errno::WOULDBLOCK) => return Err(LockError::Held { pid: pid_in(&mut file) }),
            Err(errno) => return Err(LockError::Io(errno.into())),
        }
        write_pid(&mut file).map_err(LockError::Io)?;
        Ok(DirLock { _file: file })
    }
}

fn pid_in(file: &mut File) -> Option<u32> {
    let mut text = String::new();
    file.read_to_string(&mut text).ok()?;
    text.trim().parse().ok()
}

fn write_pid(file: &mut File) -> io::Result<()> {
    file.set_len(0)?;
    file.rewind()?;
    writeln!(file, "{}", std::process::id())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_second_holder_is_refused_and_told_who_holds_it() {
        let dir = tempfile::tempdir().unwrap();
        let held = DirLock::take(dir.path()).unwrap();
        match DirLock::take(dir.path()) {
            Err(LockError::Held { pid }) => assert_eq!(pid, Some(std::process::id())),
            other => panic!("{other:?}"),
        }
        drop(held);
        DirLock::take(dir.path()).unwrap();
    }
}
