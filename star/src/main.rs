//! The program `star`: the command line, and the Star that `star serve` runs.
//!
//! Owns nothing but the beginning. Start at [`cli`] for the commands and at [`serve`] for the Star.

mod backup;
mod cli;
mod config;
mod output;
mod progress;
mod serve;

use std::process::ExitCode;

fn main() -> ExitCode {
    cli::main()
}
