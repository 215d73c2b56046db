//! `cargo xtask guests`: builds the WASM components that the project holds.
//!
//! Owns the table of guest crates, where their components go, and the promise that a component
//! which is committed was built from the sources beside it. How one is compiled is decided in
//! [`compiler`], and nowhere else.

mod build;
pub(crate) mod compiler;
mod lock;
mod sources;

use std::fs;
use std::path::{Path, PathBuf};

use crate::places::Places;
use crate::stop::Stop;
use compiler::Compiler;
use lock::Lock;

/// Guest crates outside the folder of test guests, each a workspace of its own.
const LISTED: &[&str] = &["bundles/src/hello-greeter", "examples/wasi-http"];

/// Every folder in here with a `Cargo.toml` is a guest that only tests run.
const TEST_GUESTS: &str = "tests/guests";

/// Components that are committed, so that the quick start needs no compiler for guests.
const SHIPPED: &[Shipped] = &[Shipped {
    guest: "bundles/src/hello-greeter",
    library: "mechtron-guest",
    component: "bundles/hello/greeter.wasm",
    lock: "bundles/hello.lock",
}];

/// A committed component and what it comes from. All paths are relative to the checkout.
#[derive(Debug, Clone, Copy)]
struct Shipped {
    guest: &'static str,
    library: &'static str,
    component: &'static str,
    lock: &'static str,
}

/// A guest crate: the name of its folder names its component in the tests.
#[derive(Debug, Clone)]
pub(crate) struct Guest {
    /// The last part of its folder.
    pub(crate) name: String,
    /// Its folder, absolute.
    pub(crate) dir: PathBuf,
}

/// `cargo xtask guests [--update | --check | NAME ...]`.
pub(crate) fn task(places: &Places, arguments: &[String]) -> Result<(), Stop> {
    match arguments {
        [flag] if flag == "--update" => update(places),
        [flag] if flag == "--check" => check(places),
        names if names.iter().any(|name| name.starts_with('-')) => {
            Err(Stop::new("guests takes --update, --check, or names"))
        }
        names => {
            for component in collect(places, names)? {
                println!("{}", component.display());
            }
            Ok(())
        }
    }
}

/// All guest crates of the checkout, in a stable order.
pub(crate) fn all(places: &Places) -> Result<Vec<Guest>, Stop> {
    let mut dirs: Vec<PathBuf> = LISTED.iter().map(|dir| places.root.join(dir)).collect();
    let tests = places.root.join(TEST_GUESTS);
    let entries = fs::read_dir(&tests).map_err(|error| Stop::io("list", &tests, &error))?;
    let mut found = Vec::new();
    for entry in entries {
        let dir = entry.map_err(|error| Stop::io("list", &tests, &error))?.path();
        if dir.join("Cargo.toml").is_file() {
            found.push(dir);
        }
    }
    found.sort();
    dirs.append(&mut found);
    dirs.into_iter().map(guest_in).collect()
}

fn guest_in(dir: PathBuf) -> Result<Guest, Stop> {
    if !dir.join("Cargo.toml").is_file() {
        return Err(Stop::new(format!("{} holds no guest crate", dir.display())));
    }
    let name = dir
        .file_name()
        .map(|name| name.to_string_lossy().into_owned())
        .ok_or_else(|| Stop::new("a guest crate needs a folder with a name"))?;
    Ok(Guest { name, dir })
}

/// Builds the guests (all, or those named) and collects their components as `NAME.wasm`.
pub(crate) fn collect(places: &Places, names: &[String]) -> Result<Vec<PathBuf>, Stop> {
    let guests = all(places)?;
    if let Some(unknown) = names.iter().find(|name| guests.iter().all(|guest| guest.name != **name)) {
        let known: Vec<&str> = guests.iter().map(|guest| guest.name.as_str()).collect();
        return Err(Stop::new(format!("there is no guest `{unknown}`")).remedy(format!("one of: {}", known.join(", "))));
    }
    let compiler = Compiler::find(places)?;
    let folder = places.guests();
    fs::create_dir_all(&folder).map_err(|error| Stop::io("make", &folder, &error))?;
    let mut collected = Vec::new();
    for guest in guests {
        if !names.is_empty() && !names.contains(&guest.name) {
            continue;
        }
        let component = build::component(places, &compiler, &guest)?;
        let place = folder.join(format!("{}.wasm", guest.name));
        write_whole(&place, &component)?;
        collected.push(place);
    }
    Ok(collected)
}

/// Builds the shipped components anew and writes them with their locks.
fn update(places: &Places) -> Result<(), Stop> {
    let compiler = Compiler::find(places)?;
    for shipped in SHIPPED {
        let guest = guest_in(places.root.join(shipped.guest))?;
        let component = build::component(places, &compiler, &guest)?;
        let lock = Lock::of(&sources_of(places, shipped)?, compiler.version(), &component);
        write_whole(&places.root.join(shipped.component), &component)?;
        write_whole(&places.root.join(shipped.lock), lock.print().as_bytes())?;
        println!("{}: {} bytes, sources {}", shipped.component, component.len(), lock.sources);
    }
    Ok(())
}

/// Fails unless each shipped component is the one of its lock, and the lock that of the sources.
pub(crate) fn check(places: &Places) -> Result<(), Stop> {
    for shipped in SHIPPED {
        let place = places.root.join(shipped.lock);
        let text = fs::read_to_string(&place).map_err(|error| stale(Stop::io("read", &place, &error)))?;
        let lock = Lock::parse(&text)
            .map_err(|why| stale(Stop::new(format!("{} is not a lock file: {why}", shipped.lock))))?;
        if lock.sources != sources_of(places, shipped)? {
            return Err(stale(Stop::new(format!(
                "{} was built from other sources than those in {} and {}",
                shipped.component, shipped.guest, shipped.library
            ))));
        }
        let place = places.root.join(shipped.component);
        let component = fs::read(&place).map_err(|error| stale(Stop::io("read", &place, &error)))?;
        if lock.component != sources::sha256(&component) {
            return Err(stale(Stop::new(format!(
                "{} is not the component that {} describes",
                shipped.component, shipped.lock
            ))));
        }
        build::refuse_paths(places, shipped.component, &component)?;
    }
    Ok(())
}

fn stale(stop: Stop) -> Stop {
    stop.remedy("`cargo xtask guests --update`, and commit the component with its lock")
}

fn sources_of(places: &Places, shipped: &Shipped) -> Result<String, Stop> {
    sources::digest(&places.root, &[shipped.guest, shipped.library])
}

/// Writes beside `place` and renames, so that a reader never sees half a file.
fn write_whole(place: &Path, bytes: &[u8]) -> Result<(), Stop> {
    let beside = place.with_extension("part");
    fs::write(&beside, bytes).map_err(|error| Stop::io("write", &beside, &error))?;
    fs::rename(&beside, place).map_err(|error| Stop::io("write", place, &error))
}
