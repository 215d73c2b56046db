//! `star status`: how the Star is doing.

use std::time::Duration;

use star_client::v1::{QueueStatus, StatusResponse, TimeStatus};

use super::error::CliError;
use super::session::Session;
use crate::output::measure;
use crate::output::table::facts;

/// Show how the Star is doing
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  star status
  star status -o json
  star star info        # all of it: queues, caches, times")]
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

/// What there is to say of a Star, fact by fact.
pub(super) fn rows(status: &StatusResponse) -> Vec<(String, String)> {
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
    if status.memory_bytes > 0 {
        fact("memory", measure::bytes(status.memory_bytes));
    }
    for TimeStatus { name, median_ns, p99_ns, .. } in status.times.iter().filter(|time| time.count > 0) {
        let within = |nanoseconds: &u64| measure::short(Duration::from_nanos(*nanoseconds));
        fact(&name.replace('_', " "), format!("half within {}, 99 % within {}", within(median_ns), within(p99_ns)));
    }
    fact("queues", busiest(&status.queues));
    rows
}

/// The queues that are worth a look: those more than half full, and those that refused somebody.
fn busiest(queues: &[QueueStatus]) -> String {
    let words: Vec<String> = queues.iter().filter_map(worth_a_look).collect();
    match words.is_empty() {
        true => "nothing waits long, nothing was refused".to_owned(),
        false => words.join("; "),
    }
}

fn worth_a_look(queue: &QueueStatus) -> Option<String> {
    let QueueStatus { name, taken, limit, refused, .. } = queue;
    let name = name.replace('_', " ");
    let full = limit.filter(|limit| taken.saturating_mul(2) > *limit);
    match (full, refused.filter(|refused| *refused > 0)) {
        (None, None) => None,
        (Some(limit), None) => Some(format!("{name} {taken} of {limit}")),
        (None, Some(refused)) => Some(format!("{name} {refused} refused")),
        (Some(limit), Some(refused)) => Some(format!("{name} {taken} of {limit}, {refused} refused")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_status_without_parts_still_says_which_star_it_is() {
        let status = StatusResponse { name: "local".into(), version: "0.1.0".into(), pid: 7, ..Default::default() };
        assert_eq!(rows(&status)[0].1, "local, version 0.1.0, process 7");
    }
    #[test]
    fn only_queues_that_are_nearly_full_or_refused_somebody_are_named() {
        let queue = |name: &str, taken, limit, refused| QueueStatus {
            name: name.into(),
            taken,
            limit,
            refused,
            ..Default::default()
        };
        let calm = [queue("tells", 4, Some(8), Some(0)), queue("mailboxes", 900, None, None)];
        assert_eq!(busiest(&calm), "nothing waits long, nothing was refused");
        let busy = [queue("tells", 5, Some(8), Some(2)), queue("fullest_mailbox", 0, Some(9), Some(1))];
        assert_eq!(busiest(&busy), "tells 5 of 8, 2 refused; fullest mailbox 1 refused");
    }
}
