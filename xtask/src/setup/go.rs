//! Programs that are built with the Go compiler of the machine, if it has one.
//!
//! They go into the folder of tools, like those of the package registry, and never into the
//! user's own.

use std::process::Command;

use super::{Voice, debian};
use crate::places::Places;
use crate::shell;
use crate::stop::Stop;

/// A Go module that installs one program.
#[derive(Debug, Clone, Copy)]
pub(super) struct Module {
    path: &'static str,
    program: &'static str,
    why: &'static str,
    /// What Debian has instead.
    packages: &'static [debian::Package],
}

pub(super) const NATS_SERVER: Module = Module {
    path: "github.com/nats-io/nats-server/v2@latest",
    program: "nats-server",
    why: "the peer for messages between processes",
    packages: debian::NATS_SERVER,
};

/// Installs `module` unless its program is there: with Go, else from Debian.
pub(super) fn install(places: &Places, module: &Module, voice: Voice) -> Result<(), Stop> {
    let bin = places.tools().join("bin");
    let program = bin.join(module.program);
    if let Some(version) = shell::version(&program) {
        voice.present(&format!("{version} ({})", module.why));
        return Ok(());
    }
    if debian::on_path("go") {
        println!("building {} ({}) with Go", module.path, module.why);
        return shell::run(Command::new("go").args(["install", module.path]).env("GOBIN", &bin));
    }
    match debian::may_install() {
        true => debian::install(module.packages, voice),
        false => {
            debian::say_what_is_missing(module.packages);
            Ok(())
        }
    }
}
