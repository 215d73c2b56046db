//! `star events`: reads the event log.

use std::time::Duration;

use futures::StreamExt;
use star_client::{AtEnd, EventsQuery};

use super::error::CliError;
use super::session::Session;
use super::{globals, paths};
use crate::output::event;

/// Read the event log, from the beginning or from a cursor
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  star events --since 0 -o jsonl
  star events --select 'localhost:**' --follow
  star events --since 1042 --wait 30s --limit 1")]
pub(crate) struct Events {
    /// Cursor after which to begin; 0 for the first event
    #[arg(long, value_name = "CURSOR", default_value = "0")]
    since: String,
    /// Only events of these resources
    #[arg(long, value_name = "SELECTOR")]
    select: Option<String>,
    /// In place of a selector: what becomes of the children of this resource
    #[arg(long, value_name = "PATH", conflicts_with = "select")]
    children: Option<String>,
    /// Only events of this type; more than one may be named
    #[arg(long = "type", value_name = "TYPE", value_delimiter = ',')]
    types: Vec<String>,
    /// Go on with events as they happen
    #[arg(long, short, conflicts_with = "wait")]
    follow: bool,
    /// Wait so long for the first event if there is none
    #[arg(long, value_name = "TIME", value_parser = globals::time)]
    wait: Option<Duration>,
    /// At most so many
    #[arg(long, value_name = "COUNT")]
    limit: Option<u64>,
}

impl Events {
    pub(crate) async fn run(self, session: &Session) -> Result<(), CliError> {
        let at_end = match self.wait {
            _ if self.follow => AtEnd::Follow,
            Some(time) => AtEnd::Wait(time),
            None => AtEnd::Stop,
        };
        let query = EventsQuery {
            since: Some(self.since),
            selector: self.select.as_deref().map(paths::selector).transpose()?,
            children_of: self.children.as_deref().map(paths::resource).transpose()?,
            types: self.types,
            limit: self.limit,
            at_end,
            ..EventsQuery::default()
        };
        let mut items = session.client()?.events(&query).await?;
        while let Some(item) = items.next().await {
            event::show(&session.output, &item?)?;
        }
        Ok(())
    }
}
