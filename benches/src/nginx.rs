//! nginx, the peer for files: one worker, as its package configures it otherwise.

use std::fs;
use std::net::SocketAddr;
use std::path::Path;
use std::process::Command;

use crate::failure::{Failure, io};
use crate::load::{self, Target};
use crate::process::{self, Server};

/// The host name under which everything is asked for.
pub(crate) const HOST: &str = "localhost";

/// An nginx that serves a folder.
pub(crate) struct Nginx {
    address: SocketAddr,
    _server: Server,
}

impl Nginx {
    /// Starts one that serves `root`; `probe` is the name of a file in it. What it writes goes
    /// into `scratch`.
    pub(crate) async fn start(root: &Path, probe: &str, scratch: &Path) -> Result<Nginx, Failure> {
        let address = process::free_address()?;
        let configuration = scratch.join("nginx.conf");
        fs::write(&configuration, text(address, root, scratch)).map_err(io("write the configuration of nginx"))?;
        let mut command = Command::new("nginx");
        command.arg("-c").arg(&configuration).arg("-e").arg(scratch.join("nginx.error"));
        let mut server = Server::start("nginx", command, &scratch.join("nginx.log"))?;
        let target = target(address, probe);
        server.until("the first answer of nginx", async || Ok(load::answers(&target).await?.then_some(()))).await?;
        Ok(Nginx { address, _server: server })
    }

    /// A file of the folder.
    pub(crate) fn file(&self, name: &str) -> Target {
        target(self.address, name)
    }
}

fn target(address: SocketAddr, name: &str) -> Target {
    Target::new(format!("http://{address}/{name}"), HOST)
}

fn text(address: SocketAddr, root: &Path, scratch: &Path) -> String {
    // A worker of root's nginx runs as nobody, who cannot read a folder of ours.
    let user = if rustix::process::geteuid().is_root() { "user root;\n" } else { "" };
    let folders: String = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"]
        .iter()
        .map(|name| format!("  {name}_temp_path {}/nginx-{name};\n", scratch.display()))
        .collect();
    format!(
        "{user}daemon off;\nworker_processes 1;\npid {scratch}/nginx.pid;\nerror_log {scratch}/nginx.error warn;\n\
         events {{ worker_connections 1024; }}\n\
         http {{\n{folders}  access_log off;\n  sendfile on;\n  tcp_nopush on;\n  keepalive_requests 1000000000;\n  \
         types {{ text/html html; }}\n  default_type application/octet-stream;\n  \
         server {{ listen {address}; root {root}; }}\n}}\n",
        scratch = scratch.display(),
        root = root.display(),
    )
}
