//! Doing what is planned: bytes in all directions, and the sum at the end.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use futures::{StreamExt, TryStreamExt};
use star_client::{Client, FileInfo, Outgoing, Part, Progress, UploadOptions, silent};
use star_path::{ResourcePath, Selector};
use tokio_util::io::StreamReader;

use super::plan::Job;
use crate::cli::error::CliError;
use crate::cli::exit::Exit;
use crate::cli::session::Session;
use crate::cli::{cat, limits};
use crate::output::measure;
use crate::output::report::exit_of;
use crate::progress::Transfer;

/// Copies that are under way.
pub(super) struct Copying<'s> {
    session: &'s Session,
    client: Client,
    options: UploadOptions,
    transfer: Arc<Transfer>,
    files: u64,
    bytes: u64,
    failed: u64,
}

/// A file of a directory that is copied: where it is, and its name relative to the directory.
struct Entry {
    path: ResourcePath,
    name: String,
    bytes: u64,
}

impl<'s> Copying<'s> {
    pub(super) fn begin(session: &'s Session, client: Client, options: UploadOptions) -> Copying<'s> {
        let transfer = Transfer::begin(&session.output);
        Copying { session, client, options, transfer, files: 0, bytes: 0, failed: 0 }
    }

    /// Does one job. A failure ends everything if it is the only one or would meet all others too;
    /// else it is told and counted.
    pub(super) async fn run(&mut self, job: Job, only_one: bool) -> Result<(), CliError> {
        let name = job.from();
        let done = self.copy(job).await;
        self.count(&name, done, only_one)
    }

    /// Tells the sum.
    pub(super) fn end(self, tell: bool) -> Result<(), CliError> {
        self.transfer.end();
        let output = &self.session.output;
        let took = self.transfer.elapsed();
        if tell && !output.is_human() {
            output.value(&serde_json::json!({
                "files": self.files, "bytes": self.bytes, "failed": self.failed, "seconds": took.as_secs_f64(),
            }))?;
        } else {
            let files = measure::count(self.files, "file", "files");
            let text = format!("copied {files}, {} in {}", measure::bytes(self.bytes), measure::span(took));
            output.note(&text);
        }
        match self.failed {
            0 => Ok(()),
            failed => Err(CliError::Partial { failed, total: self.files + failed, what: "files" }),
        }
    }

    async fn copy(&mut self, job: Job) -> Result<u64, CliError> {
        let progress = || Arc::clone(&self.transfer) as Arc<dyn Progress>;
        Ok(match job {
            Job::Send(from, to) => self.client.upload_file(&to, &from, &self.options, progress()).await?.bytes,
            Job::SendInput(to) => {
                let input = Outgoing::new("standard input", tokio::io::stdin());
                self.client.upload(&to, input, &self.options, progress()).await?.bytes
            }
            Job::Fetch(from, to) => fetch(&self.client, &from, &to, progress()).await?,
            Job::Print(from) => cat::print(self.session, &self.client, &from, Part::All, progress()).await?,
            Job::Pass(from, to) => pass(&self.client, &from, &to, &self.options, progress()).await?,
            Job::SendTree(from, to) => return self.send_tree(&from, &to).await,
            Job::FetchTree(from, to) => return self.each_entry(&from, Destination::Local(to)).await,
            Job::PassTree(from, to) => return self.each_entry(&from, Destination::Star(to)).await,
        })
        .inspect(|_| self.files += 1)
    }

    fn count(&mut self, name: &str, done: Result<u64, CliError>, alone: bool) -> Result<(), CliError> {
        match done {
            Ok(bytes) => self.bytes += bytes,
            Err(error) if alone || concerns_all(&error) => return Err(error),
            Err(error) => {
                self.session.output.note(&format!("not copied: {name}"));
                self.session.output.error(&error);
                self.failed += 1;
            }
        }
        Ok(())
    }

    async fn send_tree(&mut self, from: &Path, to: &ResourcePath) -> Result<u64, CliError> {
        let progress = Arc::clone(&self.transfer) as Arc<dyn Progress>;
        let sent = self.client.upload_tree(to, from, progress).await?;
        self.files += sent.files;
        for failed in sent.failed {
            self.count(&failed.source.display().to_string(), Err(failed.error.into()), false)?;
        }
        Ok(sent.bytes)
    }

    /// Copies the files of a directory of the Star, several at a time.
    async fn each_entry(&mut self, from: &ResourcePath, to: Destination) -> Result<u64, CliError> {
        let entries = self.entries(from).await?;
        self.transfer.total(entries.len() as u64, entries.iter().map(|entry| entry.bytes).sum());
        let copies = entries.into_iter().map(|entry| {
            let (client, options, to) = (self.client.clone(), self.options.clone(), &to);
            let progress = Arc::clone(&self.transfer) as Arc<dyn Progress>;
            async move {
                let done = match to {
                    Destination::Local(folder) => {
                        fetch(&client, &entry.path, &folder.join(&entry.name), progress).await
                    }
                    Destination::Star(directory) => match below(directory, &entry.name) {
                        Ok(path) => pass(&client, &entry.path, &path, &options, progress).await,
                        Err(error) => Err(error),
                    },
                };
                (entry, done)
            }
        });
        let mut copies = futures::stream::iter(copies).buffer_unordered(limits::PARALLEL);
        let mut bytes = 0;
        let mut failures = Vec::new();
        while let Some((entry, done)) = copies.next().await {
            match done {
                Ok(count) => {
                    self.files += 1;
                    bytes += count;
                    self.transfer.file_done(&entry.name);
                }
                Err(error) if concerns_all(&error) => return Err(error),
                Err(error) => failures.push((entry.path.to_string(), error)),
            }
        }
        drop(copies);
        for (name, error) in failures {
            self.count(&name, Err(error), false)?;
        }
        Ok(bytes)
    }

    /// The files of a directory of the Star and of those below it.
    async fn entries(&self, directory: &ResourcePath) -> Result<Vec<Entry>, CliError> {
        let selector = Selector::parse(&format!("{directory}**"))?;
        let found: Vec<_> = self.client.list(&selector).try_collect().await?;
        if found.is_empty() {
            // An empty directory is copied by doing nothing; a missing one is an error.
            self.client.info(directory).await?;
        }
        let depth = directory.files_decoded().unwrap_or_default().len();
        let mut entries = Vec::new();
        for resource in found {
            let path = ResourcePath::parse(&resource.path)?;
            let name = path.files_decoded().and_then(|files| files.get(depth..).map(str::to_owned)).unwrap_or_default();
            if !path.is_directory() && !name.is_empty() {
                let bytes = resource.content.as_option().map_or(0, |content| content.size);
                entries.push(Entry { path, name, bytes });
            }
        }
        Ok(entries)
    }
}

/// Where the files of a directory go.
enum Destination {
    Local(PathBuf),
    Star(ResourcePath),
}

/// Fetches a file, making the folders above it.
async fn fetch(client: &Client, from: &ResourcePath, to: &Path, progress: Arc<dyn Progress>) -> Result<u64, CliError> {
    if let Some(folder) = to.parent().filter(|folder| !folder.as_os_str().is_empty()) {
        tokio::fs::create_dir_all(folder).await.map_err(CliError::file("make the folder", folder))?;
    }
    Ok(client.download_file(from, to, progress).await?)
}

/// Copies a file of the Star to another path of it, through this machine and not onto its disk.
async fn pass(
    client: &Client,
    from: &ResourcePath,
    to: &ResourcePath,
    options: &UploadOptions,
    progress: Arc<dyn Progress>,
) -> Result<u64, CliError> {
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
    Ok(client.upload(to, outgoing, &options, progress).await?.bytes)
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

/// The path of a file in a directory of the Star, by its decoded name.
fn below(directory: &ResourcePath, name: &str) -> Result<ResourcePath, CliError> {
    let files = directory.files_decoded().unwrap_or_default();
    Ok(directory.with_files(&format!("{}/{name}", files.trim_end_matches('/')))?)
}

/// Whether every other file would meet the same.
fn concerns_all(error: &CliError) -> bool {
    let here = matches!(error, CliError::OutputClosed | CliError::Output(_));
    here || matches!(exit_of(error), Exit::LoginNeeded | Exit::Denied | Exit::Unavailable)
}
