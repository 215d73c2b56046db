//! Runs scenarios by name: tables to standard error, JSON to standard output, the page when asked.

use std::error::Error;
use std::io::{self, Write};
use std::path::Path;
use std::process::ExitCode;

use serde_json::json;
use tokio::signal::unix::{SignalKind, signal};

use crate::failure::{self, Failure};
use crate::machine::Machine;
use crate::options::{Options, Page};
use crate::report::Report;
use crate::{count as counting, page, peer, table};

/// Every scenario gave a result.
const OK: u8 = 0;
/// A scenario gave none.
const FAILED: u8 = 1;
/// The command line is wrong.
const USAGE: u8 = 2;
/// Somebody ended it.
const INTERRUPTED: u8 = 130;

/// Runs what the command line asks for, or, started by a scenario, a peer of it.
pub async fn measure(arguments: Vec<String>) -> ExitCode {
    let code = match arguments.split_first() {
        Some((first, rest)) if first == peer::COMMAND => peer::serve(rest).await.map(|()| OK),
        _ => match Options::parse(arguments.into_iter()) {
            Ok(options) => run(&options).await,
            Err(failure) => Err(failure),
        },
    };
    ended(code)
}

/// Counts the allocations of a scenario, and prints them as JSON; `counter` tells how many there
/// were until now in this process.
pub async fn count(arguments: Vec<String>, counter: fn() -> u64) -> ExitCode {
    ended(counting::print(&arguments, counter).await.map(|()| OK))
}

fn ended(code: Result<u8, Failure>) -> ExitCode {
    ExitCode::from(code.unwrap_or_else(|failure| {
        say(&explained(&failure));
        match failure {
            Failure::Usage(_) => USAGE,
            Failure::Interrupted => INTERRUPTED,
            _ => FAILED,
        }
    }))
}

/// Runs the scenarios. One that fails does not keep the others from running.
async fn run(options: &Options) -> Result<u8, Failure> {
    let machine = Machine::look().await?;
    say(&format!("machine: {}\n", machine.sentence()));
    if machine.is_busy() {
        say("the machine is busy: absolute figures are too low, and ratios less certain\n");
    }
    let mut reports: Vec<Report> = Vec::new();
    let mut code = OK;
    for scenario in &options.scenarios {
        say(&format!("{} …\n", scenario.name()));
        // What a scenario started ends with its future, so that nothing outlives an interruption.
        let ended = tokio::select! {
            ended = scenario.run(options.plan) => ended,
            interrupted = told_to_end() => return interrupted.and(Err(Failure::Interrupted)),
        };
        match ended {
            Ok(report) => {
                say(&table::text(&report));
                reports.push(report);
            }
            Err(failure) => {
                say(&format!("{}: {}", scenario.name(), explained(&failure)));
                code = FAILED;
            }
        }
    }
    let scenarios: Vec<_> = reports.iter().map(Report::json).collect();
    let json = json!({ "machine": machine.json(), "scenarios": scenarios });
    writeln!(io::stdout(), "{json:#}").map_err(failure::io("write the results"))?;
    if options.page == Page::Update {
        page::update(Path::new(page::PAGE), &machine, &reports)?;
    }
    Ok(code)
}

async fn told_to_end() -> Result<(), Failure> {
    let mut terminated = signal(SignalKind::terminate()).map_err(failure::io("wait for SIGTERM"))?;
    tokio::select! {
        interrupted = tokio::signal::ctrl_c() => interrupted.map_err(failure::io("wait for Ctrl-C")),
        _ = terminated.recv() => Ok(()),
    }
}

/// A failure with its causes, one per line.
fn explained(failure: &Failure) -> String {
    let mut text = format!("error: {failure}\n");
    let mut cause = failure.source();
    while let Some(error) = cause {
        text.push_str(&format!("  because: {error}\n"));
        cause = error.source();
    }
    text
}

/// Tells the person at the terminal. One who does not listen must not end a measurement.
fn say(text: &str) {
    io::stderr().write_all(text.as_bytes()).ok();
}
