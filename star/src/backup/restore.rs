//! Making a data folder of a backup, as the Star was at a moment that the backup covers.
//!
//! What is needed of the log is checked before anything is written; contents are compared with
//! their names on the way. A restore that fails leaves nothing behind, and one that is cut off
//! leaves a folder that no Star starts on.

use std::collections::BTreeSet;
use std::fs::{self, DirBuilder, File};
use std::io;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};

use star_artifact::{Contents, Copied};
use star_client::Progress;
use star_core::ports::meta::Key;
use star_path::Digest;
use star_store::maintain::{self, Part, RestoreError, Until};

use super::Finding;
use super::error::Trouble;
use super::marker::{Log, Marker};
use super::references::{References, Scope};
use super::take::is_empty;

/// In a data folder whose restore has not come to its end.
pub(crate) const UNFINISHED: &str = "restore.unfinished";

const REMEDY: &str = "remove the file and run `star backup` again while the Star has the content; without it, what \
                      speaks of it is restored without its bytes";

/// What was restored.
#[derive(Debug)]
pub(crate) struct Done {
    /// The position at which the Star stands.
    pub(crate) position: u64,
    /// Rows of the metadata.
    pub(crate) rows: u64,
    /// Contents.
    pub(crate) contents: u64,
    /// Their bytes.
    pub(crate) content_bytes: u64,
    /// What is missing and was missing in the backup.
    pub(crate) findings: Vec<Finding>,
}

/// Restores a Star, or one Space of it, into a missing or empty folder.
pub(crate) fn restore(
    from: &Path,
    into: &Path,
    until: Until,
    scope: Scope<'_>,
    progress: &dyn Progress,
) -> Result<Done, Trouble> {
    let Some(marker) = Marker::read(from)?.filter(|marker| !marker.logs.is_empty()) else {
        return Err(Trouble::NoBackup { dir: from.to_owned() });
    };
    let is_new = !into.exists();
    if !is_new && !is_empty(into)? {
        return Err(Trouble::NotEmpty { dir: into.to_owned(), backup: false });
    }
    let moment = Moment::find(from, &marker.logs, until, scope)?;
    let backed_up = Contents::below(from);
    let references = moment.references.rows;
    if let Scope::Space(space) = scope
        && !moment.space_is_there
    {
        return Err(Trouble::NoSpace { space: space.to_owned(), position: moment.position });
    }
    let needed = moment.references.expand(&backed_up)?;
    let findings = needed.missing(&backed_up)?;
    let wanted = match scope {
        Scope::Star => all(&backed_up)?,
        Scope::Space(_) => needed.contents.into_keys().collect(),
    };
    let mut target = Target::begin(into, is_new)?;
    let (contents, content_bytes) = target.contents(&backed_up, wanted, progress)?;
    target.log(&moment.log, moment.position, scope)?;
    target.finish()?;
    Ok(Done { position: moment.position, rows: references, contents, content_bytes, findings })
}

fn all(contents: &Contents) -> Result<BTreeSet<Digest>, Trouble> {
    let mut digests = BTreeSet::new();
    contents.each::<Trouble>(|digest, _| {
        digests.insert(digest);
        Ok(())
    })?;
    Ok(digests)
}

/// A moment of a log that was found good.
struct Moment {
    log: PathBuf,
    position: u64,
    references: References,
    space_is_there: bool,
}

impl Moment {
    /// Finds the newest log that covers the moment.
    fn find(from: &Path, logs: &[Log], until: Until, scope: Scope<'_>) -> Result<Moment, Trouble> {
        let mut refused = None;
        for log in logs.iter().rev() {
            match Moment::of(from, log, until, scope) {
                Err(error @ Trouble::Restore(RestoreError::NotCovered { .. })) => refused = Some(error),
                Err(Trouble::NotReached { .. }) if refused.is_some() => {}
                found => return found,
            }
        }
        Err(refused.unwrap_or_else(|| Trouble::NoBackup { dir: from.to_owned() }))
    }

