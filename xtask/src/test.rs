//! `cargo xtask test`: sets up what tests need, builds what they start, and runs them.
//!
//! Tests are handed what they cannot build themselves by two variables: `STAR_TEST_GUESTS`, a
//! folder of components, and `STAR_TEST_BIN`, the program `star`.

use std::io::{BufRead as _, BufReader, IsTerminal as _, Write as _};
use std::path::PathBuf;
use std::process::{Command, Stdio};

use crate::guests;
use crate::places::Places;
use crate::setup::{self, Voice};
use crate::shell;
use crate::stop::Stop;
use crate::tally::Tally;

/// Guest crates that show how a mechtron is tested without WASM; their tests run too.
const TESTED_GUESTS: &[&str] = &["bundles/src/hello-greeter"];

/// Building all targets at once gives the program and the tests one set of dependencies; the
/// program alone would have another choice of features, and much be compiled twice.
const WHOLE: &[&str] = &["--workspace", "--all-targets"];

/// `cargo xtask test [CARGO-TEST-ARGS]`.
pub(crate) fn task(places: &Places, arguments: &[String]) -> Result<(), Stop> {
    let tally = if arguments.is_empty() {
        everything(places)?
    } else if arguments.iter().any(|argument| selects(argument)) {
        prepare(places, &["--package", "star"])?;
        count(test_command(places).args(arguments))?
    } else {
        prepare(places, WHOLE)?;
        count(test_command(places).arg("--workspace").args(arguments))?
    };
    println!("\n{tally}");
    Ok(())
}

/// Whether an argument of `cargo test` says which packages are meant.
fn selects(argument: &str) -> bool {
    ["-p", "--package", "--workspace", "--manifest-path"].iter().any(|flag| argument.starts_with(flag))
}

/// All tests of the workspace and of the example guests, with their documentation tests.
pub(crate) fn everything(places: &Places) -> Result<Tally, Stop> {
    // Building all targets at once gives the program and the tests one set of dependencies;
    // the program alone would have another choice of features, and be compiled twice.
    prepare(places, &["--workspace", "--all-targets"])?;
    let mut command = test_command(places);
    command.args(["--workspace", "--no-fail-fast"]);
    let mut tally = count(&mut command)?;
    for guest in TESTED_GUESTS {
        let mut command = test_command(places);
        command.arg("--manifest-path").arg(places.root.join(guest).join("Cargo.toml"));
        tally.add(count(&mut command)?);
    }
    Ok(tally)
}

/// Installs what is missing, builds the guests, and what `selection` names of the workspace.
fn prepare(places: &Places, selection: &[&str]) -> Result<(), Stop> {
    setup::for_tests(places, Voice::Quiet)?;
    println!("building the guests");
    guests::collect(places, &[])?;
    shell::run(shell::cargo(places).arg("build").args(selection))
}

fn test_command(places: &Places) -> Command {
    let mut command = shell::cargo(places);
    command.arg("test").env("STAR_TEST_GUESTS", places.guests()).env("STAR_TEST_BIN", program(places));
    command
}

/// The program `star` of a debug build.
fn program(places: &Places) -> PathBuf {
    let name = format!("star{}", std::env::consts::EXE_SUFFIX);
    places.target.join("debug").join(name)
}

/// Runs a `cargo test`, passing its output through, and counts the results.
fn count(command: &mut Command) -> Result<Tally, Stop> {
    if std::io::stdout().is_terminal() {
        command.env("CARGO_TERM_COLOR", "always");
    }
    let mut child = command
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .spawn()
        .map_err(|error| shell::cannot_start(command, &error))?;
    let pipe = child.stdout.take().expect("standard output is piped above");
    let unreadable = |error| Stop::new(format!("could not pass on the output of the tests: {error}"));
    let mut tally = Tally::default();
    let mut lines = BufReader::new(pipe);
    let mut line = Vec::new();
    // Bytes and not lines of text: a failing test may print anything.
    while lines.read_until(b'\n', &mut line).map_err(unreadable)? > 0 {
        std::io::stdout().write_all(&line).map_err(unreadable)?;
        tally.read(&String::from_utf8_lossy(&line));
        line.clear();
    }
    let status = child.wait().map_err(unreadable)?;
    if status.success() {
        Ok(tally)
    } else {
        Err(Stop::new(format!("`{}` ended with {status}\n{tally}", shell::shown(command))))
    }
}
