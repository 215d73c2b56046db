//! Log lines of a Star: on standard error, as much as was asked for.

use std::io::IsTerminal;

use tracing_subscriber::EnvFilter;

use super::LogFormat;

/// Starts logging. `STAR_LOG` (e.g. `info,star_http=debug`) goes before the `-v` flags.
pub(super) fn start(format: LogFormat, verbose: u8) {
    let default = match verbose {
        0 => "warn,star=info",
        1 => "info",
        2 => {
            "info,star=debug,star_core=debug,star_http=debug,star_kinds=debug,star_mechtron=debug,star_store=debug,star_artifact=debug"
        }
        _ => "debug",
    };
    let filter = EnvFilter::try_from_env("STAR_LOG").unwrap_or_else(|_| EnvFilter::new(default));
    let lines = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .with_ansi(std::io::stderr().is_terminal());
    let started = match format {
        LogFormat::Text => lines.with_target(false).try_init(),
        LogFormat::Json => lines.json().flatten_event(true).try_init(),
    };
    if started.is_err() {
        tracing::debug!("somebody else writes the log lines of this process");
    }
}
