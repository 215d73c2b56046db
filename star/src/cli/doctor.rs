//! `star doctor`: looks for what keeps commands from working, one line per check.

use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use serde::Serialize;
use star_client::v1::StatusResponse;
use star_client::{Client, ClientError};

use super::error::CliError;
use super::exit::Exit;
use super::limits;
use super::session::Session;
use crate::config::locate::{Located, Source};
use crate::output::measure;
use crate::output::report::{Report, exit_of};

/// Look for what keeps commands from working: address, key, clock, disk
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  star doctor
  star doctor --url http://10.0.0.7:4343
  star doctor -o json")]
pub(crate) struct Doctor {}

/// How a check went.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
enum Verdict {
    Ok,
    Warn,
    Fail,
}

/// One check.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
struct Finding {
    check: &'static str,
    verdict: Verdict,
    text: String,
}

/// What was found so far.
#[derive(Default)]
struct Findings {
    all: Vec<Finding>,
    exit: Option<Exit>,
}

impl Findings {
    fn ok(&mut self, check: &'static str, text: impl Into<String>) {
        self.all.push(Finding { check, verdict: Verdict::Ok, text: text.into() });
    }

    fn warn(&mut self, check: &'static str, text: impl Into<String>) {
        self.all.push(Finding { check, verdict: Verdict::Warn, text: text.into() });
    }

    fn fail(&mut self, check: &'static str, text: impl Into<String>, exit: Exit) {
        self.all.push(Finding { check, verdict: Verdict::Fail, text: text.into() });
        // What is found first is most often the cause of what follows.
        self.exit.get_or_insert(exit);
    }
}

impl Doctor {
    pub(crate) async fn run(self, session: &Session) -> Result<(), CliError> {
        let mut findings = Findings::default();
        contexts(session, &mut findings);
        match session.located() {
            Ok(located) => star(session, located, &mut findings).await,
            Err(error) => failed(&mut findings, "address", &error),
        }
        tell(session, &findings)?;
        match findings.exit {
            None => Ok(()),
            Some(exit) => Err(CliError::Told(exit)),
        }
    }
}

fn tell(session: &Session, findings: &Findings) -> Result<(), CliError> {
    if !session.output.is_human() {
        return session.output.values(&findings.all);
    }
    let paint = session.output.paint();
    for finding in &findings.all {
        let verdict = match finding.verdict {
            Verdict::Ok => paint.good("ok  "),
            Verdict::Warn => paint.warning("warn"),
            Verdict::Fail => paint.error("fail"),
        };
        let mut lines = finding.text.lines();
        session.output.line(&format!("{verdict}  {:<10}{}", finding.check, lines.next().unwrap_or_default()))?;
        lines.try_for_each(|line| session.output.line(&format!("{:16}{line}", "")))?;
    }
    Ok(())
}

fn failed(findings: &mut Findings, check: &'static str, error: &CliError) {
    let report = Report::of(error).lines(crate::output::paint::Paint::Plain);
    let text = report.trim_end().trim_start_matches("error: ");
    findings.fail(check, text, exit_of(error));
}

/// The file of contexts can be read, and by nobody else.
fn contexts(session: &Session, findings: &mut Findings) {
    let Some(file) = session.places.contexts.as_deref() else {
        return findings.warn("contexts", "this user has no home folder, so that no login can be remembered");
    };
    match session.places.contexts() {
        Err(error) => failed(findings, "contexts", &error),
        Ok(_) if !file.exists() => findings.ok("contexts", "none; `star login URL` makes one"),
        Ok(_) => private(findings, "contexts", file),
    }
}

/// A file that holds keys must be readable by its owner alone.
fn private(findings: &mut Findings, check: &'static str, file: &Path) {
    match std::fs::metadata(file) {
        Ok(metadata) if metadata.permissions().mode() & 0o077 == 0 => findings.ok(check, file.display().to_string()),
        Ok(_) => findings.warn(check, format!("others can read {0}\nchmod 600 {0}", file.display())),
        Err(error) => failed(findings, check, &CliError::file("read", file)(error)),
    }
}

async fn star(session: &Session, located: Located, findings: &mut Findings) {
    let from = match &located.source {
        Source::Given => "as given".to_owned(),
        Source::Context(name) => format!("from the context `{name}`"),
        Source::ThisMachine => "the Star of this machine".to_owned(),
    };
    let is_here = located.source == Source::ThisMachine;
    let url = located.endpoint.url.clone();
    let client = match session.client_of(located) {
        Ok(client) => client,
        Err(error) => return failed(findings, "address", &error),
    };
    findings.ok("address", format!("{url}, {from}"));
    if !key(&client, findings).await {
        return;
    }
    match client.status().await {
        Ok(status) => {
            version(&status, findings);
            clock(&status, SystemTime::now(), findings);
            if is_here {
                disk(Path::new(&status.data_dir), findings);
                private(findings, "key file", &Path::new(&status.data_dir).join("admin.token"));
            }
        }
        Err(error) => failed(findings, "status", &error.into()),
    }
}

