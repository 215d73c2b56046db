//! Making a backup, and bringing it on.
//!
//! The order is what makes it whole without stopping anybody: first the log up to a position that
//! is durable, then the packs, which were durable before the log spoke of what lies in them, then the
//! look whether everything that the log speaks of is there, and the marker last. Packs never change
//! once they are sealed, and what the Star removes stays in the backup.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

use star_artifact::{Contents, Copied, CopiedPack, CopyError, PackCopies, PackCopyError, PackName};
use star_client::Progress;
use star_path::Digest;
use star_store::maintain::{self, BackedUp, BackupError, Until};

use super::Finding;
use super::contents::{Held, KnownPacks};
use super::error::Trouble;
use super::marker::{Lock, Log, Marker};
use super::references::References;

/// What can be done about a pack that is lost.
pub(super) const LOST: &str = "write again what lies in it: nothing else has its bytes";

/// A folder of backups that is being brought on.
pub(crate) struct Taking {
    dir: PathBuf,
    data: PathBuf,
    marker: Marker,
    _lock: Lock,
}

/// What was copied.
#[derive(Debug, Default)]
pub(crate) struct Taken {
    /// Where the log ends.
    pub(crate) log: BackedUp,
    /// The folder that holds it.
    pub(crate) log_dir: String,
    /// Whether the log could not go on where the last backup ended.
    pub(crate) begun_anew: bool,
    /// Packs, and contents of before there were packs, that were copied.
    pub(crate) files: u64,
    /// Their bytes.
    pub(crate) file_bytes: u64,
    /// Those that were there already.
    pub(crate) files_kept: u64,
    /// What is not as it should be in the data folder.
    pub(crate) findings: Vec<Finding>,
}

impl Taking {
    /// Prepares a folder: a missing or empty one, or one with earlier backups.
    pub(crate) fn begin(dir: &Path, data: &Path) -> Result<Taking, Trouble> {
        let data = data.canonicalize().map_err(Trouble::file("use the folder", data))?;
        if !data.join("meta").is_dir() {
            return Err(Trouble::NoData { dir: data });
        }
        fs::create_dir_all(dir).map_err(Trouble::file("make the folder", dir))?;
        let dir = dir.canonicalize().map_err(Trouble::file("use the folder", dir))?;
        if dir.starts_with(&data) || data.starts_with(&dir) {
            return Err(Trouble::Inside { dir, data });
        }
        let marker = match Marker::read(&dir)? {
            Some(marker) => marker,
            None if is_empty(&dir)? => Marker::empty(),
            None => return Err(Trouble::NotEmpty { dir, backup: true }),
        };
        let lock = Lock::take(&dir)?;
        // Whoever comes after an interrupted first time must know the folder for what it is.
        marker.write(&dir)?;
        Ok(Taking { dir, data, marker, _lock: lock })
    }

    /// Copies the log of a Star that runs, up to a position that it has shown to be durable.
    pub(crate) fn log_running(&self, upto: u64) -> Result<Taken, Trouble> {
        self.log(|into| maintain::backup_running(&self.meta(), upto, into))
    }

    /// Copies the log of a data folder that no Star uses.
    pub(crate) fn log_closed(&self) -> Result<Taken, Trouble> {
        self.log(|into| maintain::backup(&star_store::OpenOptions::new(self.meta()), into))
    }

    fn meta(&self) -> PathBuf {
        self.data.join("meta")
    }

    fn log(&self, copy: impl Fn(&Path) -> Result<BackedUp, BackupError>) -> Result<Taken, Trouble> {
        let next = self.marker.next_log();
        let current = self.marker.logs.last().map_or(&next, |log| &log.dir);
        let taken = |dir: &String, log| Taken {
            log,
            log_dir: dir.clone(),
            begun_anew: dir == &next && !self.marker.logs.is_empty(),
            ..Taken::default()
        };
        match copy(&self.dir.join(current)) {
            Ok(log) => return Ok(taken(current, log)),
            Err(BackupError::NotContinued { .. }) => {}
            Err(other) => return Err(other.into()),
        }
        let into = self.dir.join(&next);
        match copy(&into) {
            Ok(log) => Ok(taken(&next, log)),
            // An attempt that was interrupted left it, and no marker names it.
            Err(BackupError::NotContinued { .. }) => {
                fs::remove_dir_all(&into).map_err(Trouble::file("remove", &into))?;
                Ok(taken(&next, copy(&into)?))
            }
            Err(other) => Err(other.into()),
        }
    }

