//! A command without an end, read line by line.

use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};

use super::patience::{PATIENCE, eventually};

/// A command that prints lines until it is told to end. Killed when dropped.
pub(crate) struct Follower {
    shown: String,
    child: Child,
    lines: Receiver<String>,
    seen: Vec<String>,
}

impl Follower {
    /// Starts it.
    pub(crate) fn start(mut command: Command) -> Follower {
        let shown = format!("{command:?}");
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::inherit());
        let mut child = command.spawn().unwrap_or_else(|error| panic!("{shown}: {error}"));
        let pipe = child.stdout.take().expect("the pipe is asked for above");
        let (send, lines) = mpsc::channel();
        std::thread::spawn(move || {
            for line in BufReader::new(pipe).lines() {
                let Ok(line) = line else { break };
                if send.send(line).is_err() {
                    break;
                }
            }
        });
        Follower { shown, child, lines, seen: Vec::new() }
    }

    /// The next line that is wanted, within [`PATIENCE`].
    pub(crate) fn line(&mut self, wanted: impl Fn(&str) -> bool) -> String {
        let start = Instant::now();
        while let Some(left) = PATIENCE.checked_sub(start.elapsed()) {
            if let Some(line) = self.next_within(left).filter(|line| wanted(line)) {
                return line;
            }
        }
        panic!("{} never printed what was waited for, only:\n{}", self.shown, self.seen.join("\n"));
    }

    /// A line, if one comes within a time.
    pub(crate) fn next_within(&mut self, time: Duration) -> Option<String> {
        match self.lines.recv_timeout(time) {
            Ok(line) => {
                self.seen.push(line.clone());
                Some(line)
            }
            Err(RecvTimeoutError::Timeout) => None,
            Err(RecvTimeoutError::Disconnected) => {
                panic!("{} ended, having printed:\n{}", self.shown, self.seen.join("\n"))
            }
        }
    }

    /// What Ctrl-C does; answers the exit code.
    pub(crate) fn interrupt(mut self) -> Option<i32> {
        kill_process(Pid::from_child(&self.child), Signal::INT).expect("a child that was not waited for can be told");
        let status = eventually("the end after Ctrl-C", || self.child.try_wait().expect("a child can be waited for"));
        status.code()
    }
}

impl Drop for Follower {
    fn drop(&mut self) {
        self.child.kill().ok();
        self.child.wait().ok();
    }
}
