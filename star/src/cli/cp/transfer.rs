//! Doing what is planned: job after job, the files of a directory beside each other, and the sum at
//! the end.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use futures::StreamExt;
use star_client::{Client, Outgoing, Part, Progress, UploadOptions};
use star_path::ResourcePath;

use super::entries::{Entry, entries};
use super::files;
use super::plan::Job;
use super::sum::{Copied, Sum};
use crate::cli::error::CliError;
use crate::cli::exit::Exit;
use crate::cli::session::Session;
use crate::cli::{cat, limits};
use crate::output::report::exit_of;
use crate::progress::Transfer;

/// Copies that are under way.
pub(super) struct Copying<'s> {
    session: &'s Session,
    client: Client,
    options: UploadOptions,
    transfer: Arc<Transfer>,
    sum: Sum,
}

/// Where the files of a directory go.
enum Destination {
    Local(PathBuf),
    Star(ResourcePath),
}

impl<'s> Copying<'s> {
    pub(super) fn begin(session: &'s Session, client: Client, options: UploadOptions) -> Copying<'s> {
        let transfer = Transfer::begin(&session.output);
        Copying { session, client, options, transfer, sum: Sum::default() }
    }

    /// Does one job. A failure ends everything if it is the only one or would meet all others too;
    /// else it is told and counted.
    pub(super) async fn run(&mut self, job: Job, only_one: bool) -> Result<(), CliError> {
        let name = job.from();
        match self.copy(job).await {
            Ok(()) => Ok(()),
            Err(error) if only_one || concerns_all(&error) => Err(error),
            Err(error) => {
                self.failed(&name, &error);
                Ok(())
            }
        }
    }

    /// Tells the sum.
    pub(super) fn end(self, tell: bool) -> Result<(), CliError> {
        self.transfer.end();
        self.sum.tell(&self.session.output, self.transfer.elapsed(), tell)
    }

    async fn copy(&mut self, job: Job) -> Result<(), CliError> {
        let copied = match job {
            Job::SendTree(from, to) => return self.send_tree(&from, &to).await,
            Job::FetchTree(from, to) => return self.each_entry(&from, &Destination::Local(to)).await,
            Job::PassTree(from, to) => return self.each_entry(&from, &Destination::Star(to)).await,
            Job::Send(from, to) => {
                let stored = self.client.upload_file(&to, &from, &self.options, self.progress()).await?;
                Copied::moved(stored.bytes)
            }
            Job::SendInput(to) => {
                let input = Outgoing::new("standard input", tokio::io::stdin());
                Copied::moved(self.client.upload(&to, input, &self.options, self.progress()).await?.bytes)
            }
            Job::Fetch(from, to) => files::fetch(&self.client, &from, &to, self.progress()).await?,
            Job::Print(from) => {
                Copied::moved(cat::print(self.session, &self.client, &from, Part::All, self.progress()).await?)
            }
            Job::Pass(from, to) => files::pass(&self.client, &from, &to, &self.options, self.progress()).await?,
        };
        self.sum.add(copied);
        Ok(())
    }

    async fn send_tree(&mut self, from: &Path, to: &ResourcePath) -> Result<(), CliError> {
        let sent = self.client.upload_tree(to, from, &self.options, self.progress()).await?;
        self.sum.files += sent.files;
        self.sum.bytes += sent.bytes;
        self.sum.known_files += sent.known_files;
        self.sum.known_bytes += sent.known_bytes;
        for failed in sent.failed {
            self.failed(&failed.source.display().to_string(), &failed.error.into());
        }
        Ok(())
    }

    /// Copies the files of a directory of the Star, several at a time.
    async fn each_entry(&mut self, from: &ResourcePath, to: &Destination) -> Result<(), CliError> {
        let entries = entries(&self.client, from).await?;
        self.transfer.total(entries.len() as u64, entries.iter().map(|entry| entry.bytes).sum());
        let (client, options, transfer) = (self.client.clone(), self.options.clone(), Arc::clone(&self.transfer));
        let copies = entries.into_iter().map(|entry| async {
            let progress = Arc::clone(&transfer) as Arc<dyn Progress>;
            let done = to.take(&client, &entry, &options, progress).await;
            (entry, done)
        });
        let mut copies = futures::stream::iter(copies).buffer_unordered(limits::PARALLEL);
        let mut failures = Vec::new();
        while let Some((entry, done)) = copies.next().await {
            match done {
                Ok(copied) if !entry.is_directory() => {
                    self.sum.add(copied);
                    self.transfer.file_done(&entry.name);
                }
                Ok(_) => {}
                Err(error) if concerns_all(&error) => return Err(error),
                Err(error) => failures.push((entry.path.to_string(), error)),
            }
        }
        drop(copies);
        for (name, error) in failures {
            self.failed(&name, &error);
        }
        Ok(())
    }

    fn failed(&mut self, name: &str, error: &CliError) {
        self.session.output.note(&format!("not copied: {name}"));
        self.session.output.error(error);
        self.sum.failed += 1;
    }

    fn progress(&self) -> Arc<dyn Progress> {
        Arc::clone(&self.transfer) as Arc<dyn Progress>
    }
}

impl Destination {
    async fn take(
        &self,
        client: &Client,
        entry: &Entry,
        options: &UploadOptions,
        progress: Arc<dyn Progress>,
    ) -> Result<Copied, CliError> {
        match self {
            Destination::Local(folder) => files::fetch_entry(client, entry, folder, progress).await,
            Destination::Star(directory) => {
                files::pass_entry(client, entry, &below(directory, &entry.name)?, options, progress).await
            }
        }
    }
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
