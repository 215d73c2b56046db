//! How an error is told: the same facts as lines for people and as one JSON object.

use std::error::Error;

use serde::Serialize;
use star_client::ClientError;
use star_path::caret::visible;
use star_store::OpenError;
use star_store::maintain::{BackupError, RestoreError};
use star_wire::{ErrorCode, Outcome, StarError};

use super::paint::Paint;
use crate::backup::error::Trouble;
use crate::cli::error::CliError;
use crate::cli::exit::Exit;
use crate::serve::ServeError;

/// An error as it is told. The names of its fields in JSON are those of the client schema.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
pub(crate) struct Report {
    /// Stable code; empty where nothing but this command can go wrong like this.
    #[serde(skip_serializing_if = "String::is_empty")]
    code: String,
    message: String,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    causes: Vec<String>,
    #[serde(skip_serializing_if = "String::is_empty")]
    path: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    excerpt: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    hint: String,
    retryable: bool,
    #[serde(skip_serializing_if = "String::is_empty")]
    outcome: String,
    exit: u8,
}

/// The exit code that belongs to an error.
pub(crate) fn exit_of(error: &CliError) -> Exit {
    match error {
        CliError::Refused(error) => Exit::of(error.code()),
        CliError::Client(error) => Exit::of_client(error),
        CliError::Serve(error) => exit_of_serve(error),
        CliError::Backup(error) => exit_of_backup(error),
        CliError::Usage { .. } => Exit::Usage,
        CliError::NoStar { .. } => Exit::Unavailable,
        CliError::NoContext { .. } => Exit::NotFound,
        CliError::File { source, .. } if source.kind() == std::io::ErrorKind::NotFound => Exit::NotFound,
        CliError::File { .. } | CliError::Output(_) => Exit::Unexpected,
        CliError::Partial { .. } => Exit::Partial,
        CliError::Told(exit) => *exit,
        CliError::Interrupted => Exit::Interrupted,
        CliError::OutputClosed => Exit::Ok,
    }
}

fn exit_of_serve(error: &ServeError) -> Exit {
    match error {
        ServeError::Store(star_store::OpenError::Locked { .. }) => Exit::Conflict,
        ServeError::OtherIndex { .. } | ServeError::Unrestored { .. } => Exit::Conflict,
        ServeError::Content { source: star_artifact::OpenError::InUse(_), .. } => Exit::Conflict,
        ServeError::Bind(star_http::server::BindError::Taken { .. }) => Exit::Conflict,
        ServeError::Bind(_) | ServeError::NoHome | ServeError::Name { .. } => Exit::Usage,
        ServeError::SetUp(error) => Exit::of(error.code()),
        _ => Exit::Unexpected,
    }
}

fn exit_of_backup(error: &Trouble) -> Exit {
    match error {
        Trouble::NotEmpty { .. } | Trouble::Busy { .. } => Exit::Conflict,
        Trouble::Store(OpenError::Locked { .. })
        | Trouble::Backup(BackupError::Store(OpenError::Locked { .. }))
        | Trouble::Backup(BackupError::Trimmed { .. }) => Exit::Conflict,
        Trouble::Inside { .. } => Exit::Usage,
        Trouble::NoBackup { .. }
        | Trouble::NoData { .. }
        | Trouble::NoSpace { .. }
        | Trouble::NotReached { .. }
        | Trouble::Restore(RestoreError::NotCovered { .. } | RestoreError::NotReached { .. }) => Exit::NotFound,
        Trouble::File { source, .. } if source.kind() == std::io::ErrorKind::NotFound => Exit::NotFound,
        _ => Exit::Unexpected,
    }
}

impl Report {
    /// What there is to say about an error.
    pub(crate) fn of(error: &CliError) -> Report {
        let report = match error {
            CliError::Refused(error) | CliError::Serve(ServeError::SetUp(error)) => of_star(error),
            CliError::Client(error) => of_client(error),
            other => Report { causes: causes(other), ..Report::plain(other) },
        };
        let hint = if report.hint.is_empty() { hint(error) } else { report.hint };
        Report { hint, exit: exit_of(error).number(), ..report }.with_one_hint()
    }

    fn plain(error: &dyn Error) -> Report {
        Report { message: error.to_string(), ..Report::default() }
    }

    fn coded(self, code: ErrorCode) -> Report {
        let outcome = match code.outcome() {
            Outcome::Rejected => "rejected",
            Outcome::Unknown => "unknown",
        };
        Report { code: code.to_string(), retryable: code.is_retryable(), outcome: outcome.to_owned(), ..self }
    }

