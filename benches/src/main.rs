//! The program that measures; started by `cargo xtask bench`.

use std::process::ExitCode;

#[tokio::main]
async fn main() -> ExitCode {
    star_benches::measure(std::env::args().skip(1).collect()).await
}
