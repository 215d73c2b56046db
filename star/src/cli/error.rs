//! What ends a command before it is done, one variant per way in which it is told.

use std::io;
use std::path::PathBuf;

use star_client::ClientError;
use star_wire::StarError;

use super::exit::Exit;
use crate::backup::error::Trouble;
use crate::serve::ServeError;

/// What ends a command before it is done.
#[derive(Debug, thiserror::Error)]
pub(crate) enum CliError {
    /// Refused here, before anything was sent.
    #[error(transparent)]
    Refused(#[from] StarError),
    /// The Star refused, or did not answer.
    #[error(transparent)]
    Client(#[from] ClientError),
    /// A Star did not start.
    #[error(transparent)]
    Serve(#[from] ServeError),
    /// A backup was not made, or nothing was made of one.
    #[error(transparent)]
    Backup(#[from] Trouble),
    /// The arguments do not fit together.
    #[error("{message}")]
    Usage {
        /// What is wrong.
        message: String,
        /// What to type instead.
        hint: Option<String>,
    },
    /// Nothing says where the Star is, and none runs on this machine.
    #[error("no Star is running here")]
    NoStar {
        /// Where one was looked for.
        looked_in: Option<PathBuf>,
    },
    /// A context that is asked for does not exist.
    #[error("there is no context `{name}`")]
    NoContext {
        /// The name.
        name: String,
        /// Those that exist.
        known: Vec<String>,
    },
    /// A file of this machine cannot be used.
    #[error("could not {action} {}", path.display())]
    File {
        /// What was tried.
        action: &'static str,
        /// The file.
        path: PathBuf,
        /// Why not.
        source: io::Error,
    },
    /// Some of it was done and some was not; each failure was told when it happened.
    #[error("{failed} of {total} {what} failed")]
    Partial {
        /// How many were not done.
        failed: u64,
        /// How many there were.
        total: u64,
        /// What they are, in the plural.
        what: &'static str,
    },
    /// All has been said already; only the exit code is left.
    #[error("{}", .0.meaning())]
    Told(Exit),
    /// Ctrl-C.
    #[error("interrupted")]
    Interrupted,
    /// Whoever read the output has gone, which is how `star ls | head` ends.
    #[error("nobody reads the output")]
    OutputClosed,
    /// The output cannot be written, e.g. because the disk is full.
    #[error("could not write the output")]
    Output(#[source] io::Error),
}

impl CliError {
    /// An error in how the command was called.
    pub(crate) fn usage(message: impl Into<String>) -> CliError {
        CliError::Usage { message: message.into(), hint: None }
    }

    /// The same with what to do instead; for errors in how the command was called.
    #[must_use]
    pub(crate) fn hint(self, text: impl Into<String>) -> CliError {
        match self {
            CliError::Usage { message, .. } => CliError::Usage { message, hint: Some(text.into()) },
            other => other,
        }
    }

    /// An error about a file of this machine.
    pub(crate) fn file(action: &'static str, path: impl Into<PathBuf>) -> impl FnOnce(io::Error) -> CliError {
        let path = path.into();
        move |source| CliError::File { action, path, source }
    }

    /// An error of writing to standard output.
    pub(crate) fn output(error: io::Error) -> CliError {
        match error.kind() {
            io::ErrorKind::BrokenPipe => CliError::OutputClosed,
            _ => CliError::Output(error),
        }
    }
}

impl From<star_path::PathError> for CliError {
    fn from(error: star_path::PathError) -> CliError {
        CliError::Refused(super::paths::malformed(&error))
    }
}
