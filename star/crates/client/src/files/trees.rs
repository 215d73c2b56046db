//! Sending a directory: many files at once, but not too many, and none that is there already.
//!
//! So a transfer that was broken off goes on where it stopped: what was sent before is found to be
//! there, by its digest. A content that lies at another path of the same directory is copied on the
//! Star, as after a folder was renamed here.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use futures::StreamExt as _;
use star_path::ResourcePath;

use super::local::digest_of_file;
use super::presence::Presence;
use super::upload::{UploadOptions, media_type};
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
    /// Those of them whose bytes it held already.
    pub known_files: u64,
    /// Their bytes, which were not sent.
    pub known_bytes: u64,
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

/// How a file got to the Star.
enum Settled {
    /// Its bytes were there.
    Known,
    /// They were sent, so many.
    Sent(u64),
}

/// A directory on its way.
struct Sending<'s> {
    client: &'s Client,
    target: &'s ResourcePath,
    options: &'s UploadOptions,
    presence: Presence,
    progress: Arc<dyn Progress>,
}

impl Client {
    /// Brings all files of a directory and of those below it to where `target`, a directory of a
    /// Star, has them under the same names. Nothing is sent if the tree holds what cannot be
    /// sent, and of each file only if it is not there already. A Star that cannot be reached, or does
    /// not know the caller, ends it at once.
    pub async fn upload_tree(
        &self,
        target: &ResourcePath,
        directory: &Path,
        options: &UploadOptions,
        progress: Arc<dyn Progress>,
    ) -> Result<SentTree, ClientError> {
        let tree = Tree::list(directory).await?;
        progress.total(tree.files.len() as u64, tree.bytes());
        let presence = Presence::below(self, target, tree.files.len()).await?;
        let sending = Sending { client: self, target, options, presence, progress: Arc::clone(&progress) };
        let uploads = tree.files.into_iter().map(|file| async {
            let result = sending.settle(&file).await;
            (file, result)
        });
        let mut uploads = futures::stream::iter(uploads).buffer_unordered(limits::PARALLEL_UPLOADS);
        let mut sent = SentTree::default();
        while let Some((file, result)) = uploads.next().await {
            match result {
                Ok(settled) => {
                    sent.count(&file, &settled);
                    progress.file_done(&file.name);
                }
                Err(error) if concerns_all(&error) => return Err(error),
                Err(error) => sent.failed.push(FailedFile { source: file.source, error }),
            }
        }
        sent.failed.sort_by(|one, other| one.source.cmp(&other.source));
        Ok(sent)
    }
}

impl SentTree {
    fn count(&mut self, file: &TreeFile, settled: &Settled) {
        self.files += 1;
        match settled {
            Settled::Sent(bytes) => self.bytes += bytes,
            Settled::Known => {
                self.bytes += file.bytes;
                self.known_files += 1;
                self.known_bytes += file.bytes;
            }
        }
    }
}

impl Sending<'_> {
    async fn settle(&self, file: &TreeFile) -> Result<Settled, ClientError> {
        let path = below(self.target, &file.name)?;
        let is_known = self.presence.may_hold(file.bytes) && self.is_known(&path, file).await?;
        self.progress.checked();
        if is_known {
            self.progress.known(file.bytes);
            return Ok(Settled::Known);
        }
        let progress = Arc::clone(&self.progress);
        let stored = self.client.upload_file(&path, &file.source, self.options, progress).await?;
        Ok(Settled::Sent(stored.bytes))
    }

    /// Whether the content is at the path, or was copied there from another one.
    async fn is_known(&self, path: &ResourcePath, file: &TreeFile) -> Result<bool, ClientError> {
        let digest = digest_of_file(&file.source).await?;
        if self.presence.is_at(path, &digest, file.bytes, self.options.media_type.as_deref()) {
            return Ok(true);
        }
        let Some(place) = self.presence.place_of(&digest) else { return Ok(false) };
        let options = UploadOptions { media_type: media_type(path, self.options), ..self.options.clone() };
        match self.client.copy_file(place, path, &digest, &options).await {
            Ok(()) => Ok(true),
            // Another way is left, which says more if it fails too.
            Err(ClientError::Api(_)) => Ok(false),
            Err(error) => Err(error),
        }
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
