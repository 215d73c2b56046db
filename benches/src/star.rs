//! The Star that is measured: a process of the release build, set up through its command line
//! like one of a user.

use std::fs;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process;
use std::time::{Duration, Instant};

use serde_json::Value;
use tokio::process::Command;

use crate::failure::{Failure, io};
use crate::load::{self, Target};
use crate::process::Server;
use crate::{limits, machine, options};

/// The Space whose web sites are asked for, which is the host name that requests carry.
pub(crate) const SPACE: &str = "localhost";

/// A running Star.
pub(crate) struct Star {
    program: PathBuf,
    home: PathBuf,
    server: Server,
    api: String,
    web: String,
    token_file: PathBuf,
}

impl Star {
    /// Starts a Star in `home`, and gives it with the time that it took to be ready.
    pub(crate) async fn start(home: &Path) -> Result<(Star, Duration), Failure> {
        let program = options::star_program()?;
        let ready_file = home.join("ready");
        if ready_file.exists() {
            fs::remove_file(&ready_file).map_err(io("remove an old ready file"))?;
        }
        let mut command = command(&program, home);
        command.arg("serve").arg("--data").arg(home.join("data"));
        command.args(["--listen", "127.0.0.1:0", "--web", "127.0.0.1:0", "--ready-file"]).arg(&ready_file);
        let begun = Instant::now();
        let mut server = Server::start("star", command, &home.join("star.log"))?;
        let line = server.until("the ready file of star", async || Ok(fs::read_to_string(&ready_file).ok())).await?;
        let took = begun.elapsed();
        let ready: Value = serde_json::from_str(&line).map_err(|error| Failure::wrong("star", error))?;
        let text = |key: &str| {
            let text = ready[key].as_str();
            text.map(str::to_owned).ok_or_else(|| Failure::wrong("star", format!("no `{key}` in its ready file")))
        };
        let (api, web, token_file) = (text("api")?, text("web")?, text("token_file")?.into());
        Ok((Star { program, home: home.to_owned(), server, api, web, token_file }, took))
    }

    /// Runs one command of the command line against it.
    pub(crate) async fn run(&self, arguments: &[&str]) -> Result<(), Failure> {
        let mut command = Command::from(command(&self.program, &self.home));
        command.args(["--url", &self.api, "--token-file"]).arg(&self.token_file).args(arguments);
        let ended = crate::process::output("star", &mut command, limits::COMMAND).await;
        ended.map(drop).map_err(|failure| match failure {
            Failure::Ended { status, said, .. } => {
                Failure::Ended { program: format!("star {}", arguments.join(" ")), status, said }
            }
            other => other,
        })
    }

    /// Publishes a folder and makes its `routes.conf` the routes of the Space.
    pub(crate) async fn publish_site(&self, folder: &Path) -> Result<(), Failure> {
        let folder = folder.display().to_string();
        self.run(&["create", "Space", SPACE]).await?;
        self.run(&["publish", &folder, &format!("{SPACE}:site:1.0.0"), "--tag", "latest"]).await?;
        self.run(&["set", &format!("{SPACE}#routes={SPACE}:site:latest:/routes.conf")]).await
    }

    /// A page of the Space's web sites.
    pub(crate) fn page(&self, path: &str) -> Target {
        Target::new(format!("{}{path}", self.web), SPACE)
    }

    /// Something on the API port.
    pub(crate) fn api(&self, path: &str) -> Target {
        Target::new(format!("{}{path}", self.api), SPACE)
    }

    /// Where its API listens.
    pub(crate) fn api_address(&self) -> Result<SocketAddr, Failure> {
        let address = self.api.strip_prefix("http://").and_then(|address| address.parse().ok());
        address.ok_or_else(|| Failure::wrong("star", format!("its API is at {}", self.api)))
    }

    /// The key of its admin.
    pub(crate) fn key(&self) -> Result<String, Failure> {
        let key = fs::read_to_string(&self.token_file).map_err(io("read the key of the Star"))?;
        Ok(key.trim().to_owned())
    }

    /// A number that it measured of itself, by its name on the page of metrics.
    pub(crate) async fn meter(&self, name: &str) -> Result<f64, Failure> {
        let page = load::text(&self.api("/metrics"), &self.key()?).await?;
        let line = page.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
        let value = line.and_then(|value| value.trim().parse().ok());
        value.ok_or_else(|| Failure::wrong("star", format!("no `{name}` among its metrics")))
    }

    /// The number of its process.
    pub(crate) fn pid(&self) -> u32 {
        self.server.pid()
    }

    /// Its memory in bytes.
    pub(crate) fn resident_bytes(&self) -> Result<f64, Failure> {
        machine::resident_bytes(self.server.pid())
    }

    /// Ends it at once.
    pub(crate) fn kill(self) -> Result<(), Failure> {
        self.server.kill()
    }
}

/// What a user's own Star leaves in the environment, which must not get into a measurement.
const FOREIGN: [&str; 6] = ["STAR_URL", "STAR_TOKEN", "STAR_LOG", "STAR_DATA", "STAR_LISTEN", "STAR_WEB"];

/// The program, at home in a folder of its own.
fn command(program: &Path, home: &Path) -> process::Command {
    let mut command = process::Command::new(program);
    for name in FOREIGN {
        command.env_remove(name);
    }
    let homes =
        [("HOME", home.to_owned()), ("XDG_CONFIG_HOME", home.join("config")), ("XDG_DATA_HOME", home.join("share"))];
    command.envs(homes);
    command
}
