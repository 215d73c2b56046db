//! Programs beside us: servers that are stopped when their owner goes, and tools that run to
//! their end.
//!
//! Everything runs in a process group of its own, so that a server's workers end with it.

use std::fs::{self, File};
use std::io::ErrorKind;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{self, Child, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process_group};
use tokio::io::AsyncWriteExt;
use tokio::process::Command;

use crate::failure::{Failure, io};
use crate::limits;

/// A server that runs until its owner lets it go.
#[derive(Debug)]
pub(crate) struct Server {
    name: &'static str,
    child: Child,
    log: PathBuf,
}

impl Server {
    /// Starts a program; what it writes goes into `log`.
    pub(crate) fn start(name: &'static str, mut command: process::Command, log: &Path) -> Result<Server, Failure> {
        let file = File::create(log).map_err(io(format!("make {}", log.display())))?;
        let other = file.try_clone().map_err(io("share a log file"))?;
        let child = command
            .stdin(Stdio::null())
            .stdout(file)
            .stderr(other)
            .process_group(0)
            .spawn()
            .map_err(|source| cannot_start(name, source))?;
        Ok(Server { name, child, log: log.to_owned() })
    }

    /// The number of the process.
    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Waits until `condition` gives something, as long as the program lives.
    pub(crate) async fn until<T>(
        &mut self,
        what: &str,
        mut condition: impl AsyncFnMut() -> Result<Option<T>, Failure>,
    ) -> Result<T, Failure> {
        let begun = Instant::now();
        loop {
            if let Some(there) = condition().await? {
                return Ok(there);
            }
            if let Some(status) = self.child.try_wait().map_err(io(format!("look after {}", self.name)))? {
                let program = format!("{}, while it was to start,", self.name);
                return Err(Failure::Ended { program, status: status.to_string(), said: self.said() });
            }
            if begun.elapsed() > limits::START {
                return Err(Failure::Late { what: what.to_owned(), within: limits::START, said: self.said() });
            }
            tokio::time::sleep(limits::LOOK).await;
        }
    }

    /// Ends it at once, as a power cut would.
    pub(crate) fn kill(mut self) -> Result<(), Failure> {
        self.child.kill().map_err(io(format!("kill {}", self.name)))?;
        self.child.wait().map_err(io(format!("wait for {}", self.name)))?;
        Ok(())
    }

    /// Asks it to end, and waits until it has.
    pub(crate) fn stop(&mut self) {
        let ended = |child: &mut Child| matches!(child.try_wait(), Ok(Some(_)) | Err(_));
        if ended(&mut self.child) {
            return;
        }
        self.signal(Signal::TERM);
        let begun = Instant::now();
        while begun.elapsed() < limits::STOP {
            if ended(&mut self.child) {
                return;
            }
            thread::sleep(limits::LOOK);
        }
        self.signal(Signal::KILL);
    }

    fn signal(&self, signal: Signal) {
        let pid = i32::try_from(self.pid()).ok().and_then(Pid::from_raw);
        // A group that has ended is what was wanted.
        if let Some(pid) = pid {
            kill_process_group(pid, signal).ok();
        }
    }

    /// The end of what it wrote.
    fn said(&self) -> String {
        fs::read_to_string(&self.log).map(|text| last_lines(&text)).unwrap_or_default()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.stop();
    }
}

/// Runs a tool to its end and gives what it wrote to standard output. Ends it when it takes
/// longer than `within`, or when the caller goes away.
pub(crate) async fn output(program: &'static str, command: &mut Command, within: Duration) -> Result<String, Failure> {
    output_of(program, command, String::new(), within).await
}