    fn of(from: &Path, log: &Log, until: Until, scope: Scope<'_>) -> Result<Moment, Trouble> {
        let dir = from.join(&log.dir);
        let until = match until {
            Until::End => Until::Position(log.position),
            Until::Position(position) if position > log.position => {
                return Err(Trouble::NotReached { position, end: log.position });
            }
            other => other,
        };
        let read = |until| {
            let mut found =
                Moment { log: dir.clone(), position: 0, references: References::default(), space_is_there: false };
            found.position = maintain::rows(&dir, until, &mut |_, key: &Key, value| {
                if scope.holds(key) {
                    found.space_is_there |= star_core::keys::is_record(key);
                    found.references.note(key, value);
                }
            })?;
            Ok::<Moment, RestoreError>(found)
        };
        let mut found = read(until).map_err(damage)?;
        if found.position > log.position {
            // The last backup was cut off: contents of what came since may be missing.
            found = read(Until::Position(log.position)).map_err(damage)?;
        }
        let report = maintain::check_copy(&dir, found.position, &mut |_| {})?;
        match report.problems.is_empty() {
            true => Ok(found),
            false => Err(Trouble::Damaged(report.problems.into_iter().map(Finding::from).collect())),
        }
    }
}

/// Damage is told as a finding, like all damage.
fn damage(error: RestoreError) -> Trouble {
    match error {
        RestoreError::Store(star_store::OpenError::Damaged { file, offset, what, .. }) => {
            let remedy = "restore up to a position before it, or begin another backup in an empty folder".to_owned();
            Trouble::Damaged(vec![Finding { file, offset, what, remedy }])
        }
        other => other.into(),
    }
}

/// The folder that is being filled. What was written is removed unless it is finished.
struct Target {
    dir: PathBuf,
    is_new: bool,
    is_done: bool,
}

impl Target {
    fn begin(dir: &Path, is_new: bool) -> Result<Target, Trouble> {
        DirBuilder::new().recursive(true).mode(0o700).create(dir).map_err(Trouble::file("make the folder", dir))?;
        let target = Target { dir: dir.to_owned(), is_new, is_done: false };
        let unfinished = dir.join(UNFINISHED);
        let mark = || {
            File::create(&unfinished)?.sync_all()?;
            File::open(dir)?.sync_all()
        };
        mark().map_err(Trouble::file("write", &unfinished))?;
        Ok(target)
    }

    fn contents(
        &mut self,
        from: &Contents,
        wanted: BTreeSet<Digest>,
        progress: &dyn Progress,
    ) -> Result<(u64, u64), Trouble> {
        let mut sizes = Vec::with_capacity(wanted.len());
        for digest in wanted {
            if let Some(size) = from.size(&digest)? {
                sizes.push((digest, size));
            }
        }
        progress.total(sizes.len() as u64, sizes.iter().map(|(_, size)| size).sum());
        let into = Contents::below(&self.dir);
        let (mut count, mut bytes, mut damaged) = (0, 0, Vec::new());
        for (digest, size) in sizes {
            match from.copy(&digest, &into) {
                Ok(Copied::Bytes(copied)) => {
                    count += 1;
                    bytes += copied;
                }
                Ok(Copied::There) => {}
                Err(error) => damaged.push(Finding::of_content(error, REMEDY)?),
            }
            progress.bytes(size);
            progress.file_done("");
        }
        if !damaged.is_empty() {
            return Err(Trouble::Damaged(damaged));
        }
        into.sync()?;
        Ok((count, bytes))
    }

    fn log(&mut self, log: &Path, position: u64, scope: Scope<'_>) -> Result<(), Trouble> {
        let of_space = |_, key: &Key| scope.holds(key);
        let part = match scope {
            Scope::Star => Part::Everything,
            Scope::Space(_) => Part::Rows(&of_space),
        };
        maintain::restore(log, &self.dir.join("meta"), Until::Position(position), part).map_err(damage)?;
        Ok(())
    }

    fn finish(mut self) -> Result<(), Trouble> {
        let unfinished = self.dir.join(UNFINISHED);
        let unmark = || {
            fs::remove_file(&unfinished)?;
            File::open(&self.dir)?.sync_all()
        };
        unmark().map_err(Trouble::file("remove", &unfinished))?;
        self.is_done = true;
        Ok(())
    }

    fn take_back(&self) -> io::Result<()> {
        if self.is_new {
            return fs::remove_dir_all(&self.dir);
        }
        for name in ["content", "meta"].map(|name| self.dir.join(name)) {
            if name.exists() {
                fs::remove_dir_all(name)?;
            }
        }
        fs::remove_file(self.dir.join(UNFINISHED))
    }
}

impl Drop for Target {
    fn drop(&mut self) {
        if !self.is_done
            && let Err(error) = self.take_back()
        {
            tracing::warn!(%error, folder = %self.dir.display(), "what was restored in part could not be removed");
        }
    }
}
