//! The files of checkpoints: named by their position, published whole or not at all, the newest
//! two kept.
//!
//! `checkpoint/00000000000000a1.ckpt` is written as `checkpoint/next.tmp`, synced, renamed, and
//! the directory synced, before an older one is removed.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use star_core::ports::meta::Position;

use super::blocks::BlockWriter;
use super::format::StreamWriter;
use super::read::{self, Reading};
use super::state::State;
use crate::disk::Disk;
use crate::journal::Fault;
use crate::limits::CHECKPOINTS_KEPT;

const UNFINISHED: &str = "next.tmp";

/// The checkpoints of a store.
#[derive(Clone)]
pub(crate) struct Checkpoints {
    disk: Arc<dyn Disk>,
    dir: PathBuf,
}

/// Where the checkpoints of a store lie.
pub(crate) fn dir_of(store: &Path) -> PathBuf {
    store.join("checkpoint")
}

/// Where the checkpoint of a position lies.
pub(crate) fn path_of(dir: &Path, position: Position) -> PathBuf {
    dir.join(format!("{position:016x}.ckpt"))
}

/// The position that a file name says, where it is a checkpoint's.
pub(crate) fn position_of(path: &Path) -> Option<Position> {
    let name = path.file_name()?.to_str()?.strip_suffix(".ckpt")?;
    (name.len() == 16).then(|| Position::from_str_radix(name, 16).ok()).flatten()
}

impl Checkpoints {
    /// Those in the directory of a store, which is made where it is missing.
    pub(crate) fn of(disk: Arc<dyn Disk>, store: &Path) -> Result<Checkpoints, Fault> {
        let dir = dir_of(store);
        disk.make_dir(&dir).map_err(|source| Fault::Io { file: dir.clone(), source })?;
        Ok(Checkpoints { disk, dir })
    }

    /// Their positions, newest first.
    pub(crate) fn newest_first(&self) -> Result<Vec<Position>, Fault> {
        let files = self.disk.list(&self.dir).map_err(|source| Fault::Io { file: self.dir.clone(), source })?;
        let mut positions: Vec<Position> = files.iter().filter_map(|path| position_of(path)).collect();
        positions.sort_unstable_by(|a, b| b.cmp(a));
        Ok(positions)
    }

    /// The file of a checkpoint.
    pub(crate) fn path(&self, position: Position) -> PathBuf {
        path_of(&self.dir, position)
    }

    /// Opens one and checks that it is what its name says.
    pub(crate) fn open(&self, position: Position) -> Result<(State, Reading), Fault> {
        let path = self.path(position);
        let (state, reading) = read::open(self.disk.as_ref(), &path)?;
        if state.position != position {
            let what = format!("its name says position {position}, its contents {}", state.position);
            return Err(Fault::Damaged { file: path, offset: 0, what });
        }
        Ok((state, reading))
    }

    /// The state in the newest one of an installation whose beginning can be read; the log says
    /// which could not.
    pub(crate) fn newest_state(&self) -> Result<Option<State>, Fault> {
        for position in self.newest_first()? {
            match self.open(position) {
                Ok((state, _)) => return Ok(Some(state)),
                Err(fault @ Fault::Damaged { .. }) => tracing::warn!(%fault, "a checkpoint is passed over"),
                Err(fault) => return Err(fault),
            }
        }
        Ok(None)
    }

    /// Publishes a checkpoint whose rows `fill` writes. Gives its length in bytes.
    pub(crate) fn publish<E: From<Fault>>(
        &self,
        state: &State,
        fill: impl FnOnce(
            &mut dyn FnMut(&star_core::ports::meta::Key, &crate::index::Row) -> Result<(), E>,
        ) -> Result<(), E>,
    ) -> Result<u64, E> {
        let unfinished = self.dir.join(UNFINISHED);
        let io = |source: io::Error| E::from(Fault::Io { file: unfinished.clone(), source });
        let written = || -> Result<u64, E> {
            let file = self.disk.create(&unfinished).map_err(io)?;
            let mut writer = StreamWriter::begin(BlockWriter::new(file.as_ref()), state).map_err(io)?;
            fill(&mut |key, row| writer.row(key, row).map_err(io))?;
            let len = writer.finish().map_err(io)?;
            self.disk.rename(&unfinished, &self.path(state.position)).map_err(io)?;
            self.disk.sync_dir(&self.dir).map_err(io)?;
            Ok(len)
        };
        let len = written().inspect_err(|_| {
            if let Err(leftover) = self.disk.remove(&unfinished) {
                tracing::debug!(%leftover, "an unfinished checkpoint could not be removed");
            }
        })?;
        Ok(len)
    }

    /// Removes all but the newest two.
    pub(crate) fn prune(&self) -> Result<(), Fault> {
        for position in self.newest_first()?.into_iter().skip(CHECKPOINTS_KEPT) {
            self.remove(position)?;
        }
        Ok(())
    }

    /// Puts one aside that cannot be read, so that it counts no more.
    pub(crate) fn put_aside(&self, position: Position) -> Result<(), Fault> {
        let path = self.path(position);
        let moved = self.disk.rename(&path, &path.with_extension("unusable"));
        moved.and_then(|()| self.disk.sync_dir(&self.dir)).map_err(|source| Fault::Io { file: path, source })
    }

    fn remove(&self, position: Position) -> Result<(), Fault> {
        let path = self.path(position);
        self.disk.remove(&path).map_err(|source| Fault::Io { file: path, source })
    }
}
