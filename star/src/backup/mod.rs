//! Backups: a directory from which a Star can be made again.
//!
//! ```text
//! DIR/backup.json     which logs there are and how far each is good; written last
//! DIR/log-1/          a copy of the metadata store, see `star_store::maintain`
//! DIR/content/        every content by digest
//! ```
//! [`take`] writes one, from a data folder that a Star may have open at the same time; [`restore`]
//! makes a data folder of it; [`references`] is what holds the two halves together: the contents
//! that the records of a moment speak of. All of it blocks.
//!
//! A log that cannot go on in the directory (the Star trimmed what would connect the two, or it
//! was itself restored to an earlier moment) begins another one, `log-2`, and so on; the older
//! ones stay for whoever wants to go back to them.

pub(crate) mod error;
pub(crate) mod marker;
pub(crate) mod references;
pub(crate) mod restore;
pub(crate) mod take;

use std::path::PathBuf;

use serde::Serialize;
use star_artifact::CopyError;
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
