//! A command of the user as a child of this process: started, told of signals, ended.
//!
//! On a terminal it shares the group of this process, so that it can read what is typed; the
//! terminal itself tells it of Ctrl-C. Anywhere else it gets a group of its own, so that whatever
//! it starts is reached with it.

use std::ffi::OsString;
use std::io::{self, IsTerminal as _};
use std::os::unix::process::ExitStatusExt as _;
use std::process::ExitStatus;

use rustix::process::{Pid, Signal, kill_process, kill_process_group};

use crate::cli::error::CliError;
use crate::cli::limits;

/// What shells add to the number of a signal that ended a command.
const SIGNALLED: i32 = 128;

/// A command that runs.
pub(super) struct Child {
    process: tokio::process::Child,
    pid: Option<Pid>,
    group: Group,
    name: OsString,
}

/// Whose group of processes it belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Group {
    /// That of this process, which a terminal serves.
    Shared,
    /// Its own.
    Own,
}

impl Child {
    /// Starts a command with some more in its environment.
    pub(super) fn start(command: &[OsString], environment: &[(&'static str, String)]) -> Result<Child, CliError> {
        let (name, arguments) = command.split_first().ok_or_else(|| CliError::usage("there is no command to run"))?;
        let group = if io::stdin().is_terminal() { Group::Shared } else { Group::Own };
        let mut command = tokio::process::Command::new(name);
        command.args(arguments).envs(environment.iter().map(|(name, value)| (name, value)));
        if group == Group::Own {
            command.process_group(0);
        }
        let process = command.spawn().map_err(CliError::file("run", name))?;
        let pid = process.id().and_then(|id| i32::try_from(id).ok()).and_then(Pid::from_raw);
        Ok(Child { process, pid, group, name: name.clone() })
    }

    /// Waits for its end; answers its exit code as a shell would. Dropping the future loses
    /// nothing.
    pub(super) async fn ended(&mut self) -> Result<u8, CliError> {
        let status = self.process.wait().await.map_err(CliError::file("wait for", &self.name))?;
        Ok(code(status))
    }

    /// Passes a signal on that came to this process.
    pub(super) fn pass_on(&self, signal: Signal) {
        let told_by_the_terminal = self.group == Group::Shared && matches!(signal, Signal::INT | Signal::QUIT);
        if !told_by_the_terminal {
            self.tell(signal);
        }
    }

    /// Tells it to end, and kills it when it does not.
    pub(super) async fn end(&mut self) -> Result<(), CliError> {
        self.tell(Signal::TERM);
        if tokio::time::timeout(limits::CHILD_GRACE, self.process.wait()).await.is_err() {
            self.tell(Signal::KILL);
        }
        self.ended().await.map(drop)
    }

    fn tell(&self, signal: Signal) {
        let Some(pid) = self.pid else { return };
        let told = match self.group {
            Group::Shared => kill_process(pid, signal),
            Group::Own => kill_process_group(pid, signal),
        };
        if let Err(error) = told {
            // It has ended meanwhile, which is noticed where it is waited for.
            tracing::debug!(?signal, %error, "the command could not be told");
        }
    }
}

fn code(status: ExitStatus) -> u8 {
    let code = status.code().or_else(|| status.signal().map(|signal| SIGNALLED + signal));
    code.and_then(|code| u8::try_from(code).ok()).unwrap_or(u8::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_command_that_a_signal_ended_has_the_code_that_shells_give_it() {
        for (raw, expected) in [(0, 0), (3 << 8, 3), (9, 137), (15, 143)] {
            assert_eq!(code(ExitStatus::from_raw(raw)), expected);
        }
    }
}
