//! A process that writes into a store until it is killed, for `star_store::torture`.
//!
//! `cargo run -p star-store --example crash_child -- redb DIRECTORY`

use std::process::ExitCode;

fn main() -> ExitCode {
    star_store::torture::child(std::env::args_os().skip(1))
}
