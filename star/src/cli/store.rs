//! `star store`: looks after the data folder of a Star that does not run.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde::Serialize;
use star_artifact::{PackCopyError, PackName};
use star_client::Progress;
use star_path::Digest;
use star_store::OpenOptions;
use star_store::maintain::{self, Until};

use super::blocking;
use super::error::CliError;
use super::exit::Exit;
use super::session::Session;
use crate::backup::Finding;
use crate::backup::contents::{Held, KnownPacks};
use crate::backup::error::Trouble;
use crate::backup::references::References;
use crate::output::measure::{bytes, count, span};
use crate::output::say;
use crate::progress::Transfer;
use crate::serve::Index;

/// Check, rebuild or convert the data folder of a Star that does not run
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  star store check /srv/star
  star store check /srv/star -o json
  star store rebuild /srv/star
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
    /// Throw away what is derived, the index and the table of chunks, so that the next start makes it anew
    Rebuild {
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
    packs: u64,
    pack_bytes: u64,
    packs_open: u64,
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

impl Converted {
    fn of(made: &maintain::Converted, index: Index) -> Converted {
        Converted {
            index: index.to_string(),
            position: made.position.to_string(),
            rows: made.rows,
            took_ms: made.took.as_millis() as u64,
        }
    }
}

impl Store {
    pub(crate) async fn run(self, session: &Session) -> Result<(), CliError> {
        match self.action {
            Action::Check { data } => check(session, data).await,
            Action::Rebuild { data } => rebuild(session, data).await,
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
            "read {} with {} in {}, {} and {} of {} in {}",
            count(checked.frames, "frame", "frames"),
            count(checked.events, "event", "events"),
            count(checked.segments, "segment", "segments"),
            count(checked.checkpoints, "checkpoint", "checkpoints"),
            bytes(checked.pack_bytes),
            count(checked.packs, "pack", "packs"),
            span(transfer.elapsed()),
        ))?;
        let contents = count(checked.contents, "content", "contents");
        session.output.line(&format!("found {contents} with {}", bytes(checked.content_bytes)))?;
        if checked.packs_open > 0 {
            let open = count(checked.packs_open, "pack was", "packs were");
            session.output.note(&format!("{open} being written when the Star ended; the next start looks at them"));
        }
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
    let (options, held) = (options(data)?, Held::below(data)?);
    let files = Files::of(&held)?;
    let count = (files.packs.len() + files.loose.len()) as u64;
    progress.total(count, length_of(&options.dir) + files.bytes());
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
    let log_is_good = checked.findings.is_empty();
    let mut known = KnownPacks::default();
    files.check(&held, &mut known, &mut checked, progress)?;
    if log_is_good {
        look_for_contents(&options.dir, &held, &mut known, &mut checked)?;
    }
    Ok(checked)
}

/// The files that hold contents, with their lengths.
struct Files {
    packs: Vec<(PackName, u64)>,
    loose: Vec<(Digest, u64)>,
}

impl Files {
    fn of(held: &Held) -> Result<Files, Trouble> {
        let (mut packs, mut loose) = (Vec::new(), Vec::new());
        for name in held.packs.list()? {
            packs.push((name, held.packs.size(name)?.unwrap_or_default()));
        }
        held.loose.each::<Trouble>(|digest, size| {
            loose.push((digest, size));
            Ok(())
        })?;
        Ok(Files { packs, loose })
    }

    fn bytes(&self) -> u64 {
        self.packs.iter().map(|(_, size)| size).chain(self.loose.iter().map(|(_, size)| size)).sum()
    }

    /// Reads all of them.
    fn check(
        self,
        held: &Held,
        known: &mut KnownPacks,
        checked: &mut Checked,
        progress: &dyn Progress,
    ) -> Result<(), Trouble> {
        const REMEDY: &str = "restore it from a backup, or write again what lies in it";
        for (name, size) in self.packs {
            match held.packs.check(name) {
                Ok(pack) => {
                    checked.packs += 1;
                    checked.pack_bytes += pack.bytes;
                    checked.findings.extend(Finding::of_frames(&pack));
                    known.note(name, &pack);
                }
                // It was being written when the Star ended: the next start looks at it.
                Err(PackCopyError::Missing { .. }) => checked.packs_open += 1,
                Err(error) => checked.findings.push(Finding::of_pack(error, REMEDY)?),
            }
            progress.bytes(size);
            progress.file_done("");
        }
        for (digest, size) in self.loose {
            match held.loose.check(&digest) {
                Ok(bytes) => {
                    checked.contents += 1;
                    checked.content_bytes += bytes;
                }
                Err(error) => checked.findings.push(Finding::of_content(error, REMEDY)?),
            }
            progress.bytes(size);
            progress.file_done("");
        }
        Ok(())
    }
}

/// Looks whether everything is there that the records speak of.
fn look_for_contents(meta: &Path, held: &Held, known: &mut KnownPacks, checked: &mut Checked) -> Result<(), Trouble> {
    let mut references = References::default();
    maintain::rows(meta, Until::End, &mut |_, key, value| {
        references.note(key, value);
        references.note_content(key, value);
    })?;
    let needed = references.expand(held);
    for (_, size) in needed.rows.contents() {
        checked.contents += 1;
        checked.content_bytes += size;
    }
    // What lies in a pack that is still open counts when that one is sealed.
    if checked.packs_open == 0 {
        checked.findings.extend(needed.missing(held, known)?);
    }
    Ok(())
}

/// Bytes of the files that a check reads, for the bar.
fn length_of(store: &Path) -> u64 {
    let files = ["journal", "checkpoint"].into_iter().filter_map(|dir| std::fs::read_dir(store.join(dir)).ok());
    files.flatten().filter_map(|entry| entry.ok()?.metadata().ok()).map(|file| file.len()).sum()
}

/// Makes the index anew from the journal, and removes the table of chunks, which the next start reads out of
/// the packs.
async fn rebuild(session: &Session, data: PathBuf) -> Result<(), CliError> {
    let rebuilt = blocking(move || {
        let options = options(&data)?;
        let engine = maintain::engines(&options.dir).first().copied().unwrap_or_default();
        let rebuilt = maintain::rebuild(&options.with_index(engine))?;
        let table = data.join("content").join("chunks");
        match std::fs::remove_file(&table) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(Trouble::file("remove", &table)(error)),
            _ => Ok((rebuilt, Index::of(engine))),
        }
    });
    let (rebuilt, engine) = rebuilt.await?;
    if !session.output.is_human() {
        return session.output.value(&Converted::of(&rebuilt, engine));
    }
    session.output.line(&format!(
        "the index of {} at position {} was made anew from the log; it took {}",
        count(rebuilt.rows, "row", "rows"),
        rebuilt.position,
        span(rebuilt.took),
    ))?;
    session.output.note("the next start reads out of the packs which chunk lies where");
    Ok(())
}

async fn convert(session: &Session, data: PathBuf, to: Index) -> Result<(), CliError> {
    let converted = blocking(move || {
        let options = options(&data)?.with_index(to.into());
        Ok(maintain::convert(&options)?)
    });
    let converted = converted.await?;
    if !session.output.is_human() {
        return session.output.value(&Converted::of(&converted, to));
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