/// The same for a tool that reads something from standard input first.
pub(crate) async fn output_of(
    program: &'static str,
    command: &mut Command,
    input: String,
    within: Duration,
) -> Result<String, Failure> {
    let running = async {
        let command = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).kill_on_drop(true);
        let mut child = command.spawn()?;
        if let Some(mut stdin) = child.stdin.take() {
            // A tool that does not read it says why by how it ends.
            stdin.write_all(input.as_bytes()).await.ok();
        }
        child.wait_with_output().await
    };
    let output = tokio::time::timeout(within, running)
        .await
        .map_err(|_| Failure::Late { what: format!("the end of {program}"), within, said: String::new() })?
        .map_err(|source| cannot_start(program, source))?;
    if !output.status.success() {
        let said = last_lines(&String::from_utf8_lossy(&output.stderr));
        return Err(Failure::Ended { program: program.to_owned(), status: output.status.to_string(), said });
    }
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}

/// What a program says of its version, wherever it says it: the first line that has a digit.
pub(crate) async fn version(program: &'static str, flag: &str) -> Result<String, Failure> {
    let output = Command::new(program).arg(flag).stdin(Stdio::null()).kill_on_drop(true).output().await;
    let output = output.map_err(|source| cannot_start(program, source))?;
    let said = [output.stdout, output.stderr].concat();
    let said = String::from_utf8_lossy(&said).into_owned();
    let line = said.lines().find(|line| line.contains(|c: char| c.is_ascii_digit())).unwrap_or("unknown version");
    Ok(line.trim_start_matches("nginx version: ").split(" Copyright").next().unwrap_or(line).trim().to_owned())
}

/// An address that nobody listens on at this moment.
pub(crate) fn free_address() -> Result<SocketAddr, Failure> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).map_err(io("find a free port"))?;
    listener.local_addr().map_err(io("find a free port"))
}

fn cannot_start(program: &'static str, source: std::io::Error) -> Failure {
    match source.kind() {
        ErrorKind::NotFound => Failure::MissingTool { program },
        _ => Failure::Io { action: format!("start {program}"), source },
    }
}

fn last_lines(text: &str) -> String {
    let lines: Vec<&str> = text.lines().collect();
    let last = &lines[lines.len().saturating_sub(limits::LOG_LINES)..];
    last.iter().map(|line| format!("\n  {line}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_tool_that_is_missing_is_named_with_the_way_to_get_it() {
        let missing = output("no-such-tool", &mut Command::new("no-such-tool"), limits::COMMAND).await.unwrap_err();
        assert!(missing.to_string().contains("cargo xtask setup --bench"), "{missing}");
    }

    #[tokio::test]
    async fn a_server_that_ends_instead_of_answering_says_why() {
        let dir = tempfile::tempdir().unwrap();
        let mut command = process::Command::new("sh");
        command.args(["-c", "echo the port is taken >&2; exit 3"]);
        let mut server = Server::start("sh", command, &dir.path().join("log")).unwrap();
        let ended = server.until("an answer", async || Ok(None::<()>)).await.unwrap_err();
        assert!(ended.to_string().contains("the port is taken"), "{ended}");
    }

    #[tokio::test]
    async fn a_server_ends_with_its_children_when_it_is_let_go() {
        let dir = tempfile::tempdir().unwrap();
        let note = dir.path().join("pid");
        let mut command = process::Command::new("sh");
        command.args(["-c", &format!("sleep 1000 & echo $! > {}; wait", note.display())]);
        let mut server = Server::start("sh", command, &dir.path().join("log")).unwrap();
        let pid = server
            .until("its child", async || Ok(fs::read_to_string(&note).ok().filter(|text| text.ends_with('\n'))))
            .await
            .unwrap();
        drop(server);
        let child = PathBuf::from(format!("/proc/{}/cmdline", pid.trim()));
        let begun = Instant::now();
        // What is left of an ended process has an empty command line.
        while fs::read(&child).is_ok_and(|line| !line.is_empty()) {
            assert!(begun.elapsed() < limits::STOP, "the child outlived its server");
            tokio::time::sleep(limits::LOOK).await;
        }
    }
}
