//! The store's directory: its marker, its shard directories, its lock, and what a start finds.
//!
//! ```text
//! content/format          the version of this layout, written last when the store is made
//! content/tmp/            files that are being written, where the filesystem cannot do without names
//! content/<3 hex>/<64 hex>  one file per content, named by its SHA-256
//! ```
//! Owns opening and preparing; [`crate::files::staged`] and [`crate::files::publish`] own what happens inside.

use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, Read, Write};
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

use rustix::fs::{AtFlags, FlockOperation, Mode, OFlags};
use rustix::io::Errno;

use crate::files::limits;
use crate::files::place::Shard;

/// Why a store could not be opened, named for what its operator does next.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// A later program has written it: run that one.
    #[error("{dir} holds content of format {found}; this program knows formats up to {known}")]
    NewerFormat {
        /// The store's directory.
        dir: PathBuf,
        /// The format found.
        found: u32,
        /// The newest format that is understood.
        known: u32,
    },
    /// The marker says something else: this is another program's directory, or it is damaged.
    #[error("{file} does not say which format the content has")]
    NotAStore {
        /// The marker.
        file: PathBuf,
    },
    /// Another process works in it.
    #[error("{dir} is in use by another process")]
    InUse {
        /// The store's directory.
        dir: PathBuf,
    },
    /// The disk refused.
    #[error("could not {action} {path}")]
    Io {
        /// What was tried.
        action: &'static str,
        /// On what.
        path: PathBuf,
        /// Why it failed.
        #[source]
        source: io::Error,
    },
}

/// How files that have no name yet are made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Staging {
    /// Without a name, so that a crash leaves nothing.
    Nameless,
    /// With a name in `tmp/`, where the filesystem or the system has no nameless files.
    Named,
}

/// An open store directory.
#[derive(Debug)]
pub(crate) struct Layout {
    /// `content/`; paths of places are relative to it.
    pub(crate) content: OwnedFd,
    /// `content/tmp/`.
    pub(crate) tmp: OwnedFd,
    pub(crate) staging: Staging,
    serial: AtomicU64,
    /// Held for as long as the store is open.
    _lock: File,
}

const MARKER: &str = "format";
const MARKER_TEXT: &str = "starlane content store, format ";
pub(crate) const TMP: &str = "tmp";

impl Layout {
    /// Opens the store below `dir`, making it if there is none. Takes some 100 ms for the latter
    /// and next to nothing otherwise.
    pub(crate) fn open(dir: &Path, staging: Option<Staging>) -> Result<Layout, OpenError> {
        let root = dir.join("content");
        let lock = prepare(dir, &root)?;
        let open = |path: &Path| {
            let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC | OFlags::NOFOLLOW;
            rustix::fs::open(path, flags, Mode::empty()).map_err(failed("open", path))
        };
        let tmp_path = root.join(TMP);
        sweep(&tmp_path)?;
        let content = open(&root)?;
        let tmp = open(&tmp_path)?;
        let mut layout = Layout { content, tmp, staging: Staging::Named, serial: AtomicU64::new(0), _lock: lock };
        layout.staging = staging.unwrap_or_else(|| layout.probe());
        Ok(layout)
    }

    /// A name in `tmp/` that no other file of this process has.
    pub(crate) fn unique_name(&self) -> String {
        format!("{}", self.serial.fetch_add(1, Ordering::Relaxed))
    }

    /// Makes the names in a shard directory durable. Blocks on the disk.
    pub(crate) fn sync_shard(&self, shard: Shard) -> io::Result<()> {
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC | OFlags::NOFOLLOW;
        let dir = rustix::fs::openat(&self.content, shard.name(), flags, Mode::empty())?;
        Ok(rustix::fs::fsync(dir)?)
    }

