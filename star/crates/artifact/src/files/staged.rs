//! A file that is being written and has no place yet. Dropped before it is published, it is gone.

use std::fs::File;
use std::io;
use std::sync::Arc;

use rustix::fs::{AtFlags, Mode, OFlags};
use rustix::io::Errno;

use crate::files::layout::{self, Layout, Staging};
use crate::files::place::{Place, Shard};

/// A file on its way to a place.
pub(crate) struct Staged {
    pub(crate) file: File,
    /// Its name in `tmp/`, if it has one.
    name: Option<String>,
    layout: Arc<Layout>,
}

/// How a file got its place.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Placed {
    /// It has the place now.
    Here,
    /// Something else has it.
    Taken,
}

impl Staged {
    /// Makes an empty file: in the directory where it will stay, if that is known already, so
    /// that the filesystem puts its blocks beside those of its neighbours.
    pub(crate) fn create(layout: &Arc<Layout>, shard: Option<Shard>) -> io::Result<Staged> {
        let (file, name) = match layout.staging {
            Staging::Nameless => {
                let file = match shard {
                    Some(shard) => layout::nameless(&layout.content, &shard.name()),
                    None => layout::nameless(&layout.tmp, "."),
                };
                (file?, None)
            }
            Staging::Named => {
                let name = layout.unique_name();
                let flags = OFlags::CREATE | OFlags::EXCL | OFlags::RDWR | OFlags::CLOEXEC;
                let mode = Mode::RUSR | Mode::WUSR;
                (rustix::fs::openat(&layout.tmp, &name, flags, mode)?, Some(name))
            }
        };
        Ok(Staged { file: File::from(file), name, layout: Arc::clone(layout) })
    }

    /// Gives the file its place unless something has it.
    pub(crate) fn link(&mut self, place: &Place) -> io::Result<Placed> {
        let content = &self.layout.content;
        let linked = match &self.name {
            None => layout::link_nameless(&self.file, content, &place.path),
            Some(name) => rustix::fs::linkat(&self.layout.tmp, name, content, &place.path, AtFlags::empty()),
        };
        match linked {
            Ok(()) => Ok(Placed::Here),
            Err(Errno::EXIST) => Ok(Placed::Taken),
            // No hard links here. A rename over the same content changes nothing.
            Err(Errno::PERM | Errno::OPNOTSUPP | Errno::MLINK) if self.name.is_some() => {
                self.replace(place).map(|()| Placed::Here)
            }
            Err(error) => Err(error.into()),
        }
    }

    /// Takes a place from whatever has it, in one step: readers see the old or the new.
    pub(crate) fn replace(&mut self, place: &Place) -> io::Result<()> {
        if self.name.is_none() {
            let name = self.layout.unique_name();
            layout::link_nameless(&self.file, &self.layout.tmp, &name)?;
            self.name = Some(name);
        }
        if let Some(name) = &self.name {
            rustix::fs::renameat(&self.layout.tmp, name, &self.layout.content, &place.path)?;
            self.name = None;
        }
        Ok(())
    }
}

impl Drop for Staged {
    fn drop(&mut self) {
        if let Some(name) = &self.name
            && let Err(error) = rustix::fs::unlinkat(&self.layout.tmp, name, AtFlags::empty())
        {
            tracing::warn!(%error, name, "a temporary file stays until the next start");
        }
    }
}
