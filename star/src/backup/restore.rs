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

use star_artifact::{CopiedPack, PackName};
use star_client::Progress;
use star_core::ports::meta::Key;
use star_path::Digest;
use star_store::maintain::{self, Part, RestoreError, Until};

use super::Finding;
use super::contents::{Held, KnownPacks, Looked};
use super::error::Trouble;
use super::marker::{Log, Marker};
use super::references::{Needed, References, Scope};
use super::take::{LOST, is_empty};

/// In a data folder whose restore has not come to its end.
pub(crate) const UNFINISHED: &str = "restore.unfinished";

const REMEDY: &str = "remove the file and run `star backup` again while the Star has what lies in it; without it, what \
                      speaks of that is restored without its bytes";

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
    let backed_up = Held::below(from)?;
    let rows = moment.references.rows;
    if let Scope::Space(space) = scope
        && !moment.space_is_there
    {
        return Err(Trouble::NoSpace { space: space.to_owned(), position: moment.position });
    }
    let needed = moment.references.expand(&backed_up);
    let wanted = Wanted::of(&needed, &backed_up, scope)?;
    let mut target = Target::begin(into, is_new)?;
    let mut known = KnownPacks::default();
    let mut findings = target.contents(&backed_up, &wanted, &mut known, progress)?;
    findings.extend(needed.missing(&backed_up, &mut known)?);
    target.log(&moment.log, moment.position, scope, &needed, &wanted)?;
    target.finish()?;
    let Wanted { contents, content_bytes, .. } = wanted;
    Ok(Done { position: moment.position, rows, contents: contents.len() as u64, content_bytes, findings })
}

/// What is taken out of a backup.
struct Wanted {
    contents: BTreeSet<Digest>,
    /// What those have together.
    content_bytes: u64,
    /// Where they lie, as far as it is there.
    packs: BTreeSet<PackName>,
    /// Those that lie in no pack, with their lengths.
    loose: Vec<(Digest, u64)>,
}

impl Wanted {
    /// For a whole Star all that is there of that moment; for a Space what it needs.
    fn of(needed: &Needed, held: &Held, scope: Scope<'_>) -> Result<Wanted, Trouble> {
        let mut wanted =
            Wanted { contents: BTreeSet::new(), content_bytes: 0, packs: BTreeSet::new(), loose: Vec::new() };
        let all_of_star = needed.rows.contents().map(|(digest, _)| digest);
        let contents: BTreeSet<Digest> = match scope {
            Scope::Star => all_of_star.chain(needed.contents.keys().cloned()).collect(),
            Scope::Space(_) => needed.contents.keys().cloned().collect(),
        };
        let mut known = KnownPacks::default();
        let mut looked = Looked::begin(held, &needed.rows, &mut known);
        for digest in contents {
            if looked.trouble(&digest)?.is_some() {
                continue;
            }
            wanted.content_bytes += looked.size(&digest)?.unwrap_or_default();
            match needed.rows.packs_of(&digest) {
                Ok(packs) => wanted.packs.extend(packs.into_keys()),
                Err(_) => wanted.loose.extend(held.loose.size(&digest)?.map(|size| (digest.clone(), size))),
            }
            wanted.contents.insert(digest);
        }
        Ok(wanted)
    }
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
                found.references.note_content(key, value);
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

    /// Copies what is wanted. Answers what of packs is damaged; a damaged loose content ends the restore.
    fn contents(
        &mut self,
        from: &Held,
        wanted: &Wanted,
        known: &mut KnownPacks,
        progress: &dyn Progress,
    ) -> Result<Vec<Finding>, Trouble> {
        let mut packs = Vec::with_capacity(wanted.packs.len());
        for name in &wanted.packs {
            packs.push((*name, from.packs.size(*name)?.unwrap_or_default()));
        }
        let bytes = packs.iter().map(|(_, size)| size).chain(wanted.loose.iter().map(|(_, size)| size)).sum();
        progress.total((packs.len() + wanted.loose.len()) as u64, bytes);
        let (into, mut findings, mut damaged) = (Held::below(&self.dir)?, Vec::new(), Vec::new());
        for (name, size) in packs {
            match from.packs.copy(name, &into.packs) {
                Ok(CopiedPack::Copied(checked)) => {
                    known.note(name, &checked);
                    findings.extend(Finding::of_frames(&checked));
                }
                Ok(CopiedPack::There | CopiedPack::Empty) => {}
                Err(error) => findings.push(Finding::of_pack(error, LOST)?),
            }
            progress.bytes(size);
            progress.file_done("");
        }
        for (digest, size) in &wanted.loose {
            if let Err(error) = from.loose.copy(digest, &into.loose) {
                damaged.push(Finding::of_content(error, REMEDY)?);
            }
            progress.bytes(*size);
            progress.file_done("");
        }
        if !damaged.is_empty() {
            return Err(Trouble::Damaged(damaged));
        }
        from.packs.copy_store_id(&into.packs)?;
        into.loose.sync()?;
        Ok(findings)
    }

    fn log(
        &mut self,
        log: &Path,
        position: u64,
        scope: Scope<'_>,
        needed: &Needed,
        wanted: &Wanted,
    ) -> Result<(), Trouble> {
        let of_space = |_, key: &Key| scope.holds(key) || needed.rows.is_row_of(key, &wanted.contents, &wanted.packs);
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