/// Whether the Star answers and knows the caller.
async fn key(client: &Client, findings: &mut Findings) -> bool {
    match client.who_am_i().await {
        Ok(who) => {
            findings.ok("reached", "the Star answers");
            match who.agent.as_str() {
                "" => {
                    findings.fail("key", "none\nstar login URL, or --token-file FILE, or STAR_TOKEN", Exit::LoginNeeded)
                }
                agent => findings.ok("key", format!("known as {agent}")),
            }
            !who.agent.is_empty()
        }
        Err(error) => {
            let check = if matches!(error, ClientError::Api(_)) { "key" } else { "reached" };
            failed(findings, check, &error.into());
            false
        }
    }
}

fn version(status: &StatusResponse, findings: &mut Findings) {
    let own = env!("CARGO_PKG_VERSION");
    match status.version.as_str() {
        theirs if theirs == own => findings.ok("version", format!("{own} on both sides")),
        theirs => findings.warn("version", format!("the Star runs {theirs}, this command is {own}")),
    }
}

/// Two clocks that differ make times in logs misleading, and later keys that seem to have expired.
fn clock(status: &StatusResponse, now: SystemTime, findings: &mut Findings) {
    let (Some(started), Some(uptime)) = (status.started.as_option(), status.uptime.as_option()) else {
        return findings.warn("clock", "the Star does not say what time it is");
    };
    let theirs = Duration::from_secs(u64::try_from(started.seconds.saturating_add(uptime.seconds)).unwrap_or(0));
    let ours = now.duration_since(UNIX_EPOCH).unwrap_or_default();
    let skew = ours.abs_diff(theirs);
    match skew > limits::CLOCK_SKEW {
        true => findings.warn("clock", format!("this machine and the Star differ by {}", measure::span(skew))),
        false => findings.ok("clock", "the same as that of the Star"),
    }
}

fn disk(data: &Path, findings: &mut Findings) {
    let free = match rustix::fs::statvfs(data) {
        Ok(disk) => disk.f_bavail.saturating_mul(disk.f_frsize),
        Err(error) => return failed(findings, "disk", &CliError::file("look at the disk of", data)(error.into())),
    };
    let text = format!("{} free for {}", measure::bytes(free), data.display());
    match free {
        0..limits::DISK_FULL_BYTES => findings.fail("disk", text, Exit::Limit),
        limits::DISK_FULL_BYTES..limits::DISK_LOW_BYTES => findings.warn("disk", text),
        _ => findings.ok("disk", text),
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    fn verdict(check: impl FnOnce(&mut Findings)) -> Verdict {
        let mut findings = Findings::default();
        check(&mut findings);
        findings.all[0].verdict
    }

    fn status(started_s: i64, uptime_s: i64, version: &str) -> StatusResponse {
        let json = serde_json::json!({
            "started": measure::moment(started_s), "uptime": format!("{uptime_s}s"), "version": version,
        });
        serde_json::from_value(json).unwrap()
    }

    #[test]
    fn clocks_may_differ_by_a_little() {
        let now = UNIX_EPOCH + Duration::from_secs(1_000_100);
        assert_eq!(verdict(|findings| clock(&status(1_000_000, 98, ""), now, findings)), Verdict::Ok);
        assert_eq!(verdict(|findings| clock(&status(1_000_000, 50, ""), now, findings)), Verdict::Warn);
        assert_eq!(verdict(|findings| clock(&StatusResponse::default(), now, findings)), Verdict::Warn);
    }

    #[test]
    fn another_version_is_worth_a_warning() {
        assert_eq!(verdict(|findings| version(&status(0, 0, env!("CARGO_PKG_VERSION")), findings)), Verdict::Ok);
        assert_eq!(verdict(|findings| version(&status(0, 0, "999.0.0"), findings)), Verdict::Warn);
    }

    #[test]
    fn a_key_that_others_can_read_is_worth_a_warning() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("admin.token");
        fs::write(&file, "x").unwrap();
        fs::set_permissions(&file, fs::Permissions::from_mode(0o644)).unwrap();
        assert_eq!(verdict(|findings| private(findings, "key file", &file)), Verdict::Warn);
        fs::set_permissions(&file, fs::Permissions::from_mode(0o600)).unwrap();
        assert_eq!(verdict(|findings| private(findings, "key file", &file)), Verdict::Ok);
        assert_eq!(verdict(|findings| private(findings, "key file", &folder.path().join("none"))), Verdict::Fail);
    }

    #[test]
    fn the_exit_code_is_that_of_the_first_failure() {
        let mut findings = Findings::default();
        findings.fail("reached", "x", Exit::Unavailable);
        findings.fail("disk", "x", Exit::Limit);
        assert_eq!(findings.exit, Some(Exit::Unavailable));
        assert_eq!(verdict(|findings| disk(Path::new("/no/such/folder"), findings)), Verdict::Fail);
    }
}
