//! `star restore`: makes a data folder of a backup.

use std::path::PathBuf;
use std::sync::Arc;

use serde::Serialize;
use star_store::maintain::Until;

use super::blocking;
use super::error::CliError;
use super::exit::Exit;
use super::session::Session;
use super::store::tell_findings;
use crate::backup::Finding;
use crate::backup::error::Trouble;
use crate::backup::references::Scope;
use crate::backup::restore::{Done, restore};
use crate::output::measure::{bytes, count, span};
use crate::progress::Transfer;

/// Make a data folder of a backup: a whole Star or one Space, as it was at any moment
///
/// The moment is a position of the log, as `star events` and `star backup` print it, or a time.
/// The first start makes a fresh admin key.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  star restore /mnt/backups/star --into /srv/star
  star restore /mnt/backups/star --into /srv/star --at 2026-11-21T08:00:00Z
  star restore /mnt/backups/star --into /tmp/before --at 1042 --space localhost")]
pub(crate) struct Restore {
    /// The folder of the backup
    dir: PathBuf,
    /// The data folder to make: missing or empty
    #[arg(long, value_name = "DATA")]
    into: PathBuf,
    /// As it was at this position or time, e.g. 1042, 2026-11-21T08:00:00Z [default: the end]
    #[arg(long, value_name = "MOMENT", value_parser = moment)]
    at: Option<Moment>,
    /// Only this Space, without the events of its past
    #[arg(long, value_name = "NAME")]
    space: Option<String>,
}

/// A moment of the log.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Moment(Until);

fn moment(text: &str) -> Result<Moment, String> {
    if let Ok(position) = text.parse() {
        return Ok(Moment(Until::Position(position)));
    }
    let time: jiff::Timestamp = text.parse().map_err(|_| {
        "a moment is a position such as 1042, or a time with its zone such as 2026-11-21T08:00:00Z".to_owned()
    })?;
    let at_ms = u64::try_from(time.as_millisecond()).map_err(|_| "there were no Stars before 1970".to_owned())?;
    Ok(Moment(Until::Time(at_ms)))
}

/// What was restored, for programs.
#[derive(Debug, Serialize)]
struct Told<'a> {
    into: &'a PathBuf,
    position: String,
    rows: u64,
    contents: u64,
    content_bytes: u64,
    took_ms: u64,
    findings: &'a [Finding],
}

impl Restore {
    pub(crate) async fn run(self, session: &Session) -> Result<(), CliError> {
        let transfer = Transfer::begin(&session.output);
        let progress = Arc::clone(&transfer);
        let (from, into, space) = (self.dir.clone(), self.into.clone(), self.space.clone());
        let until = self.at.map_or(Until::End, |Moment(until)| until);
        let restored = blocking(move || {
            let scope = space.as_deref().map_or(Scope::Star, Scope::Space);
            restore(&from, &into, until, scope, progress.as_ref())
        });
        let restored = restored.await;
        transfer.end();
        if let Err(CliError::Backup(Trouble::Damaged(findings))) = &restored {
            tell_findings(session, findings);
        }
        self.tell(session, &restored?, &transfer)
    }

    fn tell(&self, session: &Session, done: &Done, transfer: &Transfer) -> Result<(), CliError> {
        let Done { position, rows, contents, content_bytes, findings } = done;
        if !session.output.is_human() {
            session.output.value(&Told {
                into: &self.into,
                position: position.to_string(),
                rows: *rows,
                contents: *contents,
                content_bytes: *content_bytes,
                took_ms: transfer.elapsed().as_millis() as u64,
                findings,
            })?;
        } else {
            session.output.line(&format!(
                "restored {} as of position {position} and {} ({}) in {}",
                count(*rows, "row", "rows"),
                count(*contents, "content", "contents"),
                bytes(*content_bytes),
                span(transfer.elapsed()),
            ))?;
            session.output.next(&format!("star serve --data {}", self.into.display()));
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_moment_is_a_position_or_a_time_with_its_zone() {
        for (text, until) in [
            ("0", Until::Position(0)),
            ("1042", Until::Position(1042)),
            ("1970-01-01T00:00:01Z", Until::Time(1_000)),
            ("1970-01-01T01:00:01.25+01:00", Until::Time(1_250)),
        ] {
            assert_eq!(moment(text), Ok(Moment(until)), "{text}");
        }
        for bad in ["", "-1", "yesterday", "2026-11-21", "2026-11-21T08:00:00", "1969-12-31T00:00:00Z"] {
            assert!(moment(bad).is_err(), "{bad}");
        }
    }
}