    /// Tries a nameless file and giving it a name: filesystems, containers without `/proc` and
    /// old kernels refuse one or the other.
    fn probe(&self) -> Staging {
        let name = self.unique_name();
        let tried = nameless(&self.tmp, ".").and_then(|file| {
            link_nameless(&file, &self.tmp, &name)?;
            rustix::fs::unlinkat(&self.tmp, &name, AtFlags::empty())
        });
        match tried {
            Ok(()) => Staging::Nameless,
            Err(reason) => {
                tracing::info!(%reason, "the content store works without nameless files");
                Staging::Named
            }
        }
    }
}

/// Makes a file without a name in a directory.
pub(crate) fn nameless(dir: impl AsFd, path: &str) -> Result<OwnedFd, Errno> {
    let flags = OFlags::TMPFILE | OFlags::RDWR | OFlags::CLOEXEC;
    rustix::fs::openat(dir, path, flags, Mode::RUSR | Mode::WUSR)
}

/// Gives a nameless file a name. By way of `/proc`, because linking the descriptor itself needs
/// a privilege.
pub(crate) fn link_nameless(file: impl AsFd, dir: impl AsFd, path: &str) -> Result<(), Errno> {
    use std::os::fd::AsRawFd;
    let source = format!("/proc/self/fd/{}", file.as_fd().as_raw_fd());
    rustix::fs::linkat(rustix::fs::CWD, source, dir, path, AtFlags::SYMLINK_FOLLOW)
}

/// Locks the store, then makes what is missing of it. The lock comes first, so that two processes
/// never prepare or sweep the same directory.
fn prepare(dir: &Path, root: &Path) -> Result<File, OpenError> {
    let made = make_dir(root)?;
    let lock = File::open(root).map_err(failed("open", root))?;
    match rustix::fs::flock(&lock, FlockOperation::NonBlockingLockExclusive) {
        Ok(()) => {}
        Err(Errno::WOULDBLOCK) => return Err(OpenError::InUse { dir: root.to_owned() }),
        Err(error) => return Err(failed("lock", root)(error)),
    }
    let marker = root.join(MARKER);
    let found = read_marker(root, &marker)?;
    if let Some(found) = found.filter(|found| *found > limits::FORMAT) {
        return Err(OpenError::NewerFormat { dir: root.to_owned(), found, known: limits::FORMAT });
    }
    let mut changed = make_dir(&root.join(TMP))?;
    changed |= make_shards(root)?;
    if changed {
        sync_dir(root)?;
    }
    if found.is_none() {
        write_marker(root, &marker)?;
    }
    if made || found.is_none() {
        sync_dir(dir)?;
    }
    Ok(lock)
}

/// The format that the marker names; none if there is no marker.
fn read_marker(root: &Path, marker: &Path) -> Result<Option<u32>, OpenError> {
    let mut text = String::new();
    let opened = match File::open(marker) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(failed("open", marker)(error)),
    };
    match opened.take(256).read_to_string(&mut text) {
        Ok(_) => {}
        Err(error) if error.kind() == io::ErrorKind::InvalidData => text.clear(),
        Err(error) => return Err(failed("read", marker)(error)),
    }
    let number = text.strip_prefix(MARKER_TEXT).and_then(|rest| rest.trim_end().parse().ok());
    number.map(Some).ok_or_else(|| OpenError::NotAStore { file: root.join(MARKER) })
}

/// Writes the marker whole or not at all.
fn write_marker(root: &Path, marker: &Path) -> Result<(), OpenError> {
    let draft = root.join(TMP).join(MARKER);
    let write = || {
        let mut file = OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&draft)?;
        file.write_all(format!("{MARKER_TEXT}{}\n", limits::FORMAT).as_bytes())?;
        file.sync_all()?;
        fs::rename(&draft, marker)
    };
    write().map_err(failed("write", marker))?;
    sync_dir(root)
}

/// Makes the shard directories that are missing; says whether there were any.
fn make_shards(root: &Path) -> Result<bool, OpenError> {
    let present = fs::read_dir(root)
        .map_err(failed("list", root))?
        .filter(|entry| entry.as_ref().is_ok_and(|entry| entry.file_name().len() == 3 && entry.file_name() != TMP));
    if present.count() == limits::SHARDS {
        return Ok(false);
    }
    let mut changed = false;
    for number in 0..limits::SHARDS {
        let number = u16::try_from(number).expect("there are 4,096 shards");
        changed |= make_dir(&root.join(Shard::new(number).name()))?;
    }
    Ok(changed)
}