    /// Copies the packs that came since, looks whether everything is there that the log speaks of, and makes
    /// the backup count.
    pub(crate) fn finish(mut self, mut taken: Taken, progress: &dyn Progress) -> Result<Taken, Trouble> {
        let (from, into) = (Held::below(&self.data)?, Held::below(&self.dir)?);
        let mut known = KnownPacks::default();
        let packs = sizes_of_packs(&from.packs)?;
        let loose = missing_loose(&from.loose, &into.loose, &mut taken)?;
        let sizes = packs.iter().map(|(_, size)| size).chain(loose.iter().map(|(_, size)| size));
        progress.total((packs.len() + loose.len()) as u64, sizes.sum());
        for (name, size) in packs {
            match from.packs.copy(name, &into.packs) {
                Ok(CopiedPack::Copied(checked)) => {
                    known.note(name, &checked);
                    taken.findings.extend(Finding::of_frames(&checked));
                    taken.note(Copied::Bytes(checked.bytes));
                }
                Ok(CopiedPack::There) => taken.note(Copied::There),
                Ok(CopiedPack::Empty) => {}
                // It was collected meanwhile; whether the log speaks of it is looked at below.
                Err(PackCopyError::Missing { .. }) => {}
                Err(error) => taken.findings.push(Finding::of_pack(error, LOST)?),
            }
            progress.bytes(size);
            progress.file_done("");
        }
        for (digest, size) in loose {
            match from.loose.copy(&digest, &into.loose) {
                Ok(copied) => taken.note(copied),
                // It was taken into a pack meanwhile.
                Err(CopyError::Missing { .. }) => {}
                Err(error) => taken.findings.push(Finding::of_content(error, LOST)?),
            }
            progress.bytes(size);
            progress.file_done("");
        }
        from.packs.copy_store_id(&into.packs)?;
        into.loose.sync()?;
        taken.findings.extend(self.missing(&taken, &into, &mut known)?);
        self.marker.logs.retain(|log| log.dir != taken.log_dir);
        let at_ms = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |now| now.as_millis() as u64);
        self.marker.logs.push(Log { dir: taken.log_dir.clone(), position: taken.log.position, at_ms });
        self.marker.write(&self.dir)?;
        Ok(taken)
    }

    /// What the log of the backup speaks of and the backup does not hold.
    fn missing(&self, taken: &Taken, held: &Held, packs: &mut KnownPacks) -> Result<Vec<Finding>, Trouble> {
        let mut references = References::default();
        let until = Until::Position(taken.log.position);
        maintain::rows(&self.dir.join(&taken.log_dir), until, &mut |_, key, value| {
            references.note(key, value);
            references.note_content(key, value);
        })?;
        references.expand(held).missing(held, packs)
    }
}

impl Taken {
    fn note(&mut self, copied: Copied) {
        match copied {
            Copied::Bytes(bytes) => {
                self.files += 1;
                self.file_bytes += bytes;
            }
            Copied::There => self.files_kept += 1,
        }
    }
}

/// All packs with the lengths of their files.
fn sizes_of_packs(from: &PackCopies) -> Result<Vec<(PackName, u64)>, Trouble> {
    let mut packs = Vec::new();
    for name in from.list()? {
        if let Some(size) = from.size(name)? {
            packs.push((name, size));
        }
    }
    Ok(packs)
}

/// Loose contents that are not in the backup; those that are count as kept.
fn missing_loose(from: &Contents, into: &Contents, taken: &mut Taken) -> Result<Vec<(Digest, u64)>, Trouble> {
    let mut missing = Vec::new();
    from.each::<Trouble>(|digest, size| {
        if into.size(&digest)? == Some(size) {
            taken.files_kept += 1;
        } else {
            missing.push((digest, size));
        }
        Ok(())
    })?;
    Ok(missing)
}

/// Whether a folder has nothing in it.
pub(super) fn is_empty(dir: &Path) -> Result<bool, Trouble> {
    Ok(fs::read_dir(dir).map_err(Trouble::file("read the folder", dir))?.next().is_none())
}
