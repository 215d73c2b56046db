//! A Star of a test: a process on free ports, in a folder of its own.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};

use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;
use tempfile::TempDir;

use super::follower::Follower;
use super::http::{Answer, Http};
use super::patience::eventually;
use super::places::{previous, program, scratch};
use super::process::{Ran, Running, capture};
use super::slots::Slot;

/// Lines of a log that are shown when a test fails.
const LOG_SHOWN: usize = 60;

/// A running Star, or one that was stopped and can be started again. Ended when dropped.
pub(crate) struct Star {
    process: Option<Child>,
    ready: Value,
    flags: Vec<String>,
    /// What the program is started through, e.g. to give it a disk of its own.
    wrapper: Vec<String>,
    /// What serves, and what its user types.
    server: PathBuf,
    client: PathBuf,
    home: TempDir,
    _slot: Slot,
}

impl Star {
    /// A Star in an empty folder.
    pub(crate) fn start() -> Star {
        Star::start_with(&[])
    }

    /// The same with more flags of `star serve`.
    pub(crate) fn start_with(flags: &[&str]) -> Star {
        Star::start_through(&[], flags)
    }

    /// The same, where `wrapper` is a command that runs the command that follows it.
    pub(crate) fn start_through(wrapper: &[&str], flags: &[&str]) -> Star {
        Star::start_of(program(), wrapper, flags)
    }

    /// The same of another release, whose user types this one.
    pub(crate) fn start_previous() -> Star {
        Star::start_of(previous(), &[], &[])
    }

    fn start_of(server: PathBuf, wrapper: &[&str], flags: &[&str]) -> Star {
        let slot = Slot::take();
        let home = scratch();
        for folder in ["user", "work", "data"] {
            fs::create_dir(home.path().join(folder)).expect("a folder can be made");
        }
        let owned = |words: &[&str]| words.iter().map(|&word| word.to_owned()).collect();
        let mut star = Star {
            process: None,
            ready: Value::Null,
            flags: owned(flags),
            wrapper: owned(wrapper),
            server,
            client: program(),
            home,
            _slot: slot,
        };
        star.restart();
        star
    }

    /// Starts it again on the same folder, and waits until everything answers.
    pub(crate) fn restart(&mut self) {
        assert!(self.process.is_none(), "it runs");
        let ready_file = self.home.path().join("ready.json");
        fs::remove_file(&ready_file).ok();
        let log = File::options().create(true).append(true).open(self.log_file()).expect("a log can be written");
        let mut command = self.serve_command(&self.wrapper);
        command.arg("--ready-file").arg(&ready_file).args(&self.flags);
        command.stdin(Stdio::null()).stdout(log.try_clone().expect("a file can be shared")).stderr(log);
        self.process = Some(command.spawn().unwrap_or_else(|error| panic!("{command:?}: {error}")));
        let line = eventually("the Star to be ready", || {
            let child = self.process.as_mut().expect("it was started above");
            if let Some(status) = child.try_wait().expect("a child can be waited for") {
                self.process = None;
                panic!("the Star ended with {status}:\n{}", self.log());
            }
            fs::read_to_string(&ready_file).ok()
        });
        self.ready = serde_json::from_str(&line).expect("the ready file holds a line of JSON");
    }

    /// `star serve` on the folder of this Star and free ports.
    pub(crate) fn serve_command(&self, wrapper: &[String]) -> Command {
        let mut words = wrapper.iter().map(PathBuf::from).chain([self.server.clone()]);
        let mut command = Command::new(words.next().expect("there is the program at least"));
        command.args(words);
        self.surround(&mut command);
        command.args(["serve", "--listen", "127.0.0.1:0", "--web", "127.0.0.1:0", "--data"]).arg(self.data());
        command
    }

    /// Ends it as a power cut would.
    pub(crate) fn kill_nine(&mut self) {
        let mut process = self.process.take().expect("it runs");
        process.kill().expect("a child can be killed");
        process.wait().expect("a child can be waited for");
    }

    /// Tells it to end, and waits for the orderly end.
    pub(crate) fn stop(&mut self) -> ExitStatus {
        self.tell_to_end();
        self.end()
    }

    /// Tells it to end.
    pub(crate) fn tell_to_end(&self) {
        let process = self.process.as_ref().expect("it runs");
        kill_process(Pid::from_child(process), Signal::TERM).expect("a child can be told to end");
    }

    /// Waits for the end of one that was told to.
    pub(crate) fn end(&mut self) -> ExitStatus {
        let mut process = self.process.take().expect("it runs");
        eventually("the end of the Star", || process.try_wait().expect("a child can be waited for"))
    }

    /// From now on its user types the previous release.
    pub(crate) fn is_used_by_previous(&mut self) {
        self.client = previous();
    }

    /// The next start is one of the release under test.
    pub(crate) fn is_updated(&mut self) {
        assert!(self.process.is_none(), "it runs");
        self.server = program();
    }

    /// The number of the process.
    pub(crate) fn pid(&self) -> u32 {
        self.process.as_ref().expect("it runs").id()
    }

    /// Its data directory.
    pub(crate) fn data(&self) -> PathBuf {
        self.home.path().join("data")
    }

    /// The folder in which commands run.
    pub(crate) fn work(&self) -> PathBuf {
        self.home.path().join("work")
    }