/// Makes a directory with its parents; says whether it was missing.
fn make_dir(path: &Path) -> Result<bool, OpenError> {
    match DirBuilder::new().mode(0o700).create(path) {
        Ok(()) => Ok(true),
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(false),
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            let made = DirBuilder::new().mode(0o700).recursive(true).create(path);
            made.map(|()| true).map_err(failed("make", path))
        }
        Err(error) => Err(failed("make", path)(error)),
    }
}

/// Removes what uploads left that were under way when the process ended.
fn sweep(tmp: &Path) -> Result<(), OpenError> {
    for entry in fs::read_dir(tmp).map_err(failed("list", tmp))? {
        let path = entry.map_err(failed("list", tmp))?.path();
        fs::remove_file(&path).map_err(failed("remove", &path))?;
    }
    Ok(())
}

fn sync_dir(path: &Path) -> Result<(), OpenError> {
    File::open(path).and_then(|dir| dir.sync_all()).map_err(failed("make durable", path))
}

/// Adds what was tried to an error of the system.
fn failed<E: Into<io::Error>>(action: &'static str, path: &Path) -> impl FnOnce(E) -> OpenError {
    move |source| OpenError::Io { action, path: path.to_owned(), source: source.into() }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn dir() -> tempfile::TempDir {
        tempfile::tempdir_in("/dev/shm").or_else(|_| tempfile::tempdir()).unwrap()
    }

    #[test]
    fn a_start_makes_every_shard_directory_and_marks_the_store() {
        let dir = dir();
        drop(Layout::open(dir.path(), None).unwrap());
        let root = dir.path().join("content");
        assert!(root.join("000").is_dir() && root.join("fff").is_dir());
        assert_eq!(fs::read_to_string(root.join("format")).unwrap(), "starlane content store, format 1\n");
    }

    #[test]
    fn a_start_after_an_interrupted_first_start_makes_the_rest() {
        let dir = dir();
        fs::create_dir_all(dir.path().join("content/0ff")).unwrap();
        drop(Layout::open(dir.path(), None).unwrap());
        fs::remove_dir(dir.path().join("content/abc")).unwrap();
        drop(Layout::open(dir.path(), None).unwrap());
        assert!(dir.path().join("content/abc").is_dir());
    }

    #[test]
    fn a_store_of_a_later_program_is_refused_and_left_alone() {
        let dir = dir();
        drop(Layout::open(dir.path(), None).unwrap());
        let marker = dir.path().join("content/format");
        fs::write(&marker, "starlane content store, format 7\n").unwrap();
        let refused = Layout::open(dir.path(), None).unwrap_err();
        assert!(matches!(refused, OpenError::NewerFormat { found: 7, known: 1, .. }), "{refused}");
        fs::write(&marker, "shopping list").unwrap();
        let refused = Layout::open(dir.path(), None).unwrap_err();
        assert!(matches!(refused, OpenError::NotAStore { .. }), "{refused}");
    }

    #[test]
    fn a_store_opens_once_at_a_time() {
        let dir = dir();
        let first = Layout::open(dir.path(), None).unwrap();
        let refused = Layout::open(dir.path(), None).unwrap_err();
        assert!(matches!(refused, OpenError::InUse { .. }), "{refused}");
        drop(first);
        Layout::open(dir.path(), None).unwrap();
    }

    #[test]
    fn a_start_removes_what_cut_uploads_left() {
        let dir = dir();
        drop(Layout::open(dir.path(), None).unwrap());
        let left = dir.path().join("content/tmp/17");
        fs::write(&left, "half").unwrap();
        drop(Layout::open(dir.path(), None).unwrap());
        assert!(!left.exists());
    }
}
