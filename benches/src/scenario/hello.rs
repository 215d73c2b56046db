//! `hello`: a component that knows nothing of Starlane and answers over WASI HTTP, behind the web
//! router, against `wasmtime serve` with the same bytes. Both make a fresh instance for every
//! request; ours keeps its limits on time and memory on.

use std::fs;
use std::net::SocketAddr;
use std::path::Path;
use std::process::Command;

use super::{CONNECTIONS, Found, counted, file, folder, scratch};
use crate::failure::{Failure, io};
use crate::load;
use crate::options::{self, Plan};
use crate::process::{self, Server, version};
use crate::report::{Row, Target, Unit};
use crate::star::{SPACE, Star};
use crate::turns::in_turns;

pub(super) const ABOUT: &str = "a component that answers HTTP, against `wasmtime serve` with the same bytes";

/// What we want to reach of the peer.
const TARGET: Target = Target::Ratio(0.9);

/// The component among those that the task runner builds.
const GUEST: &str = "wasi-http";

/// What the component answers to `GET /`.
const HELLO: &[u8] = b"Hello from plain WASI\n";

/// The documents of its bundle: as many calls beside each other as there are connections, so
/// that none waits for its turn.
const DOCUMENTS: [(&str, &str); 5] = [
    ("bundle.yaml", "schema: 1\nname: site\n"),
    ("app.yaml", "schema: 1\nmain: \"${bundle}:/mechtron.yaml\"\n"),
    (
        "mechtron.yaml",
        "schema: 1\nname: service\nwasm: \"${bundle}:/service.wasm\"\nbind: \"${bundle}:/bind.yaml\"\nstate: none\n",
    ),
    (
        "bind.yaml",
        "schema: 1\nhttp: |\n  * /{*rest} -> core;\nlimits: { respond_ms: 10000, exec_ms: 500, memory: 32MiB, concurrent: 64 }\n",
    ),
    ("routes.conf", "* /{*rest} -> ${self}:wasi:service ^/{rest};\n"),
];

pub(super) async fn run(plan: Plan) -> Result<Found, Failure> {
    let scratch = scratch()?;
    let site = folder(&scratch, "site")?;
    let component = site_in(&site)?;
    let script = scratch.path().join("report.lua");
    load::script(&script, "")?;

    let wasmtime = Wasmtime::start(&site.join("service.wasm"), scratch.path()).await?;
    let (star, _) = Star::start(&folder(&scratch, "star")?).await?;
    set_up(&star, &site).await?;
    let contenders = [("star", star.page("/")), ("wasmtime serve", wasmtime.target())];
    for (who, target) in &contenders {
        load::expect(who, target, HELLO).await?;
    }

    let mut rows = Vec::new();
    for connections in CONNECTIONS {
        let subjects = in_turns(plan, &contenders, async |target, time| {
            load::requests(&target.url, target, connections, time, &script, &[]).await
        })
        .await?;
        let shape = counted(connections, "connection");
        rows.push(Row { shape, unit: Unit::PerSecond, subjects, target: Some(TARGET) });
    }
    let peer = version("wasmtime", "--version").await?;
    Ok((rows, vec![format!("Peer: {peer}. The component has {component} bytes; every request gets a fresh instance.")]))
}

/// Writes the bundle into a folder; gives the length of the component.
pub(super) fn site_in(site: &Path) -> Result<u64, Failure> {
    for (name, text) in DOCUMENTS {
        file(site, name, text)?;
    }
    let guest = options::guest(GUEST)?;
    fs::copy(&guest, site.join("service.wasm")).map_err(io(format!("copy {}", guest.display())))
}

/// Publishes the bundle and makes an App of it.
pub(super) async fn set_up(star: &Star, site: &Path) -> Result<(), Failure> {
    star.publish_site(site).await?;
    star.run(&["create", "App", &format!("{SPACE}:wasi"), "--from", &format!("{SPACE}:site:1.0.0:/app.yaml")]).await
}

/// The peer.
struct Wasmtime {
    address: SocketAddr,
    _server: Server,
}

impl Wasmtime {
    async fn start(component: &Path, scratch: &Path) -> Result<Wasmtime, Failure> {
        let address = process::free_address()?;
        let mut command = Command::new("wasmtime");
        // A component of Rust's standard library imports arguments and environment.
        command.args(["serve", "--addr", &address.to_string(), "-S", "cli"]).arg(component);
        let mut server = Server::start("wasmtime", command, &scratch.join("wasmtime.log"))?;
        let target = target(address);
        server
            .until("the first answer of wasmtime serve", async || Ok(load::answers(&target).await?.then_some(())))
            .await?;
        Ok(Wasmtime { address, _server: server })
    }

    fn target(&self) -> load::Target {
        target(self.address)
    }
}

fn target(address: SocketAddr) -> load::Target {
    load::Target::new(format!("http://{address}/"), SPACE)
}
