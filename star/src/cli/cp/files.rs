//! One file from one place to another: fetched, or copied by the Star itself.

use std::io;
use std::path::Path;
use std::sync::Arc;

use star_client::{Client, FileInfo, Outgoing, Part, Progress, UploadOptions, digest_of_file, place_in, silent};
use star_path::{Digest, ResourcePath};
use star_wire::ErrorCode;
use tokio_util::io::StreamReader;

use super::entries::Entry;
use super::sum::Copied;
use crate::cli::error::CliError;

/// Fetches a file, making the folders above it.
pub(super) async fn fetch(
    client: &Client,
    from: &ResourcePath,
    to: &Path,
    progress: Arc<dyn Progress>,
) -> Result<Copied, CliError> {
    if let Some(folder) = to.parent().filter(|folder| !folder.as_os_str().is_empty()) {
        tokio::fs::create_dir_all(folder).await.map_err(CliError::file("make the folder", folder))?;
    }
    Ok(Copied::moved(client.download_file(from, to, progress).await?))
}

/// Fetches what was listed into a folder, unless it is there already.
pub(super) async fn fetch_entry(
    client: &Client,
    entry: &Entry,
    folder: &Path,
    progress: Arc<dyn Progress>,
) -> Result<Copied, CliError> {
    let name = entry.name.trim_end_matches('/');
    let to = place_in(folder, name)
        .ok_or_else(|| CliError::usage(format!("{} has a name that no file of this machine can have", entry.path)))?;
    if entry.is_directory() {
        tokio::fs::create_dir_all(&to).await.map_err(CliError::file("make the folder", &to))?;
        return Ok(Copied::known(0));
    }
    let is_there = holds(&to, entry).await;
    progress.checked();
    if is_there {
        progress.known(entry.bytes);
        return Ok(Copied::known(entry.bytes));
    }
    fetch(client, &entry.path, &to, progress).await
}

/// Whether a file of this machine holds what was listed. One that cannot be read does not: fetching it
/// says why.
async fn holds(file: &Path, entry: &Entry) -> bool {
    let same_length = tokio::fs::metadata(file).await.is_ok_and(|found| found.is_file() && found.len() == entry.bytes);
    match &entry.digest {
        Some(digest) if same_length => digest_of_file(file).await.is_ok_and(|found| found == *digest),
        _ => false,
    }
}

/// Copies what was listed to a path of the Star.
pub(super) async fn pass_entry(
    client: &Client,
    entry: &Entry,
    to: &ResourcePath,
    options: &UploadOptions,
    progress: Arc<dyn Progress>,
) -> Result<Copied, CliError> {
    if entry.is_directory() {
        let nothing = Outgoing::new(entry.path.as_str(), tokio::io::empty()).with_length(0);
        client.upload(to, nothing, &UploadOptions::default(), silent()).await?;
        return Ok(Copied::known(0));
    }
    let Some(digest) = &entry.digest else {
        return pass(client, &entry.path, to, options, progress).await;
    };
    let copied = copy(client, &entry.path, to, (digest, entry.bytes), options, &progress).await;
    progress.checked();
    copied
}

/// Copies a file of the Star to another path of it.
pub(super) async fn pass(
    client: &Client,
    from: &ResourcePath,
    to: &ResourcePath,
    options: &UploadOptions,
    progress: Arc<dyn Progress>,
) -> Result<Copied, CliError> {
    let info = client.file_info(from).await?;
    match (info.digest, info.bytes) {
        (Some(digest), Some(bytes)) => copy(client, from, to, (&digest, bytes), options, &progress).await,
        _ => through_here(client, from, to, options, progress).await,
    }
}

/// Has the Star copy a content that is known by its digest and length. A Star that is too old for it
/// says so by refusing the bytes that did not come.
async fn copy(
    client: &Client,
    from: &ResourcePath,
    to: &ResourcePath,
    (digest, bytes): (&Digest, u64),
    options: &UploadOptions,
    progress: &Arc<dyn Progress>,
) -> Result<Copied, CliError> {
    let incomplete = ErrorCode::IncompleteUpload.to_string();
    match client.copy_file(from, to, digest, options).await {
        Ok(()) => {
            progress.known(bytes);
            Ok(Copied::known(bytes))
        }
        Err(error) if error.detail().is_some_and(|detail| detail.code == incomplete) => {
            through_here(client, from, to, options, Arc::clone(progress)).await
        }
        Err(error) => Err(error.into()),
    }
}

/// Copies a file of the Star to another path of it, through this machine and not onto its disk.
async fn through_here(
    client: &Client,
    from: &ResourcePath,
    to: &ResourcePath,
    options: &UploadOptions,
    progress: Arc<dyn Progress>,
) -> Result<Copied, CliError> {
    let download = client.download(from, Part::All, silent()).await?;
    let info = download.info.clone();
    let pieces = futures::stream::try_unfold(download, |mut download| async move {
        // What stops the download reaches the upload as a fault of its source, words and all.
        let piece = download.next_piece().await.map_err(io::Error::other)?;
        Ok::<_, io::Error>(piece.map(|piece| (piece, download)))
    });
    let outgoing = Outgoing::new(from.as_str(), StreamReader::new(Box::pin(pieces)));
    let outgoing = match length(client, from, &info).await? {
        Some(bytes) => outgoing.with_length(bytes),
        None => outgoing,
    };
    let media_type = options.media_type.clone().or(info.media_type);
    let options = UploadOptions { media_type, condition: options.condition.clone() };
    Ok(Copied::moved(client.upload(to, outgoing, &options, progress).await?.bytes))
}

/// How many bytes a download will amount to, as far as that can be known before.
async fn length(client: &Client, path: &ResourcePath, coming: &FileInfo) -> Result<Option<u64>, CliError> {
    if coming.bytes.is_some() {
        return Ok(coming.bytes);
    }
    let now = client.file_info(path).await?;
    // Somebody may have written it meanwhile.
    Ok(now.bytes.filter(|_| now.digest.is_some() && now.digest == coming.digest))
}
