//! The one place that decides how guests are compiled.
//!
//! Two ways are open. The ordinary one: rustup installed the target, and the workspace's own
//! cargo builds it. The other: Debian's second compiler comes with the source of the standard
//! library and builds that too; the linker is the one that rustup's toolchain brings along.

use std::env;
use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::places::Places;
use crate::setup;
use crate::shell;
use crate::stop::Stop;

/// The target of every guest: a component, with WASI 0.2.
const TARGET: &str = "wasm32-wasip2";

const DEBIAN_RUSTC: &str = "/usr/bin/rustc";
const DEBIAN_CARGO: &str = "/usr/bin/cargo";
/// Where Debian's `rust-web-src` puts the standard library, seen from the sysroot.
const STD_SOURCE: &str = "lib/rustlib/src/rust/library/Cargo.lock";
/// Where Debian's `wasi-libc` puts `libc.a`.
const WASI_LIBC: &str = "/usr/lib/wasm32-wasi";

/// A way to compile guests that is open on this machine.
#[derive(Debug)]
pub(crate) struct Compiler {
    way: Way,
    version: String,
}

#[derive(Debug)]
enum Way {
    Target,
    Debian {
        /// The folder of rustup's toolchain that holds `wasm-component-ld` and its linker.
        linkers: PathBuf,
    },
}

impl Compiler {
    /// Finds the first open way, or says how to open one.
    pub(crate) fn find(places: &Places) -> Result<Self, Stop> {
        if target_is_installed(places) {
            return Ok(Self { way: Way::Target, version: shell::output(rustc(places).arg("--version"))? });
        }
        let Some(linkers) = debian_is_complete(places)? else {
            return Err(Stop::new(format!("guests need a Rust compiler for {TARGET}"))
                .remedy(command_for_target())
                .remedy(format!("on Debian: {}", setup::command_for_guests())));
        };
        let version =
            shell::version(Path::new(DEBIAN_RUSTC)).ok_or_else(|| Stop::new(format!("{DEBIAN_RUSTC} does not run")))?;
        Ok(Self { way: Way::Debian { linkers }, version })
    }

    /// The first line of `rustc --version`.
    pub(crate) fn version(&self) -> &str {
        &self.version
    }

    /// A `cargo build` for the guest in `dir`, with nothing inherited that would change its bytes.
    pub(super) fn build(&self, places: &Places, dir: &Path) -> Command {
        let mut flags = vec![OsString::from("-Cstrip=symbols")];
        flags.extend(remaps(places));
        let mut command = match &self.way {
            Way::Target => {
                let mut command = shell::cargo(places);
                command.arg("build");
                command
            }
            Way::Debian { linkers } => {
                flags.push(joined("-Clinker=", &linkers.join("wasm-component-ld")));
                flags.push(joined("-Clink-arg=--wasm-ld-path=", &linkers.join("gcc-ld").join("wasm-ld")));
                flags.push(OsString::from("-Clink-self-contained=no"));
                flags.push(joined("-L", Path::new(WASI_LIBC)));
                debian_cargo()
            }
        };
        for name in ["RUSTFLAGS", "CARGO_BUILD_TARGET", "CARGO_INCREMENTAL"] {
            command.env_remove(name);
        }
        command
            .current_dir(dir)
            .args(["--release", "--target", TARGET])
            .env("CARGO_TARGET_DIR", places.guests_target())
            // The separator is the one byte that no path holds, so that blanks in a path survive.
            .env("CARGO_ENCODED_RUSTFLAGS", flags.join("\u{1f}".as_ref()));
        command
    }
}

/// What a person with rustup types to be able to build guests.
pub(crate) fn command_for_target() -> String {
    format!("rustup target add {TARGET}")
}

fn debian_cargo() -> Command {
    let mut command = Command::new(DEBIAN_CARGO);
    shell::forget_own_package(&mut command);
    // `cargo run` and rustup point these at the workspace's toolchain.
    for name in ["CARGO", "LD_LIBRARY_PATH", "RUSTUP_TOOLCHAIN", "RUSTDOC"] {
        command.env_remove(name);
    }
    command
        .args(["build", "-Zbuild-std=std,panic_abort"])
        .env("RUSTC", DEBIAN_RUSTC)
        // Building the standard library is not a stable option; guests themselves get none.
        .env("RUSTC_BOOTSTRAP", "1");
    command
}

/// Paths of this machine never end up in a component. The last prefix that fits wins, so the
/// narrower ones come later.
///
/// The same checkout gives the same bytes again. Two checkouts do not: cargo names symbols after
/// the folder of a path dependency that lies outside of its workspace. Hence the lock file holds
/// a digest of the sources, and no check compares a fresh build with the shipped one.
fn remaps(places: &Places) -> Vec<OsString> {
    let mut remaps = vec![remap(&places.root, "/starlane")];
    if let Some(home) = Places::cargo_home() {
        remaps.push(remap(&home, "/cargo"));
        // Below here a folder is named after the registry that this machine happens to use.
        for registry in folders_in(&home.join("registry").join("src")) {
            remaps.push(remap(&registry, "/cargo/registry"));
        }
    }
    remaps.push(remap(&places.guests_target(), "/target"));
    remaps
}

/// What lies in a folder, sorted; nothing where the folder is not there.
fn folders_in(folder: &Path) -> Vec<PathBuf> {
    let mut found: Vec<PathBuf> =
        fs::read_dir(folder).into_iter().flatten().filter_map(|entry| Some(entry.ok()?.path())).collect();
    found.sort();
    found
}

fn remap(from: &Path, to: &str) -> OsString {
    let mut flag = joined("--remap-path-prefix=", from);
    flag.push("=");
    flag.push(to);
    flag
}

fn joined(flag: &str, path: &Path) -> OsString {
    let mut flag = OsString::from(flag);
    flag.push(path);
    flag
}

fn rustc(places: &Places) -> Command {
    let mut command = Command::new(env::var_os("RUSTC").unwrap_or_else(|| OsString::from("rustc")));
    command.current_dir(&places.root);
    command
}

/// Whether the workspace's compiler has a standard library for the target.
fn target_is_installed(places: &Places) -> bool {
    shell::output(rustc(places).args(["--print", "target-libdir", "--target", TARGET]))
        .is_ok_and(|folder| Path::new(&folder).is_dir())
}

/// The linkers, if Debian's compiler, its library source and the C library are there too.
fn debian_is_complete(places: &Places) -> Result<Option<PathBuf>, Stop> {
    if !Path::new(DEBIAN_CARGO).exists() || !Path::new(WASI_LIBC).is_dir() {
        return Ok(None);
    }
    let Ok(sysroot) = shell::output(Command::new(DEBIAN_RUSTC).args(["--print", "sysroot"])) else {
        return Ok(None);
    };
    if !Path::new(&sysroot).join(STD_SOURCE).exists() {
        return Ok(None);
    }
    let sysroot = shell::output(rustc(places).args(["--print", "sysroot"]))?;
    let host = host(places)?;
    let linkers = Path::new(&sysroot).join("lib/rustlib").join(host).join("bin");
    Ok(linkers.join("wasm-component-ld").is_file().then_some(linkers))
}

fn host(places: &Places) -> Result<String, Stop> {
    let text = shell::output(rustc(places).arg("-vV"))?;
    text.lines()
        .find_map(|line| line.strip_prefix("host: "))
        .map(str::to_owned)
        .ok_or_else(|| Stop::new("`rustc -vV` names no host"))
}
