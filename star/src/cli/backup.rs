//! `star backup`: copies a Star away while it works.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde::Serialize;
use star_store::maintain::BackupError;

use super::error::CliError;
use super::exit::Exit;
use super::session::Session;
use super::store::tell_findings;
use super::{blocking, limits};
use crate::backup::Finding;
use crate::backup::error::Trouble;
use crate::backup::take::{Taken, Taking};
use crate::output::measure::{bytes, count, span};
use crate::progress::Transfer;
use crate::serve::Ready;

/// Copy a Star into a folder of this machine, also while it works
///
/// What was acknowledged before is in the copy, bytes included. The next backup into the same
/// folder copies what came since. Runs on the machine of the Star, as a user who may read its
/// data folder. The admin key is not copied.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  star backup /mnt/backups/star
  star backup /mnt/backups/star -o json
  star backup /mnt/backups/star --data /srv/star")]
pub(crate) struct Backup {
    /// The folder of the backup: missing, empty, or with earlier backups of the same Star
    dir: PathBuf,
    /// Data folder of a Star that does not run; without it, the Star that runs is asked
    #[arg(long, value_name = "DATA")]
    data: Option<PathBuf>,
}

/// What was copied, for programs.
#[derive(Debug, Serialize)]
struct Told<'a> {
    dir: &'a Path,
    log: &'a str,
    position: String,
    begun_anew: bool,
    log_files: u64,
    log_bytes: u64,
    files: u64,
    file_bytes: u64,
    files_kept: u64,
    took_ms: u64,
    findings: &'a [Finding],
}

impl Backup {
    pub(crate) async fn run(self, session: &Session) -> Result<(), CliError> {
        let transfer = Transfer::begin(&session.output);
        let (taking, taken) = match &self.data {
            Some(data) => self.closed(data).await?,
            None => self.running(session).await?,
        };
        let progress = Arc::clone(&transfer);
        let taken = blocking(move || taking.finish(taken, progress.as_ref())).await?;
        transfer.end();
        self.tell(session, &taken, &transfer)
    }

    /// Copies the log of a folder that no Star uses.
    async fn closed(&self, data: &Path) -> Result<(Taking, Taken), CliError> {
        let (dir, data) = (self.dir.clone(), data.to_owned());
        let copied = blocking(move || {
            let taking = Taking::begin(&dir, &data)?;
            let taken = taking.log_closed()?;
            Ok((taking, taken))
        });
        copied.await
    }

    /// Copies the log of the Star that runs, up to what it says is durable. Where it trims what
    /// was about to be copied, it is asked again.
    async fn running(&self, session: &Session) -> Result<(Taking, Taken), CliError> {
        let client = session.client()?;
        let mut attempts = 0;
        loop {
            let status = client.status().await?;
            let data = PathBuf::from(&status.data_dir);
            if Ready::of_running_star(&data).is_none_or(|ready| ready.pid != status.pid) {
                let message = format!("the Star {} is not on this machine, or its data may not be read", status.name);
                return Err(CliError::usage(message).hint("run it where the Star runs, as the user that runs it"));
            }
            let store =
                status.store.as_option().ok_or_else(|| CliError::usage("the Star does not say how far it is"))?;
            let upto = store.position.parse().map_err(|_| CliError::usage("the Star names no position"))?;
            attempts += 1;
            let dir = self.dir.clone();
            let copied = blocking(move || {
                let taking = Taking::begin(&dir, &data)?;
                let taken = taking.log_running(upto)?;
                Ok((taking, taken))
            });
            match copied.await {
                Err(CliError::Backup(Trouble::Backup(BackupError::Trimmed { .. })))
                    if attempts < limits::BACKUP_ATTEMPTS => {}
                copied => return copied,
            }
        }
    }

    fn tell(&self, session: &Session, taken: &Taken, transfer: &Transfer) -> Result<(), CliError> {
        let Taken { log, log_dir, begun_anew, files, file_bytes, files_kept, findings } = taken;
        if !session.output.is_human() {
            session.output.value(&Told {
                dir: &self.dir,
                log: log_dir,
                position: log.position.to_string(),
                begun_anew: *begun_anew,
                log_files: log.files,
                log_bytes: log.bytes,
                files: *files,
                file_bytes: *file_bytes,
                files_kept: *files_kept,
                took_ms: transfer.elapsed().as_millis() as u64,
                findings,
            })?;
        } else {
            session.output.line(&format!(
                "copied {} of log up to position {} and {} ({}) in {}; {} there already",
                bytes(log.bytes),
                log.position,
                count(*files, "file of contents", "files of contents"),
                bytes(*file_bytes),
                span(transfer.elapsed()),
                count(*files_kept, "file was", "files were"),
            ))?;
            if *begun_anew {
                session.output.note(&format!(
                    "the log could not go on where the last backup ended; {log_dir} begins another, the older ones stay"
                ));
            }
            session.output.next(&format!("star restore {} --into NEW_FOLDER", self.dir.display()));
        }
        match findings.is_empty() {
            true => Ok(()),
            false => {
                tell_findings(session, findings);
                Err(CliError::Told(Exit::Partial))
            }
        }
    }
}
