//! Packages of Debian and its kin: the one list of them, and how they are installed.

use std::env;
use std::path::Path;
use std::process::{Command, Stdio};

use super::Voice;
use crate::shell;
use crate::stop::Stop;

/// A package and the reason why it is wanted.
#[derive(Debug, Clone, Copy)]
pub(super) struct Package {
    name: &'static str,
    why: &'static str,
}

/// A second Rust compiler that comes with the source of its standard library, so that guests
/// can be built where rustup cannot download the target.
pub(super) const FOR_GUESTS: &[Package] = &[
    Package { name: "rustc-web", why: "compiles guests for wasm32-wasip2" },
    Package { name: "cargo-web", why: "builds the standard library for that target" },
    Package { name: "rust-web-src", why: "the source of the standard library, with its dependencies" },
    Package { name: "wasi-libc", why: "the C library that the standard library of that target links" },
];

/// What benchmarks start beside us, or drive both of us with.
pub(super) const FOR_BENCHES: &[Package] = &[
    Package { name: "nginx-light", why: "the peer for static files and content" },
    Package { name: "wrk", why: "makes the load of HTTP requests" },
    Package { name: "postgresql", why: "the peer for durable changes" },
];

/// The same program as [`super::go::NATS_SERVER`], older, for machines without a Go compiler.
pub(super) const NATS_SERVER: &[Package] =
    &[Package { name: "nats-server", why: "the peer for messages between processes" }];

/// Whether this is a Debian-like machine on which we are root.
pub(super) fn may_install() -> bool {
    Path::new("/etc/debian_version").exists() && on_path("apt-get") && is_root()
}

/// Installs those of `packages` that are missing.
pub(super) fn install(packages: &[Package], voice: Voice) -> Result<(), Stop> {
    let missing = missing_of(packages, voice);
    if missing.is_empty() {
        return Ok(());
    }
    println!("installing Debian packages:");
    for package in &missing {
        println!("  {:<14} {}", package.name, package.why);
    }
    let by_hand = |stop: Stop| stop.remedy(command(&missing));
    shell::run(apt_get().args(["update", "-q"])).map_err(by_hand)?;
    shell::run(
        apt_get()
            .args(["install", "-q", "-y", "--no-install-recommends"])
            .args(missing.iter().map(|package| package.name)),
    )
    .map_err(by_hand)
}

/// What a person types to install `packages`.
pub(super) fn command(packages: &[Package]) -> String {
    let names: Vec<&str> = packages.iter().map(|package| package.name).collect();
    format!("apt-get install --no-install-recommends {}", names.join(" "))
}

/// Names what is missing to somebody for whom we may not install it.
pub(super) fn say_what_is_missing(packages: &[Package]) {
    for package in missing_of(packages, Voice::Quiet) {
        println!("missing: {} ({}); install it with your system's package manager", package.name, package.why);
    }
}

fn missing_of(packages: &[Package], voice: Voice) -> Vec<Package> {
    let (there, missing): (Vec<Package>, Vec<Package>) =
        packages.iter().partition(|package| is_installed(package.name));
    for package in there {
        voice.present(&format!("{} ({})", package.name, package.why));
    }
    missing
}

fn is_installed(name: &str) -> bool {
    Command::new("dpkg-query")
        .args(["--show", "--showformat=${db:Status-Status}", name])
        .stdin(Stdio::null())
        .output()
        .is_ok_and(|output| output.status.success() && output.stdout == b"installed")
}

fn apt_get() -> Command {
    let mut command = Command::new("apt-get");
    command.env("DEBIAN_FRONTEND", "noninteractive");
    command
}

fn is_root() -> bool {
    shell::output(Command::new("id").arg("-u")).is_ok_and(|id| id == "0")
}

pub(super) fn on_path(program: &str) -> bool {
    env::var_os("PATH").is_some_and(|path| env::split_paths(&path).any(|folder| folder.join(program).is_file()))
}
