//! `star events`: reads the event log.

use std::time::Duration;

use futures::{StreamExt, TryStreamExt};
use star_client::{AtEnd, Client, EventsQuery, WatchStream, cursor_of};

use super::error::CliError;
use super::session::Session;
use super::{globals, limits, paths};
use crate::output::event;

/// Read the event log, from the beginning or from a cursor
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  star events --since 0 -o jsonl
  star events --select 'localhost:**' --follow
  star events --since 1042 --wait 30s --limit 1
  star events --consumer mirror --follow -o jsonl")]
pub(crate) struct Events {
    /// Cursor after which to begin; 0 for the first event. A consumer that is known goes on instead
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
    /// Go on where the durable consumer of this name was, and keep its place after what was written
    #[arg(long, value_name = "NAME")]
    consumer: Option<String>,
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
        let mut query = EventsQuery {
            since: Some(self.since),
            selector: self.select.as_deref().map(paths::selector).transpose()?,
            children_of: self.children.as_deref().map(paths::resource).transpose()?,
            types: self.types,
            limit: self.limit,
            at_end,
            ..EventsQuery::default()
        };
        let client = session.client()?;
        if let Some(name) = &self.consumer {
            query.since = Some(client.register_consumer(name, query.since).await?);
        }
        let items = client.events(&query).await?;
        match self.consumer {
            Some(name) => Consuming { session, client, name, read: None, written: 0 }.run(items).await,
            None => {
                let shown = |item| std::future::ready(event::show(&session.output, &item));
                items.map_err(CliError::from).try_for_each(shown).await
            }
        }
    }
}

/// A durable consumer at work: what it has written out, it need not read again.
struct Consuming<'s> {
    session: &'s Session,
    client: Client,
    name: String,
    /// The last cursor that was dealt with and not yet noted.
    read: Option<String>,
    written: usize,
}

impl Consuming<'_> {
    async fn run(mut self, mut items: WatchStream) -> Result<(), CliError> {
        loop {
            let Ok(next) = tokio::time::timeout(limits::ADVANCE_QUIET, items.next()).await else {
                self.advance().await?;
                continue;
            };
            let Some(item) = next else { return self.advance().await };
            let item = item?;
            event::show(&self.session.output, &item)?;
            self.read = cursor_of(&item).map(str::to_owned).or(self.read);
            self.written += 1;
            if self.written >= limits::ADVANCE_EVENTS {
                self.advance().await?;
            }
        }
    }

    /// Notes how far it has come, once what was written has left this process.
    async fn advance(&mut self) -> Result<(), CliError> {
        self.written = 0;
        let Some(cursor) = self.read.take() else { return Ok(()) };
        self.session.output.flush()?;
        Ok(self.client.advance_consumer(&self.name, &cursor).await?)
    }
}
