//! The way of a written file to its place, in the order that makes a reference to it safe:
//! bytes durable, name durable, and only then the answer.
//!
//! A name that exists already means the same content, written earlier or at this moment by
//! another: its bytes were durable before it was named. Its name need not be durable yet, so the
//! directory is synced in both cases.

use std::time::Instant;

use rustix::fs::{AtFlags, FileType};
use rustix::io::Errno;
use star_core::ports::content::ContentError;

use crate::files::place::Place;
use crate::files::staged::{Placed, Staged};
use crate::files::steps::Step;
use crate::files::store::Inner;

/// What lies at a place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Found {
    /// Nothing.
    Nothing,
    /// A file of this length.
    File(u64),
    /// Something that no content store puts there.
    Stranger,
}

/// Publishes a file of `size_bytes` whose digest is that of `place`. Blocks on the disk.
///
/// When this returns an error, the content may or may not be there; nothing may refer to it.
pub(crate) fn publish(inner: &Inner, mut staged: Staged, place: &Place, size_bytes: u64) -> Result<(), ContentError> {
    if look(inner, place)? != Found::File(size_bytes) {
        inner.timed(Step::SyncFile, "make the bytes durable", || staged.file.sync_all())?;
        link(inner, &mut staged, place, size_bytes)?;
    }
    drop(staged);
    inner
        .shards
        .make_durable(place.shard, || {
            inner.steps.before(Step::SyncDirectory)?;
            let started = Instant::now();
            inner.layout.sync_shard(place.shard)?;
            inner.meters.sync.note(started.elapsed());
            Ok(())
        })
        .map_err(failed("make the name durable"))
}

/// Gives the file its place, also in place of a damaged one.
fn link(inner: &Inner, staged: &mut Staged, place: &Place, size_bytes: u64) -> Result<(), ContentError> {
    inner.steps.before(Step::Link).map_err(failed("name the file"))?;
    let names = inner.shards.names(place.shard);
    if staged.link(place).map_err(failed("name the file"))? == Placed::Here {
        names.added(size_bytes);
        return Ok(());
    }
    let was_bytes = match look(inner, place)? {
        Found::File(there) if there == size_bytes => return Ok(()),
        Found::File(there) => there,
        Found::Stranger | Found::Nothing => 0,
    };
    let digest = place.digest();
    tracing::error!(%digest, was_bytes, size_bytes, "a damaged content is replaced by a good one");
    staged.replace(place).map_err(failed("replace a damaged file"))?;
    names.replaced(was_bytes, size_bytes);
    inner.forget(&place.key);
    Ok(())
}

/// Looks what lies at a place. Blocks on the disk.
pub(crate) fn look(inner: &Inner, place: &Place) -> Result<Found, ContentError> {
    match rustix::fs::statat(&inner.layout.content, &place.path, AtFlags::SYMLINK_NOFOLLOW) {
        Ok(stat) if FileType::from_raw_mode(stat.st_mode) == FileType::RegularFile => {
            Ok(Found::File(u64::try_from(stat.st_size).unwrap_or(0)))
        }
        Ok(_) => Ok(Found::Stranger),
        Err(Errno::NOENT) => Ok(Found::Nothing),
        Err(error) => Err(failed("look for a content")(error.into())),
    }
}

/// Adds what was tried to an error of the disk; a full disk has a variant of its own.
pub(crate) fn failed(action: &'static str) -> impl FnOnce(std::io::Error) -> ContentError {
    use std::io::ErrorKind;
    move |source| match source.kind() {
        // A limit on the length of files is a disk that takes no more of this one.
        ErrorKind::StorageFull | ErrorKind::QuotaExceeded | ErrorKind::FileTooLarge => ContentError::DiskFull,
        _ => ContentError::Io { action, source },
    }
}
