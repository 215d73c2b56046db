//! Why a benchmark gave no result, named for what its user does next.

use std::io;
use std::path::PathBuf;
use std::time::Duration;

/// Why a benchmark gave no result.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Failure {
    /// The command line is wrong.
    #[error("{0}\n{usage}", usage = crate::options::USAGE)]
    Usage(String),
    /// A program is not installed: install it.
    #[error("`{program}` is not installed; `cargo xtask setup --bench` installs what benchmarks need")]
    MissingTool {
        /// Its name.
        program: &'static str,
    },
    /// Something that the task runner hands over is not there: use the task runner.
    #[error("{variable} is not set; start benchmarks with `cargo xtask bench NAME`")]
    MissingVariable {
        /// The environment variable.
        variable: &'static str,
    },
    /// A program or a file could not be used.
    #[error("could not {action}")]
    Io {
        /// What was tried.
        action: String,
        /// Why it failed.
        #[source]
        source: io::Error,
    },
    /// A program ended when it should not, or with an error.
    #[error("{program} ended with {status}{said}")]
    Ended {
        /// The program, and what it was to do.
        program: String,
        /// How it ended.
        status: String,
        /// The end of what it wrote, each line indented.
        said: String,
    },
    /// Something did not happen in time.
    #[error("{what} did not happen within {} s{said}", within.as_secs())]
    Late {
        /// What was waited for.
        what: String,
        /// How long.
        within: Duration,
        /// The end of what the program in question wrote.
        said: String,
    },
    /// An answer was not what it should be, so that its speed means nothing.
    #[error("{who} gave a wrong answer: {what}")]
    Wrong {
        /// Who answered.
        who: String,
        /// What was wrong.
        what: String,
    },
    /// The page with the results is not there, or not as it should be.
    #[error("{} cannot take the results: {what}", path.display())]
    Page {
        /// The page.
        path: PathBuf,
        /// What is wrong with it.
        what: String,
    },
    /// Somebody ended it.
    #[error("interrupted")]
    Interrupted,
}

impl Failure {
    /// A wrong answer.
    pub(crate) fn wrong(who: impl Into<String>, what: impl ToString) -> Failure {
        Failure::Wrong { who: who.into(), what: what.to_string() }
    }
}

/// Turns an error of the system into a [`Failure`] that says what was tried.
pub(crate) fn io(action: impl Into<String>) -> impl FnOnce(io::Error) -> Failure {
    let action = action.into();
    |source| Failure::Io { action, source }
}
