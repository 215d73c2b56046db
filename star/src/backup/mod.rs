//! Backups: a directory from which a Star can be made again.
//!
//! ```text
//! DIR/backup.json     which logs there are and how far each is good; written last
//! DIR/log-1/          a copy of the metadata store, see `star_store::maintain`
//! DIR/content/packs/  the packs in which contents lie; the log says where
//! DIR/content/<3 hex> contents of before there were packs, by digest
//! ```
//! [`take`] writes one, from a data folder that a Star may have open at the same time; [`restore`]
//! makes a data folder of it; [`references`] is what holds the two halves together: the contents
//! that the records of a moment speak of; [`contents`] says whether they are there. All of it blocks.
//!
//! A log that cannot go on in the directory (the Star trimmed what would connect the two, or it
//! was itself restored to an earlier moment) begins another one, `log-2`, and so on; the older
//! ones stay for whoever wants to go back to them.

pub(crate) mod contents;
pub(crate) mod error;
pub(crate) mod marker;
pub(crate) mod references;
pub(crate) mod restore;
pub(crate) mod take;

use std::path::PathBuf;

use serde::Serialize;
use star_artifact::{CheckedPack, CopyError, PackCopyError};
use star_store::maintain::Problem;

/// Something that is not as it should be, as commands tell it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct Finding {
    /// The file or folder.
    pub(crate) file: PathBuf,
    /// The offset of the first byte that cannot be trusted.
    pub(crate) offset: u64,
    /// What is wrong.
    pub(crate) what: String,
    /// What can be done.
    pub(crate) remedy: String,
}

impl From<Problem> for Finding {
    fn from(problem: Problem) -> Finding {
        let Problem { file, offset, what, remedy } = problem;
        Finding { file, offset, what, remedy }
    }
}

impl Finding {
    /// Frames of a pack that are not what was written; none if all are.
    pub(crate) fn of_frames(checked: &CheckedPack) -> Option<Finding> {
        let (damaged, frames) = (checked.damaged.len(), checked.frames);
        (damaged > 0).then(|| Finding {
            file: checked.file.clone(),
            offset: 0,
            what: format!("{damaged} of {frames} frames are not what was written"),
            remedy: "write again what is named below: what lies in the other frames is whole".to_owned(),
        })
    }

    /// A pack that is damaged or gone; other errors are given back.
    pub(crate) fn of_pack(error: PackCopyError, remedy: &str) -> Result<Finding, PackCopyError> {
        let (file, what) = match error {
            PackCopyError::Damaged { file, what } => (file, what),
            PackCopyError::Missing { name, dir } => (dir, format!("pack {name} is missing")),
            other @ PackCopyError::Io { .. } => return Err(other),
        };
        Ok(Finding { file, offset: 0, what, remedy: remedy.to_owned() })
    }

    /// A content that is damaged or gone; other errors are given back.
    pub(crate) fn of_content(error: CopyError, remedy: &str) -> Result<Finding, CopyError> {
        let (file, what) = match error {
            CopyError::Damaged { file, what } => (file, what),
            CopyError::Missing { digest, dir } => (dir, format!("{digest} is missing")),
            other @ CopyError::Io { .. } => return Err(other),
        };
        Ok(Finding { file, offset: 0, what, remedy: remedy.to_owned() })
    }
}
