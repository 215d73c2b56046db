//! PostgreSQL, the peer for durable changes: as its package configures it, which includes waiting
//! for the disk before it answers; on a socket in a folder of its own.

use std::fs;
use std::os::unix::fs::chown;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use tempfile::TempDir;
use tokio_postgres::{Client, NoTls};

use crate::failure::{Failure, io};
use crate::limits;
use crate::process::{self, Server};

/// Where Debian puts the programs of each version, none of which is on the search path.
const DEBIAN: &str = "/usr/lib/postgresql";

/// The account that Debian makes for it: its programs refuse to run as root.
const ACCOUNT: &str = "postgres";

/// The name of its role here.
const NAME: &str = "bench";

/// The database that every server has.
const DATABASE: &str = "postgres";

/// A server that runs until it is let go.
pub(crate) struct Postgres {
    _server: Server,
    dir: TempDir,
}

impl Postgres {
    /// Starts one with an empty database.
    pub(crate) async fn start() -> Result<Postgres, Failure> {
        let dir = tempfile::Builder::new().prefix("star-bench-pg-").tempdir().map_err(io("make a temporary folder"))?;
        let account = account().await?;
        if let Some((user, group)) = account {
            chown(dir.path(), Some(user), Some(group)).map_err(io("hand over a folder"))?;
        }
        let data = dir.path().join("data");
        let mut initdb = command("initdb", account);
        initdb.args(["--auth=trust", "--encoding=UTF8", "--locale=C", "-U", NAME, "-D"]).arg(&data);
        process::output("initdb", &mut initdb.into(), limits::COMMAND).await?;

        let mut postgres = command("postgres", account);
        postgres.arg("-D").arg(&data).arg("-k").arg(dir.path()).args(["-c", "listen_addresses="]);
        let log = tempfile::Builder::new().prefix("star-bench-pg-").tempfile().map_err(io("make a log file"))?;
        let mut server = Server::start("postgres", postgres, log.path())?;
        let answers = async || Ok(connected(dir.path()).await.ok());
        drop(server.until("the first answer of postgres", answers).await?);
        Ok(Postgres { _server: server, dir })
    }

    /// A connection of its own.
    pub(crate) async fn client(&self) -> Result<Client, Failure> {
        connected(self.dir.path()).await.map_err(wrong)
    }

    /// Its version, in its own words.
    pub(crate) async fn version(&self) -> Result<String, Failure> {
        let row = self.client().await?.query_one("SHOW server_version", &[]).await.map_err(wrong)?;
        Ok(format!("PostgreSQL {}", row.get::<_, &str>(0)))
    }
}

/// What it says when something is wrong.
pub(crate) fn wrong(error: tokio_postgres::Error) -> Failure {
    Failure::wrong("postgres", error)
}

async fn connected(dir: &Path) -> Result<Client, tokio_postgres::Error> {
    let mut config = tokio_postgres::Config::new();
    config.host_path(dir).user(NAME).dbname(DATABASE);
    let (client, connection) = config.connect(NoTls).await?;
    // Ends with the client; what goes wrong with it, the client hears.
    tokio::spawn(connection);
    Ok(client)
}

/// One of its programs, run by somebody who is not root.
fn command(program: &'static str, account: Option<(u32, u32)>) -> Command {
    let mut command = Command::new(found(program).unwrap_or_else(|| PathBuf::from(program)));
    if let Some((user, group)) = account {
        command.uid(user).gid(group);
    }
    // It wants to know where it is, and our folder is none that its account may enter.
    command.current_dir("/");
    command
}

/// The program of the latest version that Debian has installed.
fn found(program: &str) -> Option<PathBuf> {
    let versions = fs::read_dir(DEBIAN).ok()?.filter_map(|entry| Some(entry.ok()?.path()));
    let mut programs: Vec<(u32, PathBuf)> = versions
        .filter_map(|version| Some((version.file_name()?.to_str()?.parse().ok()?, version.join("bin").join(program))))
        .filter(|(_, program)| program.is_file())
        .collect();
    programs.sort();
    Some(programs.pop()?.1)
}

/// User and group that run it where we are root.
async fn account() -> Result<Option<(u32, u32)>, Failure> {
    if !rustix::process::geteuid().is_root() {
        return Ok(None);
    }
    let mut ids = Vec::new();
    for flag in ["-u", "-g"] {
        let said =
            process::output("id", tokio::process::Command::new("id").args([flag, ACCOUNT]), limits::COMMAND).await?;
        ids.push(said.trim().parse().map_err(|error| Failure::wrong("id", error))?);
    }
    Ok(Some((ids[0], ids[1])))
}