    /// An excerpt may end with the help that the hint repeats: the fuller of the two stays.
    fn with_one_hint(mut self) -> Report {
        let Some((above, help)) = self.excerpt.rsplit_once("\nhelp: ") else { return self };
        if self.hint.is_empty() || help.contains(&self.hint) || self.hint.contains(help) {
            let fuller = if help.len() > self.hint.len() { help.to_owned() } else { self.hint };
            self.hint = fuller;
            self.excerpt = above.to_owned();
        }
        self
    }

    /// The lines for people.
    pub(crate) fn lines(&self, paint: Paint) -> String {
        let code = if self.code.is_empty() { String::new() } else { format!("[{}]", self.code) };
        let mut out = format!("{}: {}\n", paint.error(&format!("error{code}")), visible(&self.message));
        for cause in &self.causes {
            out.push_str(&format!("  caused by: {}\n", visible(cause)));
        }
        for line in self.excerpt.lines() {
            out.push_str(&format!("  {}\n", visible(line)));
        }
        if self.outcome == "unknown" {
            out.push_str("  it may have been done in spite of this: look before trying again\n");
        }
        for line in self.hint.lines() {
            out.push_str(&format!("{}: {}\n", paint.hint("hint"), visible(line)));
        }
        out
    }
}

fn of_star(error: &StarError) -> Report {
    let report = Report {
        message: error.message().to_owned(),
        causes: error.causes().to_vec(),
        path: error.path().map(ToString::to_string).unwrap_or_default(),
        excerpt: error.excerpt_text().unwrap_or_default().to_owned(),
        hint: error.hint_text().unwrap_or_default().to_owned(),
        ..Report::default()
    };
    report.coded(error.code())
}

fn of_client(error: &ClientError) -> Report {
    let report = Report { causes: causes(error), ..Report::plain(error) };
    match error {
        ClientError::Api(refusal) => {
            let detail = &refusal.detail;
            Report {
                code: detail.code.clone(),
                message: detail.message.clone(),
                causes: detail.causes.clone(),
                path: detail.path.clone(),
                excerpt: detail.excerpt.clone(),
                hint: detail.hint.clone(),
                retryable: detail.retryable,
                outcome: detail.outcome.clone(),
                exit: 0,
            }
        }
        ClientError::Unreachable { .. } => report.coded(ErrorCode::Unavailable),
        ClientError::Lost { .. } => report.coded(ErrorCode::ConnectionLost),
        ClientError::TimedOut { .. } => report.coded(ErrorCode::TimedOut),
        ClientError::Damaged { .. } => report.coded(ErrorCode::IncompleteUpload),
        ClientError::Tree(_) | ClientError::Endpoint(_) => report.coded(ErrorCode::InvalidArgument),
        ClientError::Io { path, .. } => {
            Report { message: format!("could not read or write {}", path.display()), ..report }
        }
        ClientError::Version { .. } => {
            // A Star that is too new may have done it before its answer could not be read.
            let outcome = if error.may_have_happened() { "unknown" } else { "rejected" };
            Report { outcome: outcome.to_owned(), ..report.coded(ErrorCode::UnsupportedVersion) }
        }
        ClientError::Protocol { .. } => report,
    }
}

/// What to do about an error that does not say it itself.
fn hint(error: &CliError) -> String {
    let hint = match error {
        CliError::Usage { hint: Some(hint), .. } => hint,
        CliError::NoStar { .. } => "start one: star serve, or: star login URL",
        CliError::NoContext { known, .. } if known.is_empty() => "star login URL makes one",
        CliError::NoContext { known, .. } => return format!("there are: {}", known.join(", ")),
        CliError::Client(error) => return hint_of_client(error).to_owned(),
        CliError::Serve(ServeError::Store(star_store::OpenError::Locked { .. })) => {
            "one Star at a time uses a folder; `--data DIR` names another"
        }
        CliError::Serve(ServeError::OtherIndex { dir, found, wanted }) => {
            let dir = dir.display();
            return format!("star store convert {dir} --to {wanted}, or start it with --index {found}");
        }
        CliError::Serve(ServeError::Unrestored { dir }) => {
            return format!("remove {} and restore again", dir.display());
        }
        CliError::Backup(error) => return hint_of_backup(error),
        _ => "",
    };
    hint.to_owned()
}

