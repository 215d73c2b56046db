//! `star completions`: scripts that complete commands in a shell.

use clap::CommandFactory;
use clap_complete::Shell;

use super::Cli;
use super::error::CliError;
use super::session::Session;

/// Print a script that completes commands and flags in your shell
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  star completions bash > ~/.local/share/bash-completion/completions/star
  star completions zsh > ~/.zfunc/_star
  star completions fish > ~/.config/fish/completions/star.fish")]
pub(crate) struct Completions {
    /// Your shell
    #[arg(value_enum)]
    shell: Shell,
}

impl Completions {
    pub(crate) fn run(self, session: &Session) -> Result<(), CliError> {
        // Into memory first, because the generator panics where a pipe is closed.
        let mut script = Vec::new();
        clap_complete::generate(self.shell, &mut Cli::command(), "star", &mut script);
        session.output.bytes(&script)
    }
}
