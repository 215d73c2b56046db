//! A command that runs, and what came of it.

use std::io::Read;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc::{self, Receiver};
use std::time::{Duration, Instant};

use serde_json::Value;

use super::patience::PATIENCE;

/// How long what a process printed may take to arrive after its end: it is in a pipe already,
/// unless a process of its own holds the pipe open.
const DRAIN: Duration = Duration::from_secs(5);

/// A command that runs. Killed when dropped.
pub(crate) struct Running {
    shown: String,
    child: Child,
    stdout: Receiver<Vec<u8>>,
    stderr: Receiver<Vec<u8>>,
}

/// A command that has ended.
#[derive(Debug)]
pub(crate) struct Ran {
    shown: String,
    /// The exit code; none for a process that was killed.
    pub(crate) code: Option<i32>,
    /// Data.
    pub(crate) stdout: String,
    /// Everything else.
    pub(crate) stderr: String,
}

/// Starts a command, taking in what it prints.
pub(crate) fn capture(mut command: Command) -> Running {
    let shown = format!("{command:?}");
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().unwrap_or_else(|error| panic!("{shown}: {error}"));
    let stdout = taken_in(child.stdout.take());
    let stderr = taken_in(child.stderr.take());
    Running { shown, child, stdout, stderr }
}

fn taken_in(pipe: Option<impl Read + Send + 'static>) -> Receiver<Vec<u8>> {
    let (send, receive) = mpsc::channel();
    let mut pipe = pipe.expect("the pipe is asked for above");
    std::thread::spawn(move || {
        let mut bytes = Vec::new();
        // A process that is killed may break the pipe; what came until then counts.
        if pipe.read_to_end(&mut bytes).is_ok() || !bytes.is_empty() {
            send.send(bytes).ok();
        }
    });
    receive
}

impl Running {
    /// Waits for the end.
    pub(crate) fn finish(mut self) -> Ran {
        let start = Instant::now();
        let status = loop {
            match self.child.try_wait().expect("a child can be waited for") {
                Some(status) => break status,
                None if start.elapsed() > PATIENCE => {
                    self.child.kill().ok();
                    let ran = self.ran(None);
                    panic!("did not end within {PATIENCE:?}: {ran}");
                }
                None => std::thread::sleep(Duration::from_millis(2)),
            }
        };
        self.ran(Some(status))
    }

    fn ran(&mut self, status: Option<ExitStatus>) -> Ran {
        let text = |pipe: &Receiver<Vec<u8>>| {
            String::from_utf8_lossy(&pipe.recv_timeout(DRAIN).unwrap_or_default()).into_owned()
        };
        Ran {
            shown: self.shown.clone(),
            code: status.and_then(|status| status.code()),
            stdout: text(&self.stdout),
            stderr: text(&self.stderr),
        }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.child.kill().ok();
        self.child.wait().ok();
    }
}

impl std::fmt::Display for Ran {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Ran { shown, code, stdout, stderr } = self;
        write!(f, "{shown}\nexit code {code:?}\n--- stdout\n{stdout}\n--- stderr\n{stderr}")
    }
}

impl Ran {
    /// It must have succeeded.
    #[track_caller]
    pub(crate) fn ok(self) -> Ran {
        assert_eq!(self.code, Some(0), "{self}");
        self
    }

    /// It must have failed with this exit code.
    #[track_caller]
    pub(crate) fn fails(self, code: i32) -> Ran {
        assert_eq!(self.code, Some(code), "{self}");
        assert_eq!(self.stdout, "", "data of a command that failed: {self}");
        self
    }

    /// What it said on the side must hold all of these.
    #[track_caller]
    pub(crate) fn saying(self, parts: &[&str]) -> Ran {
        for part in parts {
            assert!(self.stderr.contains(part), "`{part}` is not said by {self}");
        }
        self
    }

    /// Its data must hold all of these.
    #[track_caller]
    pub(crate) fn printing(self, parts: &[&str]) -> Ran {
        for part in parts {
            assert!(self.stdout.contains(part), "`{part}` is not printed by {self}");
        }
        self
    }

    /// Its data as one JSON value.
    #[track_caller]
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.stdout).unwrap_or_else(|error| panic!("no JSON ({error}): {self}"))
    }

    /// Its data as one JSON value per line.
    #[track_caller]
    pub(crate) fn json_lines(&self) -> Vec<Value> {
        let read = |line: &str| serde_json::from_str(line).unwrap_or_else(|error| panic!("`{line}`: {error}"));
        self.stdout.lines().filter(|line| !line.is_empty()).map(read).collect()
    }
}
