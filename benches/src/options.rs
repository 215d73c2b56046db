//! The command line, and what the task runner says in the environment.

use std::env;
use std::path::PathBuf;
use std::time::Duration;

use crate::failure::Failure;
use crate::limits;
use crate::scenario::Scenario;

/// How the program is called.
pub(crate) const USAGE: &str = "usage: cargo xtask bench NAME|all [--rounds N] [--seconds S] [--update-docs]
  NAME           ask, tell, rpc, activate, commit, read, watch, overload, start, hello, web-static,
                 small-get, content-read, chunk or tree-write
  --rounds N     how often every contender is measured [5]
  --seconds S    how long one measurement takes [2]
  --update-docs  write the results into docs/reference/benchmarks.md
JSON goes to standard output, a table to standard error.";

/// What is to be done.
#[derive(Debug, Clone)]
pub(crate) struct Options {
    /// The scenarios, in the order in which they run.
    pub(crate) scenarios: Vec<Scenario>,
    /// How each is measured.
    pub(crate) plan: Plan,
    /// Whether the page with the results is written.
    pub(crate) page: Page,
}

/// What happens to the page with the results.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Page {
    /// It gets the results.
    Update,
    /// It stays as it is.
    Keep,
}

/// How a scenario is measured.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Plan {
    /// How often every contender has its turn.
    pub(crate) rounds: u64,
    /// How long one measurement takes; whole seconds, because that is what `wrk` takes.
    pub(crate) time: Duration,
}

impl Options {
    /// Reads the arguments behind the name of the program.
    pub(crate) fn parse(arguments: impl Iterator<Item = String>) -> Result<Options, Failure> {
        let mut scenarios = Vec::new();
        let mut plan = Plan { rounds: limits::ROUNDS, time: Duration::from_secs(limits::SECONDS) };
        let mut page = Page::Keep;
        let mut arguments = arguments;
        while let Some(argument) = arguments.next() {
            match argument.as_str() {
                "--rounds" => plan.rounds = number("--rounds", arguments.next(), limits::ROUNDS_MAX)?,
                "--seconds" => {
                    plan.time = Duration::from_secs(number("--seconds", arguments.next(), limits::SECONDS_MAX)?);
                }
                "--update-docs" => page = Page::Update,
                "all" => scenarios.extend(Scenario::ALL),
                name => scenarios.push(
                    Scenario::named(name).ok_or_else(|| Failure::Usage(format!("there is no scenario `{name}`")))?,
                ),
            }
        }
        if scenarios.is_empty() {
            return Err(Failure::Usage("which scenario?".to_owned()));
        }
        scenarios.dedup();
        Ok(Options { scenarios, plan, page })
    }
}

fn number(flag: &str, value: Option<String>, max: u64) -> Result<u64, Failure> {
    let number = value.and_then(|value| value.parse().ok()).filter(|number| (1..=max).contains(number));
    number.ok_or_else(|| Failure::Usage(format!("{flag} takes a number from 1 to {max}")))
}

/// The program that is measured.
pub(crate) fn star_program() -> Result<PathBuf, Failure> {
    variable("STAR_BENCH_BIN")
}

/// A component that was built from the sources of this checkout.
pub(crate) fn guest(name: &str) -> Result<PathBuf, Failure> {
    Ok(variable("STAR_TEST_GUESTS")?.join(name).with_extension("wasm"))
}

fn variable(variable: &'static str) -> Result<PathBuf, Failure> {
    let value = env::var_os(variable).filter(|value| !value.is_empty());
    value.map(PathBuf::from).ok_or(Failure::MissingVariable { variable })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(line: &str) -> Result<Options, Failure> {
        Options::parse(line.split_whitespace().map(str::to_owned))
    }

    #[test]
    fn a_name_and_flags_make_a_plan() {
        let options = parse("ask --rounds 3 --seconds 7 --update-docs").unwrap();
        assert_eq!(options.scenarios, [Scenario::Ask]);
        assert_eq!(options.plan, Plan { rounds: 3, time: Duration::from_secs(7) });
        assert_eq!(options.page, Page::Update);
        assert_eq!(parse("all").unwrap().scenarios, Scenario::ALL);
    }

    #[test]
    fn what_makes_no_sense_is_refused_with_the_usage() {
        for line in ["", "asks", "ask --rounds", "ask --rounds 0", "ask --seconds x", "ask --seconds 601"] {
            let refused = parse(line).unwrap_err();
            assert!(matches!(refused, Failure::Usage(_)), "{line}");
            assert!(refused.to_string().contains("usage:"), "{refused}");
        }
    }
}
