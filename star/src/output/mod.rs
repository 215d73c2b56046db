//! What a command says: data on standard output, everything else on standard error.
//!
//! Owns the choice between forms and between talking and keeping quiet. What a resource or an
//! event looks like is in the modules named after them; how errors are told in [`report`].

pub(crate) mod event;
pub(crate) mod measure;
pub(crate) mod paint;
pub(crate) mod report;
pub(crate) mod resource;
pub(crate) mod table;

use std::io::{self, IsTerminal, Write};

use serde::Serialize;
use star_path::caret::visible;

use crate::cli::error::CliError;
use paint::{ColourChoice, Paint};
use report::Report;

/// The form of what goes to standard output.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, clap::ValueEnum)]
pub(crate) enum Format {
    /// For people.
    #[default]
    Human,
    /// One JSON document.
    Json,
    /// One JSON object per line.
    Jsonl,
}

/// How much a command says beside its data.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Talk {
    /// What it did, and what to do next.
    Normal,
    /// Errors only.
    Quiet,
}

/// Where a command speaks.
#[derive(Debug, Clone)]
pub(crate) struct Output {
    format: Format,
    talk: Talk,
    paint: Paint,
    bars: bool,
}

impl Output {
    /// An output as the global flags want it.
    pub(crate) fn new(format: Format, talk: Talk, colour: ColourChoice, progress: bool) -> Output {
        let dumb = std::env::var_os("TERM").is_none_or(|term| term == "dumb");
        let bars = progress && talk == Talk::Normal && !dumb && io::stderr().is_terminal();
        Output { format, talk, paint: Paint::choose(colour), bars }
    }

    /// Whether the data is for people.
    pub(crate) fn is_human(&self) -> bool {
        self.format == Format::Human
    }

    /// Whether somebody watches who likes to see how far a transfer has come.
    pub(crate) fn shows_bars(&self) -> bool {
        self.bars
    }

    /// The colours of standard error.
    pub(crate) fn paint(&self) -> Paint {
        self.paint
    }

    /// One line of data for people; several if the text has several.
    pub(crate) fn line(&self, text: &str) -> Result<(), CliError> {
        let mut out = io::stdout().lock();
        out.write_all(text.as_bytes()).and_then(|()| out.write_all(b"\n")).map_err(CliError::output)
    }

    /// Data as it is.
    pub(crate) fn bytes(&self, bytes: &[u8]) -> Result<(), CliError> {
        io::stdout().lock().write_all(bytes).map_err(CliError::output)
    }

    /// Hands on what was written and waits in this process.
    pub(crate) fn flush(&self) -> Result<(), CliError> {
        io::stdout().lock().flush().map_err(CliError::output)
    }

    /// One value: a document or a line.
    pub(crate) fn value(&self, value: &impl Serialize) -> Result<(), CliError> {
        let text = match self.format {
            Format::Jsonl => serde_json::to_string(value),
            Format::Human | Format::Json => serde_json::to_string_pretty(value),
        };
        self.line(&text.map_err(|error| CliError::Output(error.into()))?)
    }

    /// Several values: one array, or a line for each.
    pub(crate) fn values<T: Serialize>(&self, values: &[T]) -> Result<(), CliError> {
        match self.format {
            Format::Jsonl => values.iter().try_for_each(|value| self.value(value)),
            Format::Human | Format::Json => self.value(&values),
        }
    }

    /// One value of a stream that may never end: always a line.
    pub(crate) fn item(&self, value: &impl Serialize) -> Result<(), CliError> {
        let text = serde_json::to_string(value).map_err(|error| CliError::Output(error.into()))?;
        self.line(&text)
    }

    /// What was done, for whoever does not want quiet.
    pub(crate) fn note(&self, text: &str) {
        if self.talk == Talk::Normal {
            say(&format!("{}\n", visible(text)));
        }
    }

    /// What to do next: for newcomers at a terminal, not for logs.
    pub(crate) fn next(&self, command: &str) {
        if self.talk == Talk::Normal && self.is_human() && io::stderr().is_terminal() {
            say(&format!("{} {}\n", self.paint.hint("next:"), visible(command)));
        }
    }

    /// What is allowed but probably not meant.
    pub(crate) fn warning(&self, text: &str) {
        if self.talk == Talk::Quiet {
            return;
        }
        let mut lines = text.lines();
        let first = lines.next().unwrap_or_default();
        say(&format!("{}: {}\n", self.paint.warning("warning"), visible(first)));
        for line in lines {
            say(&format!("  {}\n", visible(line)));
        }
    }

    /// Why the command ends, or why one part of it was not done.
    pub(crate) fn error(&self, error: &CliError) {
        let silent = matches!(error, CliError::OutputClosed | CliError::Told(_));
        if silent {
            return;
        }
        if self.is_human() && matches!(error, CliError::Interrupted) {
            // Whoever pressed Ctrl-C knows that this is no fault.
            return self.note("interrupted");
        }
        let report = Report::of(error);
        if self.is_human() {
            return say(&report.lines(self.paint));
        }
        let text = serde_json::to_string(&report).expect("texts and numbers are always JSON");
        say(&format!("{text}\n"));
    }
}

/// Writes to standard error. When nobody reads it there is nobody left to tell.
pub(crate) fn say(text: &str) {
    io::stderr().lock().write_all(text.as_bytes()).ok();
}