fn hint_of_backup(error: &Trouble) -> String {
    let hint = match error {
        Trouble::NotEmpty { backup: true, .. } => "name an empty folder, or one with earlier backups",
        Trouble::NotEmpty { backup: false, .. } => "restore into a folder that does not exist yet",
        Trouble::Store(OpenError::Locked { .. }) | Trouble::Backup(BackupError::Store(OpenError::Locked { .. })) => {
            "end the Star that runs there; `star backup DIR` alone copies one that runs"
        }
        Trouble::Backup(BackupError::Trimmed { .. }) => "run it again: what was copied stays",
        Trouble::NoBackup { .. } => "star backup DIR makes one",
        Trouble::Inside { .. } => "name a folder elsewhere, best on another disk",
        Trouble::Restore(RestoreError::NotCovered { .. }) => "name a later moment with --at",
        Trouble::NotReached { .. } => "leave --at away for the end of the backup",
        _ => "",
    };
    hint.to_owned()
}

fn hint_of_client(error: &ClientError) -> &'static str {
    match error {
        ClientError::Unreachable { .. } => "is the Star running there? `star doctor` looks closer",
        ClientError::TimedOut { .. } => "`--timeout 5m` waits longer",
        ClientError::Protocol { .. } => "is this the API of a Star, and not its web port? `star doctor` looks closer",
        ClientError::Damaged { .. } => "transfer it again",
        _ if Exit::of_client(error) == Exit::LoginNeeded => {
            "star login URL, or give a key with --token-file or STAR_TOKEN"
        }
        _ => "",
    }
}

/// The chain of reasons below an error, nearest first.
fn causes(error: &dyn Error) -> Vec<String> {
    let mut causes = Vec::new();
    let mut next = error.source();
    while let Some(cause) = next {
        causes.push(cause.to_string());
        next = cause.source();
    }
    causes
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(error: impl Into<CliError>) -> String {
        Report::of(&error.into()).lines(Paint::Plain)
    }

    #[test]
    fn an_error_reads_from_the_code_to_the_hint() {
        let error = StarError::new(ErrorCode::NotFound, "there is no resource a:b")
            .with_causes(["the disk is empty".to_owned()])
            .hint("star ls a");
        assert_eq!(
            lines(error),
            "error[S0301]: there is no resource a:b\n  caused by: the disk is empty\nhint: star ls a\n"
        );
    }

    #[test]
    fn a_malformed_path_is_shown_with_a_caret_and_one_hint() {
        let error = star_path::ResourcePath::parse("acme:site:/docs//index.html").unwrap_err();
        let text = lines(error);
        assert!(text.starts_with("error[S0101]: "), "{text}");
        assert!(text.contains("\n  acme:site:/docs//index.html\n"), "{text}");
        assert!(text.contains('^'), "{text}");
        assert_eq!(text.matches("did you mean").count(), 1, "{text}");
        assert!(text.ends_with("hint: did you mean `acme:site:/docs/index.html`?\n"), "{text}");
    }

    #[test]
    fn the_help_below_an_excerpt_becomes_the_hint() {
        let error =
            StarError::new(ErrorCode::MalformedPath, "no path").excerpt("a::b\n^ odd\nhelp: did you mean `a:b`?");
        assert!(lines(error).ends_with("  ^ odd\nhint: did you mean `a:b`?\n"));
        let both = StarError::new(ErrorCode::MalformedPath, "no path").excerpt("a\n^ odd\nhelp: one").hint("another");
        assert!(lines(both).ends_with("  help: one\nhint: another\n"));
    }

    #[test]
    fn nothing_in_an_error_can_take_over_a_terminal() {
        let error = StarError::new(ErrorCode::NotFound, "\u{1b}[2Jgone").hint("\u{7}");
        assert!(!lines(error).contains(['\u{1b}', '\u{7}']));
    }

    #[test]
    fn json_has_the_names_of_the_schema() {
        let error = CliError::from(StarError::new(ErrorCode::Busy, "too much to do"));
        let json = serde_json::to_value(Report::of(&error)).unwrap();
        let expected = serde_json::json!({
            "code": "S0502", "message": "too much to do", "retryable": true, "outcome": "rejected", "exit": 7,
        });
        assert_eq!(json, expected);
    }

    #[test]
    fn without_a_star_the_way_to_one_is_told() {
        let error = CliError::NoStar { looked_in: None };
        assert_eq!(exit_of(&error), Exit::Unavailable);
        assert!(lines(error).contains("start one: star serve, or: star login URL"));
    }
}
