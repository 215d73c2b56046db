//! The project's own tasks, run as `cargo xtask TASK`.
//!
//! Owns how the project is set up, tested, measured and checked, so that people, `.ci/run` and
//! the README say the same commands. Leaves what is tested to the crates, and what is measured
//! to `benches/`. Start at [`run`]; each task is one module.

#![expect(clippy::print_stdout, clippy::print_stderr, reason = "a task talks to the person who runs it")]

mod bench;
mod ci;
mod fuzz;
mod guests;
mod places;
mod setup;
mod shell;
mod stop;
mod tally;
mod test;
mod torture;

use std::process::ExitCode;

use places::Places;
use stop::Stop;

const USAGE: &str = "\
The project's own tasks.

usage: cargo xtask TASK [ARGUMENTS]

  setup [--bench]         install what tests and checks need (--bench: and the benchmark peers)
  test [CARGO-TEST-ARGS]  set up, build the guests, run all tests (or those that the arguments name)
  guests [NAME ...]       build the WASM guests and print where the components are
  guests --update         build the shipped components anew, and their lock files
  guests --check          fail unless the shipped components belong to the sources beside them
  bench NAME|all [ARGS]   measure against the peers, in a release build
  torture --cycles N      kill the store N times with each engine, and look what it lost
  torture --states N      open it after N simulated power cuts
  torture --steps N       write, remove and collect contents, and look whether what is needed is there
  torture --histories N   kill Stars under the hands of clients, and look whether what they saw makes sense
  fuzz [TARGET ...]       give the readers of the program any bytes (--minutes N each, --keep what is new)
  ci                      every check, cheap ones first
  help                    this text
";

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match run(&arguments) {
        Ok(()) => ExitCode::SUCCESS,
        Err(stop) => {
            eprintln!("error: {stop}");
            ExitCode::FAILURE
        }
    }
}

/// Runs the task that the first argument names.
fn run(arguments: &[String]) -> Result<(), Stop> {
    let Some((task, rest)) = arguments.split_first() else {
        print!("{USAGE}");
        return Ok(());
    };
    let places = Places::find()?;
    match task.as_str() {
        "setup" => setup::task(&places, rest),
        "test" => test::task(&places, rest),
        "guests" => guests::task(&places, rest),
        "bench" => bench::task(&places, rest),
        "torture" => torture::task(&places, rest),
        "fuzz" => fuzz::task(&places, rest),
        "ci" => ci::task(&places, rest),
        "help" | "--help" | "-h" => {
            print!("{USAGE}");
            Ok(())
        }
        unknown => Err(Stop::new(format!("there is no task `{unknown}`")).remedy("`cargo xtask help` lists the tasks")),
    }
}
