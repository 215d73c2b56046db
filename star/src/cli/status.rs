//! `star status`: how the Star is doing.

use std::time::Duration;

use star_client::v1::StatusResponse;

use super::error::CliError;
use super::session::Session;
use crate::output::measure;
use crate::output::table::facts;

/// Show how the Star is doing
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  star status
  star status -o json")]
pub(crate) struct Status {}

impl Status {
    pub(crate) async fn run(self, session: &Session) -> Result<(), CliError> {
        let status = session.client()?.status().await?;
        match session.output.is_human() {
            true => session.output.line(&facts(&rows(&status))),
            false => session.output.value(&status),
        }
    }
}

fn rows(status: &StatusResponse) -> Vec<(String, String)> {
    let mut rows = Vec::new();
    let mut fact = |name: &str, value: String| rows.push((name.to_owned(), value));
    fact("star", format!("{}, version {}, process {}", status.name, status.version, status.pid));
    if let Some(uptime) = status.uptime.as_option() {
        let time = Duration::from_secs(u64::try_from(uptime.seconds).unwrap_or(0));
        let since = status.started.as_option().map(|started| format!(", since {}", measure::moment(started.seconds)));
        fact("up", format!("{}{}", measure::span(time), since.unwrap_or_default()));
    }
    if let Some(versions) = status.api_versions.as_option() {
        fact("speaks", format!("versions {} to {} of the API", versions.oldest, versions.newest));
    }
    for (surface, url) in &status.addresses {
        fact(surface, url.clone());
    }
    fact("data", status.data_dir.clone());
    fact("spaces", status.spaces.to_string());
    if let Some(store) = status.store.as_option() {
        let journal = measure::bytes(store.journal_bytes);
        let segments = measure::count(store.segments, "segment", "segments");
        fact("journal", format!("{journal} in {segments}, at {}, index {}", store.position, store.index));
    }
    if let Some(content) = status.content.as_option() {
        let contents = measure::count(content.count, "content", "contents");
        fact("content", format!("{contents}, {}", measure::bytes(content.bytes)));
    }
    if let Some(actors) = status.actors.as_option() {
        let words =
            format!("{} active, {} activated, {} passivated", actors.active, actors.activations, actors.passivations);
        let panics = measure::count(actors.panics, "panic", "panics");
        fact("actors", format!("{words}, {panics}, about {}", measure::bytes(actors.memory_bytes)));
        let dead_letters = measure::count(actors.dead_letters, "dead letter", "dead letters");
        fact("messages", format!("{} under way, {dead_letters}", actors.in_flight));
    }
    if let Some(mechtrons) = status.mechtrons.as_option() {
        let words = format!(
            "{} loaded, {} compiled, {} from the cache",
            mechtrons.loaded, mechtrons.compiled, mechtrons.cached
        );
        let calls = measure::count(mechtrons.calls, "call", "calls");
        fact("mechtrons", format!("{words}, {calls}, {} killed", mechtrons.killed));
    }
    rows
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_status_without_parts_still_says_which_star_it_is() {
        let status = StatusResponse { name: "local".into(), version: "0.1.0".into(), pid: 7, ..Default::default() };
        assert_eq!(rows(&status)[0].1, "local, version 0.1.0, process 7");
    }
}
