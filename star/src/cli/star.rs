//! `star star`: the Star itself, in all its parts.

use std::time::Duration;

use star_client::v1::{CacheStatus, QueueStatus, StatusResponse, TimeStatus};

use super::error::CliError;
use super::session::Session;
use super::status;
use crate::output::measure;
use crate::output::table::{Align, Table, facts};

/// Look at the Star itself
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  star star info
  star star info -o json")]
pub(crate) struct Star {
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, clap::Subcommand)]
enum Action {
    /// Show all of it: what waits where, what caches are worth, how long things take
    ///
    /// `star status` is the short of it; `/metrics` has the same numbers for machines.
    Info,
}

impl Star {
    pub(crate) async fn run(self, session: &Session) -> Result<(), CliError> {
        let Action::Info = self.action;
        let status = session.client()?.status().await?;
        match session.output.is_human() {
            true => session.output.line(&whole(&status)),
            false => session.output.value(&status),
        }
    }
}

fn whole(status: &StatusResponse) -> String {
    let parts = [facts(&status::rows(status)), queues(&status.queues), caches(&status.caches), times(&status.times)];
    parts.join("\n\n")
}

fn queues(queues: &[QueueStatus]) -> String {
    let right = |heading| (heading, Align::Right);
    let mut table =
        Table::new(&[("QUEUE", Align::Left), right("NOW"), right("LIMIT"), right("REFUSED"), ("", Align::Left)]);
    let or_dash = |number: Option<u64>| number.map_or_else(|| "-".to_owned(), |number| number.to_string());
    for QueueStatus { name, about, taken, limit, refused, .. } in queues {
        table.row(vec![name.clone(), taken.to_string(), or_dash(*limit), or_dash(*refused), about.clone()]);
    }
    table.render()
}

fn caches(caches: &[CacheStatus]) -> String {
    let right = |heading| (heading, Align::Right);
    let mut table =
        Table::new(&[("CACHE", Align::Left), right("HOLDS"), right("MEMORY"), right("FOUND"), ("", Align::Left)]);
    for CacheStatus { name, about, entries, bytes, hits, misses, .. } in caches {
        let memory = bytes.map_or_else(|| "-".to_owned(), measure::bytes);
        table.row(vec![name.clone(), entries.to_string(), memory, share(*hits, *misses), about.clone()]);
    }
    table.render()
}

fn times(times: &[TimeStatus]) -> String {
    let right = |heading| (heading, Align::Right);
    let mut table = Table::new(&[
        ("TIME", Align::Left),
        right("TIMES"),
        right("HALF WITHIN"),
        right("99 % WITHIN"),
        ("", Align::Left),
    ]);
    for TimeStatus { name, about, count, median_ns, p99_ns, .. } in times {
        let within = |nanoseconds: u64| match count {
            0 => "-".to_owned(),
            _ => measure::short(Duration::from_nanos(nanoseconds)),
        };
        table.row(vec![name.clone(), count.to_string(), within(*median_ns), within(*p99_ns), about.clone()]);
    }
    table.render()
}

/// How much of what was looked for was found.
fn share(hits: u64, misses: u64) -> String {
    match hits.saturating_add(misses) {
        0 => "-".to_owned(),
        all => format!("{:.1} % of {all}", hits as f64 * 100.0 / all as f64),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_part_is_told_in_words() {
        let queue = QueueStatus {
            name: "tells".into(),
            about: "messages".into(),
            taken: 3,
            limit: Some(8),
            ..Default::default()
        };
        assert_eq!(queues(&[queue]), "QUEUE  NOW  LIMIT  REFUSED\ntells    3      8        -  messages");
        let cache = CacheStatus {
            name: "sites".into(),
            about: "routes".into(),
            entries: 2,
            hits: 3,
            misses: 1,
            ..Default::default()
        };
        assert_eq!(caches(&[cache]), "CACHE  HOLDS  MEMORY        FOUND\nsites      2       -  75.0 % of 4  routes");
        let time = TimeStatus {
            name: "commit".into(),
            count: 7,
            median_ns: 216_000,
            p99_ns: 1_400_000_000,
            ..Default::default()
        };
        let table = times(&[time]);
        let row: Vec<&str> = table.lines().last().unwrap_or_default().split_whitespace().collect();
        assert_eq!(row, ["commit", "7", "216", "us", "1.4", "s"], "{table}");
    }

    #[test]
    fn what_was_never_looked_for_or_done_has_no_share_and_no_time() {
        assert_eq!(share(0, 0), "-");
        assert!(times(&[TimeStatus::default()]).ends_with("0            -            -"));
    }
}
