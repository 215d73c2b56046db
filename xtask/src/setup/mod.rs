//! `cargo xtask setup`: installs what tests, checks and benchmarks need beyond Rust.
//!
//! Says what it will do before it does it, skips what is there, and where it may not install
//! it says what a person can type. What a *guest* needs to be built is decided in
//! [`crate::guests::compiler`]; this module only makes one of its ways possible.

mod debian;
mod go;
mod tools;

use std::path::PathBuf;

use crate::guests::compiler::{self, Compiler};
use crate::places::Places;
use crate::stop::Stop;

/// How much is said about what is already there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Voice {
    /// Every item is named, also those that need nothing.
    Normal,
    /// Only what is done is named.
    Quiet,
}

impl Voice {
    fn present(self, what: &str) {
        if self == Self::Normal {
            println!("present: {what}");
        }
    }
}

/// `cargo xtask setup [--bench]`.
pub(crate) fn task(places: &Places, arguments: &[String]) -> Result<(), Stop> {
    let bench = match arguments {
        [] => false,
        [flag] if flag == "--bench" => true,
        _ => return Err(Stop::new("setup takes nothing but --bench")),
    };
    for_tests(places, Voice::Normal)?;
    for_checks(places, Voice::Normal)?;
    if bench {
        for_benches(places, Voice::Normal)?;
    }
    println!("setup: all there");
    Ok(())
}

/// A compiler for guests: the tests run components that are built from the sources.
pub(crate) fn for_tests(places: &Places, voice: Voice) -> Result<(), Stop> {
    let missing = match Compiler::find(places) {
        Ok(compiler) => {
            voice.present(&format!("a compiler for guests ({})", compiler.version()));
            return Ok(());
        }
        Err(missing) => missing,
    };
    if !debian::may_install() {
        return Err(missing);
    }
    debian::install(debian::FOR_GUESTS, voice).map_err(|stop| stop.remedy(compiler::command_for_target()))?;
    Compiler::find(places).map(|_| ())
}

/// What a person types on Debian to be able to build guests.
pub(crate) fn command_for_guests() -> String {
    debian::command(debian::FOR_GUESTS)
}

/// The checker of dependencies, at its pinned version. Gives where the program is.
pub(crate) fn for_checks(places: &Places, voice: Voice) -> Result<PathBuf, Stop> {
    tools::install(places, &tools::CARGO_DENY, voice)
}

/// The peers that benchmarks compare with.
fn for_benches(places: &Places, voice: Voice) -> Result<(), Stop> {
    if debian::may_install() {
        debian::install(debian::FOR_BENCHES, voice)?;
    } else {
        debian::say_what_is_missing(debian::FOR_BENCHES);
    }
    go::install(places, &go::NATS_SERVER, voice)?;
    tools::install(places, &tools::WASMTIME, voice).map(|_| ())
}
