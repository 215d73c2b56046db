//! `cargo xtask ci`: every check, cheap ones first, so that a mistake shows early.

use std::time::{Duration, Instant};

use crate::guests;
use crate::places::Places;
use crate::setup::{self, Voice};
use crate::shell;
use crate::stop::Stop;
use crate::tally::Tally;
use crate::test;

/// One check: its name, the command that runs it alone, and what it does.
struct Step {
    name: &'static str,
    alone: &'static str,
    run: fn(&Places) -> Result<Tally, Stop>,
}

const STEPS: &[Step] = &[
    Step { name: "fmt", alone: "cargo fmt --all --check", run: fmt },
    Step { name: "tidy", alone: "cargo test -p star-tests --no-default-features --test tidy", run: tidy },
    Step { name: "guests", alone: "cargo xtask guests --check", run: shipped_guests },
    Step { name: "clippy", alone: "cargo clippy --workspace --all-targets -- -D warnings", run: clippy },
    Step { name: "test", alone: "cargo xtask test", run: test::everything },
    Step {
        name: "doc",
        alone: "RUSTDOCFLAGS='-D warnings' cargo doc --workspace --no-deps --document-private-items",
        run: doc,
    },
    Step { name: "deny", alone: "cargo deny check bans licenses sources", run: deny },
];

/// `cargo xtask ci`.
pub(crate) fn task(places: &Places, arguments: &[String]) -> Result<(), Stop> {
    if !arguments.is_empty() {
        return Err(Stop::new("ci takes no arguments"));
    }
    let mut tally = Tally::default();
    let mut times = Vec::new();
    for step in STEPS {
        println!("\n==> {}: {}", step.name, step.alone);
        let start = Instant::now();
        let counted = (step.run)(places)
            .map_err(|stop| Stop::new(format!("the step `{}` failed: {stop}", step.name)).remedy(step.alone))?;
        tally.add(counted);
        times.push((step.name, start.elapsed()));
    }
    println!("\n{}", table(&times));
    println!("{tally}");
    Ok(())
}

fn table(times: &[(&str, Duration)]) -> String {
    let mut text = String::new();
    for (name, time) in times {
        text.push_str(&format!("{name:<8}{:>8.1} s\n", time.as_secs_f64()));
    }
    text
}

fn fmt(places: &Places) -> Result<Tally, Stop> {
    shell::run(shell::cargo(places).args(["fmt", "--all", "--check"]))?;
    for guest in guests::all(places)? {
        let manifest = guest.dir.join("Cargo.toml");
        shell::run(shell::cargo(places).args(["fmt", "--check", "--manifest-path"]).arg(manifest))?;
    }
    Ok(Tally::default())
}

/// The rules of the house. Without the features of the process tests they build in seconds; they
/// run again among all tests, where they are counted.
fn tidy(places: &Places) -> Result<Tally, Stop> {
    shell::run(shell::cargo(places).args([
        "test",
        "--locked",
        "--quiet",
        "--package",
        "star-tests",
        "--no-default-features",
        "--test",
        "tidy",
    ]))?;
    Ok(Tally::default())
}

fn shipped_guests(places: &Places) -> Result<Tally, Stop> {
    guests::check(places)?;
    Ok(Tally::default())
}

fn clippy(places: &Places) -> Result<Tally, Stop> {
    shell::run(shell::cargo(places).args([
        "clippy",
        "--locked",
        "--workspace",
        "--all-targets",
        "--",
        "-D",
        "warnings",
    ]))?;
    Ok(Tally::default())
}

fn doc(places: &Places) -> Result<Tally, Stop> {
    shell::run(
        shell::cargo(places)
            .args(["doc", "--workspace", "--no-deps", "--document-private-items"])
            .env("RUSTDOCFLAGS", "-D warnings"),
    )?;
    Ok(Tally::default())
}

/// Advisories need a database that not every machine reaches: the public workflow checks them.
fn deny(places: &Places) -> Result<Tally, Stop> {
    let program = setup::for_checks(places, Voice::Quiet)?;
    shell::run(
        std::process::Command::new(program)
            .current_dir(&places.root)
            .args(["--locked", "check", "bans", "licenses", "sources"]),
    )?;
    Ok(Tally::default())
}