    /// Writes a file into the folder in which commands run.
    pub(crate) fn write(&self, name: &str, content: impl AsRef<[u8]>) -> PathBuf {
        let path = self.work().join(name);
        fs::create_dir_all(path.parent().expect("a file lies in a folder")).expect("a folder can be made");
        fs::write(&path, content).expect("a file can be written");
        path
    }

    fn log_file(&self) -> PathBuf {
        self.home.path().join("log.txt")
    }

    /// What it logged.
    pub(crate) fn log(&self) -> String {
        fs::read_to_string(self.log_file()).unwrap_or_default()
    }

    /// Shows the end of the log beside the message of a test that failed.
    #[expect(clippy::print_stderr, reason = "the harness shows it with the failure, and only then")]
    fn show_log(&self) {
        let log = self.log();
        let lines: Vec<&str> = log.lines().collect();
        let end = &lines[lines.len().saturating_sub(LOG_SHOWN)..];
        eprintln!("--- the end of the log of the Star\n{}", end.join("\n"));
    }

    /// The admin key.
    pub(crate) fn key(&self) -> String {
        let path = self.said("token_file");
        let key = fs::read_to_string(&path).or_else(|_| {
            // A Star with mounts of its own has the file where only it looks.
            fs::read_to_string(format!("/proc/{}/root{path}", self.pid()))
        });
        key.unwrap_or_else(|error| panic!("{path}: {error}")).trim().to_owned()
    }

    fn said(&self, field: &str) -> String {
        self.ready[field].as_str().unwrap_or_else(|| panic!("`{field}` is missing in {}", self.ready)).to_owned()
    }

    /// The URL of the API.
    pub(crate) fn api_url(&self) -> String {
        self.said("api")
    }

    /// The URL of the web router.
    pub(crate) fn web_url(&self) -> String {
        self.said("web")
    }

    /// A request to the API with the admin key.
    pub(crate) fn api(&self, method: &str, target: &str) -> Http {
        self.stranger(method, target).key(&self.key())
    }

    /// A request to the API without any key.
    pub(crate) fn stranger(&self, method: &str, target: &str) -> Http {
        Http::to(&self.api_url(), method, target)
    }

    /// A request to the web router, for the host `localhost`.
    pub(crate) fn web(&self, method: &str, target: &str) -> Http {
        Http::to(&self.web_url(), method, target).host("localhost")
    }

    /// What a visitor of `localhost` gets.
    pub(crate) fn page(&self, target: &str) -> Answer {
        self.web("GET", target).send()
    }

    /// A call in JSON.
    pub(crate) fn call(&self, method: &str, input: &Value) -> Answer {
        let request = self.api("POST", &format!("/starlane.v1.{method}"));
        request.header("content-type", "application/json").body(input.to_string()).send()
    }

    /// How far the log has come.
    pub(crate) fn position(&self) -> String {
        let status = self.call("Stars/Status", &serde_json::json!({})).is(200).json();
        status["store"]["position"].as_str().unwrap_or_else(|| panic!("no position in {status}")).to_owned()
    }

    /// Does something that must leave no trace in the log.
    #[track_caller]
    pub(crate) fn unchanged_by<T>(&self, act: impl FnOnce() -> T) -> T {
        let before = self.position();
        let result = act();
        assert_eq!(self.position(), before, "something was changed");
        result
    }

    /// The environment of a user with nothing but this Star.
    pub(crate) fn surround(&self, command: &mut Command) {
        let user = self.home.path().join("user");
        let program = program();
        let beside = program.parent().expect("a program lies in a folder").to_owned();
        let system = std::env::var("PATH").unwrap_or_default();
        command.env_clear().current_dir(self.work());
        command.env("PATH", format!("{}:{system}", beside.display()));
        command.env("HOME", &user).env("STAR_DATA", self.data()).env("LANG", "C.UTF-8");
        for (name, folder) in [("XDG_CONFIG_HOME", "config"), ("XDG_DATA_HOME", "share"), ("XDG_CACHE_HOME", "cache")] {
            command.env(name, user.join(folder));
        }
    }

    /// `star` with these arguments, for this Star.
    pub(crate) fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(&self.client);
        self.surround(&mut command);
        command.args(arguments);
        command
    }

    /// Runs `star` with these arguments to its end.
    pub(crate) fn run(&self, arguments: &[&str]) -> Ran {
        capture(self.command(arguments)).finish()
    }

    /// Starts a line as a user types it.
    pub(crate) fn type_in(&self, line: &str) -> Running {
        let mut command = Command::new("bash");
        self.surround(&mut command);
        command.args(["-c", line]);
        capture(command)
    }

    /// Runs `star` with these arguments, reading what it prints as it comes.
    pub(crate) fn follow(&self, arguments: &[&str]) -> Follower {
        Follower::start(self.command(arguments))
    }

    /// The folder that holds everything of this test.
    pub(crate) fn home(&self) -> &Path {
        self.home.path()
    }
}

impl Drop for Star {
    fn drop(&mut self) {
        if let Some(mut process) = self.process.take() {
            process.kill().ok();
            process.wait().ok();
        }
        if std::thread::panicking() {
            self.show_log();
        }
    }
}
