//! Sending a directory: many files at once, but not too many.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use futures::StreamExt as _;
use star_path::ResourcePath;

use super::upload::{Stored, UploadOptions};
use crate::client::Client;
use crate::error::ClientError;
use crate::limits;
use crate::progress::Progress;
use crate::tree::{Tree, TreeFile};

/// What became of a directory that was sent.
#[derive(Debug, Default)]
pub struct SentTree {
    /// Files that the Star keeps now.
    pub files: u64,
    /// Their bytes.
    pub bytes: u64,
    /// Files that did not get there, sorted by name. The others are not affected.
    pub failed: Vec<FailedFile>,
}

/// A file that did not get to the Star.
#[derive(Debug)]
pub struct FailedFile {
    /// Where it is on this machine.
    pub source: PathBuf,
    /// Why not.
    pub error: ClientError,
}

impl Client {
    /// Sends all files of a directory and of those below it to where `target`, a directory of a
    /// Star, has them under the same names. Nothing is sent if the tree holds what cannot be
    /// sent. A Star that cannot be reached, or does not know the caller, ends it at once.
    pub async fn upload_tree(
        &self,
        target: &ResourcePath,
        directory: &Path,
        progress: Arc<dyn Progress>,
    ) -> Result<SentTree, ClientError> {
        let tree = Tree::list(directory).await?;
        progress.total(tree.files.len() as u64, tree.bytes());
        let uploads = tree.files.into_iter().map(|file| async {
            let result = self.upload_entry(target, &file, &progress).await;
            (file, result)
        });
        let mut uploads = futures::stream::iter(uploads).buffer_unordered(limits::PARALLEL_UPLOADS);
        let mut sent = SentTree::default();
        while let Some((file, result)) = uploads.next().await {
            match result {
                Ok(stored) => {
                    sent.files += 1;
                    sent.bytes += stored.bytes;
                    progress.file_done(&file.name);
                }
                Err(error) if concerns_all(&error) => return Err(error),
                Err(error) => sent.failed.push(FailedFile { source: file.source, error }),
            }
        }
        sent.failed.sort_by(|one, other| one.source.cmp(&other.source));
        Ok(sent)
    }

    async fn upload_entry(
        &self,
        target: &ResourcePath,
        file: &TreeFile,
        progress: &Arc<dyn Progress>,
    ) -> Result<Stored, ClientError> {
        let path = below(target, &file.name)?;
        self.upload_file(&path, &file.source, &UploadOptions::default(), Arc::clone(progress)).await
    }
}

/// The path of the file called `name` in a directory of a Star.
fn below(directory: &ResourcePath, name: &str) -> Result<ResourcePath, ClientError> {
    let files = directory.files_decoded().unwrap_or_else(|| "/".to_owned());
    let files = format!("{}/{name}", files.trim_end_matches('/'));
    directory
        .with_files(&files)
        .map_err(|error| ClientError::Endpoint(format!("`{name}` cannot be part of a path: {error}")))
}

/// Whether every other file would fail for the same reason.
fn concerns_all(error: &ClientError) -> bool {
    use crate::error::Class;
    matches!(error, ClientError::Unreachable { .. }) || matches!(error.class(), Class::LoginNeeded | Class::Denied)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_keep_their_place_below_the_target() {
        for (target, name, expected) in [
            ("localhost:files:/", "a.txt", "localhost:files:/a.txt"),
            ("localhost:files:/docs/", "b/c d.txt", "localhost:files:/docs/b/c%20d.txt"),
            ("localhost:files", "a", "localhost:files:/a"),
        ] {
            let target: ResourcePath = target.parse().unwrap();
            assert_eq!(below(&target, name).unwrap().to_string(), expected);
        }
    }
}
