//! `cargo xtask bench NAME|all`: builds us for release and hands over to the scenarios.
//!
//! What is measured, against whom and how it is printed belongs to `benches/`.

use std::env;
use std::ffi::OsString;
use std::path::PathBuf;
use std::process::Command;

use crate::guests;
use crate::places::Places;
use crate::setup::{self, Voice};
use crate::shell;
use crate::stop::Stop;

/// The package of the scenarios, which is also the name of its program.
const PACKAGE: &str = "star-benches";

/// `cargo xtask bench NAME|all [ARGUMENTS]`.
pub(crate) fn task(places: &Places, arguments: &[String]) -> Result<(), Stop> {
    if arguments.is_empty() {
        return Err(Stop::new("bench needs the name of a scenario, or `all`").remedy("cargo xtask bench all"));
    }
    setup::for_tests(places, Voice::Quiet)?;
    guests::collect(places, &[])?;
    // Together, so that both see one choice of features and the dependencies are built once.
    shell::run(shell::cargo(places).args(["build", "--release", "--package", "star", "--package", PACKAGE]))?;
    shell::run(
        Command::new(program(places, PACKAGE))
            .current_dir(&places.root)
            .args(arguments)
            .env("STAR_BENCH_BIN", program(places, "star"))
            .env("STAR_TEST_GUESTS", places.guests())
            .env("PATH", path_with_tools(places)?),
    )
}

/// A program of the release build.
fn program(places: &Places, name: &str) -> PathBuf {
    let name = format!("{name}{}", env::consts::EXE_SUFFIX);
    places.target.join("release").join(name)
}

/// The search path with the peers that `cargo xtask setup --bench` built in front.
fn path_with_tools(places: &Places) -> Result<OsString, Stop> {
    let before = env::var_os("PATH").unwrap_or_default();
    let folders = std::iter::once(places.tools().join("bin")).chain(env::split_paths(&before));
    env::join_paths(folders).map_err(|error| Stop::new(format!("the search path cannot be extended: {error}")))
}
