//! A PostgreSQL of the test's own, on a socket in a folder of its own, and sessions with it.
//!
//! Where none is installed, tests say so and end: nobody needs PostgreSQL to work on Starlane.

use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::os::unix::fs::chown;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::time::{Duration, Instant};

use tempfile::TempDir;

/// Where Debian puts the programs of each version, none of which is on the search path.
const DEBIAN: &str = "/usr/lib/postgresql";
/// The account that Debian makes for it: it refuses to run as root.
const ACCOUNT: &str = "postgres";
/// How long anything here may take.
const PATIENCE: Duration = Duration::from_secs(60);
/// What a session prints behind each answer.
const END: &str = "-- end of the answer";

/// A server with the tables of the ADR, which ends with this.
pub(crate) struct Server {
    postgres: Child,
    psql: PathBuf,
    dir: TempDir,
}

impl Server {
    /// Starts one; none where it is not installed.
    #[expect(clippy::print_stderr, reason = "whoever runs the tests reads why they did nothing")]
    pub(crate) fn start() -> Option<Server> {
        let Some(programs) = installed() else {
            eprintln!("skipped: PostgreSQL is not installed; `cargo xtask setup --bench` installs it");
            return None;
        };
        let dir = tempfile::Builder::new().prefix("star-pg-").tempdir().unwrap();
        let account = account();
        if let Some((user, group)) = account {
            chown(dir.path(), Some(user), Some(group)).unwrap();
        }
        let data = dir.path().join("data");
        let mut initdb = by(account, &programs.join("initdb"));
        initdb.args(["--auth=trust", "--encoding=UTF8", "--locale=C", "--no-sync", "-U", ACCOUNT, "-D"]).arg(&data);
        let made = initdb.output().unwrap();
        assert!(made.status.success(), "initdb: {}", String::from_utf8_lossy(&made.stderr));
        let mut postgres = by(account, &programs.join("postgres"));
        postgres.arg("-D").arg(&data).arg("-k").arg(dir.path()).args(["-c", "listen_addresses=", "-c", "fsync=off"]);
        let postgres = postgres.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        let server = Server { postgres, psql: programs.join("psql"), dir };
        wait_for("postgres to answer", || {
            server.connected().args(["-c", "SELECT 1"]).output().unwrap().status.success()
        });
        let (tables, _) = super::STATEMENTS.split_once("-- statements\n").unwrap();
        assert_eq!(server.bare_session().run(tables), Vec::<String>::new(), "the tables are not what PostgreSQL takes");
        Some(server)
    }

    /// A session that knows the statements of the ADR.
    pub(crate) fn session(&self) -> Session {
        let mut session = self.bare_session();
        let (_, statements) = super::STATEMENTS.split_once("-- statements\n").unwrap();
        assert_eq!(session.run(statements), Vec::<String>::new(), "a statement is not what PostgreSQL takes");
        session
    }

    fn bare_session(&self) -> Session {
        let mut psql = self.connected();
        let mut psql = psql.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::inherit()).spawn().unwrap();
        let (input, output) = (psql.stdin.take().unwrap(), BufReader::new(psql.stdout.take().unwrap()));
        Session { psql, input: Some(input), output }
    }

    fn connected(&self) -> Command {
        let mut shell = Command::new("sh");
        // What goes wrong stands among the answers.
        shell.args(["-c", r#"exec "$@" 2>&1"#, "psql"]).arg(&self.psql);
        shell.args(["-X", "-q", "-A", "-t", "-U", ACCOUNT, "-d", ACCOUNT, "-h"]).arg(self.dir.path());
        shell
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.postgres.kill().unwrap();
        self.postgres.wait().unwrap();
    }
}

/// A connection on which statements run one after the other.
pub(crate) struct Session {
    psql: Child,
    input: Option<ChildStdin>,
    output: BufReader<ChildStdout>,
}

impl Session {
    /// Runs statements; the rows that come back, columns divided by `|`, and errors.
    pub(crate) fn run(&mut self, sql: &str) -> Vec<String> {
        self.begin(sql);
        self.answer()
    }

    /// Sends statements without waiting for what comes of them.
    pub(crate) fn begin(&mut self, sql: &str) {
        writeln!(self.input.as_mut().unwrap(), "{sql}\n\\echo '{END}'").unwrap();
    }

    /// Waits for what comes of statements that were sent.
    pub(crate) fn answer(&mut self) -> Vec<String> {
        let lines = self.output.by_ref().lines().map(Result::unwrap);
        lines.take_while(|line| line != END).collect()
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        drop(self.input.take());
        self.psql.wait().unwrap();
    }
}

/// Waits until something is so.
pub(crate) fn wait_for(what: &str, mut is_so: impl FnMut() -> bool) {
    let begun = Instant::now();
    while !is_so() {
        assert!(begun.elapsed() < PATIENCE, "waited in vain for {what}");
        std::thread::yield_now();
    }
}

/// The folder with the programs of the latest version.
fn installed() -> Option<PathBuf> {
    let versions = fs::read_dir(DEBIAN).ok()?.filter_map(|entry| Some(entry.ok()?.path()));
    let version = |path: &Path| path.file_name()?.to_str()?.parse::<u32>().ok();
    let found = versions.filter(|path| path.join("bin/initdb").is_file()).max_by_key(|path| version(path));
    Some(found?.join("bin"))
}

/// User and group that run it where we are root.
fn account() -> Option<(u32, u32)> {
    let id = |flag: &str, of: &[&str]| -> u32 {
        let said = Command::new("id").arg(flag).args(of).output().unwrap().stdout;
        String::from_utf8(said).unwrap().trim().parse().unwrap()
    };
    (id("-u", &[]) == 0).then(|| (id("-u", &[ACCOUNT]), id("-g", &[ACCOUNT])))
}

fn by(account: Option<(u32, u32)>, program: &Path) -> Command {
    let mut command = Command::new(program);
    if let Some((user, group)) = account {
        command.uid(user).gid(group);
    }
    // It wants to know where it is, and our folder is none that its account may enter.
    command.current_dir("/");
    command
}
