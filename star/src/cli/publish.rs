//! `star publish`: makes a folder a version of a bundle.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use star_client::{ClientError, Progress};
use star_path::ResourcePath;
use star_wire::{ErrorCode, StarError};

use super::error::CliError;
use super::once::Once;
use super::session::Session;
use super::{check, paths};
use crate::output::measure;
use crate::progress::Transfer;

/// Publish a folder as a version of a bundle
///
/// The version exists whole or not at all, and never changes afterwards. The series is made if it
/// is missing.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  star publish bundles/hello localhost:hello:1.0.0 --tag latest
  star publish . localhost:hello:1.1.0 --dry-run")]
pub(crate) struct Publish {
    /// Folder with a bundle.yaml
    folder: PathBuf,
    /// Series and version, such as acme:site:1.2.0
    #[arg(value_name = "PATH:VERSION")]
    path: String,
    /// Tag that names the version from now on
    #[arg(long, short, value_name = "TAG")]
    tag: Vec<String>,
    /// Check the folder, and publish nothing
    #[arg(long)]
    dry_run: bool,
    #[command(flatten)]
    once: Once,
}

impl Publish {
    pub(crate) async fn run(self, session: &Session) -> Result<(), CliError> {
        let path = bundle(&self.path)?;
        if self.dry_run {
            return rehearse(session, &self.folder, &path);
        }
        let client = self.once.client(session)?;
        let transfer = Transfer::begin(&session.output);
        let progress = Arc::clone(&transfer) as Arc<dyn Progress>;
        let published = client.publish(&path, &self.folder, &self.tag, progress).await;
        transfer.end();
        let published = published.map_err(of_bundle)?;
        for warning in &published.warnings {
            session.output.warning(warning);
        }
        if !session.output.is_human() {
            return session.output.value(&serde_json::json!({
                "path": published.path, "files": published.files, "bytes": published.bytes,
                "known": published.known, "stored": published.stored, "digest": published.digest,
                "tags": published.tags, "warnings": published.warnings,
                "seconds": transfer.elapsed().as_secs_f64(),
            }));
        }
        let files = measure::count(published.files, "file", "files");
        let sizes = format!("{}, {} of them new", measure::bytes(published.bytes), measure::bytes(published.stored));
        let took = measure::span(transfer.elapsed());
        session.output.note(&format!("published {}: {files}, {sizes}, in {took}", published.path));
        if !published.tags.is_empty() {
            session.output.note(&format!("tagged {}", published.tags.join(", ")));
        }
        session.output.next(&format!("star ls {}", published.path));
        Ok(())
    }
}

/// Reads the path of a version.
pub(super) fn bundle(text: &str) -> Result<ResourcePath, CliError> {
    let path = paths::resource(text)?;
    let is_version = path.version().is_some() && path.files().is_none() && path.digest().is_none();
    if is_version {
        return Ok(path);
    }
    let series = path.without_release();
    Err(CliError::usage(format!("`{text}` names no version"))
        .hint(format!("a version has three numbers: {series}:1.0.0")))
}

/// A folder that cannot be sent is no bundle.
fn of_bundle(error: ClientError) -> CliError {
    match error {
        ClientError::Tree(tree) => StarError::new(ErrorCode::InvalidBundle, tree.to_string()).into(),
        other => other.into(),
    }
}

fn rehearse(session: &Session, folder: &Path, path: &ResourcePath) -> Result<(), CliError> {
    let checked = check::folder(session, folder, path)?;
    if !session.output.is_human() {
        return session.output.value(&serde_json::json!({ "dryRun": true, "publish": path, "documents": checked }));
    }
    session.output.line(&format!("would publish {} as {path}", folder.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_path_with_a_full_version_can_be_published() {
        assert_eq!(bundle("localhost:hello:1.0.0").ok().unwrap().as_str(), "localhost:hello:1.0.0");
        for text in
            ["localhost:hello", "localhost:hello:latest", "localhost:hello:(^1)", "localhost:hello:1.0.0:/a", "x:1.0"]
        {
            assert!(bundle(text).is_err(), "{text}");
        }
    }
}
