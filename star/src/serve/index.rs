//! Which engine holds the index of a data folder.

use std::fmt;

use star_store::{IndexKind, maintain};

use super::{DataDir, ServeError};

/// An engine for the index.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Index {
    /// A B-tree in one file.
    Redb,
    /// A log-structured tree in a folder.
    Sled,
    /// In memory, rebuilt from the journal at every start.
    Memory,
}

impl From<Index> for IndexKind {
    fn from(index: Index) -> IndexKind {
        match index {
            Index::Redb => IndexKind::Redb,
            Index::Sled => IndexKind::Sled,
            Index::Memory => IndexKind::Memory,
        }
    }
}

impl Index {
    /// The one of a kind.
    pub(crate) fn of(kind: IndexKind) -> Index {
        match kind {
            IndexKind::Redb => Index::Redb,
            IndexKind::Sled => Index::Sled,
            IndexKind::Memory => Index::Memory,
        }
    }
}

impl fmt::Display for Index {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Index::Redb => "redb",
            Index::Sled => "sled",
            Index::Memory => "memory",
        })
    }
}

/// The engine that is asked for, or that of the folder. Another one than that of the folder is
/// refused: it would make its own index anew and leave the old one lying there. Memory has no
/// files, so it goes with every folder.
pub(super) fn choose(data: &DataDir, wanted: Option<Index>) -> Result<IndexKind, ServeError> {
    let engines = maintain::engines(&data.meta());
    match (wanted.map(IndexKind::from), engines.as_slice()) {
        (Some(wanted), [found, ..]) if wanted != IndexKind::Memory && !engines.contains(&wanted) => {
            Err(ServeError::OtherIndex {
                dir: data.root().to_owned(),
                found: Index::of(*found),
                wanted: Index::of(wanted),
            })
        }
        (Some(wanted), _) => Ok(wanted),
        (None, found) => Ok(found.first().copied().unwrap_or_default()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_keeps_its_engine_and_another_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let data = DataDir::open(Some(folder.path().to_owned())).unwrap();
        assert_eq!(choose(&data, None).unwrap(), IndexKind::Redb);
        assert_eq!(choose(&data, Some(Index::Sled)).unwrap(), IndexKind::Sled);
        std::fs::create_dir_all(data.meta().join("index/sled")).unwrap();
        assert_eq!(choose(&data, None).unwrap(), IndexKind::Sled);
        assert_eq!(choose(&data, Some(Index::Memory)).unwrap(), IndexKind::Memory);
        let refused = choose(&data, Some(Index::Redb)).unwrap_err();
        assert!(matches!(refused, ServeError::OtherIndex { found: Index::Sled, wanted: Index::Redb, .. }));
    }
}
