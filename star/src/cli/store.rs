//! `star store`: looks after the data folder of a Star that does not run.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde::Serialize;
use star_artifact::Contents;
use star_client::Progress;
use star_store::{OpenOptions, maintain};

use super::blocking;
use super::error::CliError;
use super::exit::Exit;
use super::session::Session;
use crate::backup::Finding;
use crate::backup::error::Trouble;
use crate::output::measure::{bytes, count, span};
use crate::output::say;
use crate::progress::Transfer;
use crate::serve::Index;

/// Check or convert the data folder of a Star that does not run
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  star store check /srv/star
  star store check /srv/star -o json
  star store convert /srv/star --to sled")]
pub(crate) struct Store {
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, clap::Subcommand)]
enum Action {
    /// Read every byte of the log, the index and the contents, and tell what is damaged
    Check {
        /// The data folder
        data: PathBuf,
    },
    /// Make the index anew with another engine
    Convert {
        /// The data folder
        data: PathBuf,
        /// The engine
        #[arg(long, value_enum, value_name = "ENGINE")]
        to: Index,
    },
}

/// What was read, for programs.
#[derive(Debug, Default, Serialize)]
struct Checked {
    position: String,
    segments: u64,
    frames: u64,
    events: u64,
    checkpoints: u64,
    rows: u64,
    contents: u64,
    content_bytes: u64,
    took_ms: u64,
    findings: Vec<Finding>,
}

/// What was made, for programs.
#[derive(Debug, Serialize)]
struct Converted {
    index: String,
    position: String,
    rows: u64,
    took_ms: u64,
}

impl Store {
    pub(crate) async fn run(self, session: &Session) -> Result<(), CliError> {
        match self.action {
            Action::Check { data } => check(session, data).await,
            Action::Convert { data, to } => convert(session, data, to).await,
        }
    }
}

/// The options of the store in a data folder, which must be there.
fn options(data: &Path) -> Result<OpenOptions, Trouble> {
    let meta = data.join("meta");
    if !meta.is_dir() {
        return Err(Trouble::NoData { dir: data.to_owned() });
    }
    Ok(OpenOptions::new(meta))
}

async fn check(session: &Session, data: PathBuf) -> Result<(), CliError> {
    let transfer = Transfer::begin(&session.output);
    let progress = Arc::clone(&transfer);
    let mut checked = blocking(move || read_all(&data, progress.as_ref())).await?;
    transfer.end();
    checked.took_ms = transfer.elapsed().as_millis() as u64;
    if !session.output.is_human() {
        session.output.value(&checked)?;
    } else {
        session.output.line(&format!(
            "read {} with {} in {}, {} and {} of contents in {}",
            count(checked.frames, "frame", "frames"),
            count(checked.events, "event", "events"),
            count(checked.segments, "segment", "segments"),
            count(checked.checkpoints, "checkpoint", "checkpoints"),
            bytes(checked.content_bytes),
            span(transfer.elapsed()),
        ))?;
        session.output.line(&format!("compared {} of the index with the log", count(checked.rows, "row", "rows")))?;
    }
    if !checked.findings.is_empty() {
        tell_findings(session, &checked.findings);
        return Err(CliError::Told(Exit::Unexpected));
    }
    session.output.note("nothing is damaged");
    Ok(())
}

fn read_all(data: &Path, progress: &dyn Progress) -> Result<Checked, Trouble> {
    let (options, contents) = (options(data)?, Contents::below(data));
    let mut digests = Vec::new();
    contents.each::<Trouble>(|digest, size| {
        digests.push((digest, size));
        Ok(())
    })?;
    progress.total(digests.len() as u64, length_of(&options.dir) + digests.iter().map(|(_, size)| size).sum::<u64>());
    let report = maintain::check(&options, &mut |bytes| progress.bytes(bytes))?;
    let mut checked = Checked {
        position: report.position.to_string(),
        segments: report.segments,
        frames: report.frames,
        events: report.events,
        checkpoints: report.checkpoints,
        rows: report.rows,
        findings: report.problems.into_iter().map(Finding::from).collect(),
        ..Checked::default()
    };
    for (digest, size) in digests {
        match contents.check(&digest) {
            Ok(bytes) => {
                checked.contents += 1;
                checked.content_bytes += bytes;
            }
            Err(error) => {
                let remedy = "restore it from a backup, or remove it and write it again";
                checked.findings.push(Finding::of_content(error, remedy)?);
            }
        }
        progress.bytes(size);
        progress.file_done("");
    }
    Ok(checked)
}

/// Bytes of the files that a check reads, for the bar.
fn length_of(store: &Path) -> u64 {
    let files = ["journal", "checkpoint"].into_iter().filter_map(|dir| std::fs::read_dir(store.join(dir)).ok());
    files.flatten().filter_map(|entry| entry.ok()?.metadata().ok()).map(|file| file.len()).sum()
}

async fn convert(session: &Session, data: PathBuf, to: Index) -> Result<(), CliError> {
    let converted = blocking(move || {
        let options = options(&data)?.with_index(to.into());
        Ok(maintain::convert(&options)?)
    });
    let converted = converted.await?;
    if !session.output.is_human() {
        return session.output.value(&Converted {
            index: to.to_string(),
            position: converted.position.to_string(),
            rows: converted.rows,
            took_ms: converted.took.as_millis() as u64,
        });
    }
    session.output.line(&format!(
        "the index of {} at position {} is held by {to}; it took {}",
        count(converted.rows, "row", "rows"),
        converted.position,
        span(converted.took),
    ))
}

/// Tells each finding with its place and what can be done.
pub(super) fn tell_findings(session: &Session, findings: &[Finding]) {
    if !session.output.is_human() {
        return;
    }
    let paint = session.output.paint();
    for Finding { file, offset, what, remedy } in findings {
        let at = if *offset == 0 { String::new() } else { format!(", offset {offset}") };
        let text = format!("{}{at}: {what}", file.display());
        say(&format!("{}: {}\n", paint.error("damaged"), star_path::caret::visible(&text)));
        say(&format!("{}: {}\n", paint.hint("hint"), star_path::caret::visible(remedy)));
    }
}
