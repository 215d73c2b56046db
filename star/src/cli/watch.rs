//! `star watch`: follows what happens, through restarts of the Star.

use std::time::{Duration, Instant};

use futures::StreamExt;
use star_client::v1::WatchRequest;
use star_client::{Client, cursor_of};

use super::error::CliError;
use super::exit::Exit;
use super::session::Session;
use super::{limits, paths};
use crate::output::event;
use crate::output::report::exit_of;

/// Watch what happens to resources, as it happens
///
/// Goes on where it was when the connection is lost and the Star comes back; Ctrl-C ends it.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  star watch 'localhost:**'
  star watch 'localhost:**<Mechtron>' --initial -o jsonl
  star watch 'localhost:**' --since 0
  star watch localhost:site --type tagged
  star watch --children localhost")]
pub(crate) struct Watch {
    /// Which resources
    #[arg(required_unless_present = "children")]
    selector: Option<String>,
    /// In place of a selector: the children of this resource, as they come and go
    #[arg(long, value_name = "PATH", conflicts_with_all = ["selector", "initial"])]
    children: Option<String>,
    /// Only events of this type; more than one may be named
    #[arg(long = "type", value_name = "TYPE", value_delimiter = ',')]
    types: Vec<String>,
    /// Cursor after which to begin, 0 for the first event [default: now]
    #[arg(long, value_name = "CURSOR")]
    since: Option<String>,
    /// First show every resource that matches
    #[arg(long, conflicts_with = "since")]
    initial: bool,
}

impl Watch {
    pub(crate) async fn run(self, session: &Session) -> Result<(), CliError> {
        let selector = self.selector.as_deref().map(paths::selector).transpose()?;
        let children_of = self.children.as_deref().map(paths::resource).transpose()?;
        let client = session.client()?;
        let mut request = WatchRequest {
            selector: selector.map(|selector| selector.to_string()).unwrap_or_default(),
            children_of: children_of.map(|parent| parent.to_string()).unwrap_or_default(),
            types: self.types,
            since: self.since,
            include_initial: self.initial,
            ..Default::default()
        };
        let mut again = Again::new();
        loop {
            let lost = follow(session, &client, &mut request, &mut again).await?;
            again.pause(session, lost).await?;
        }
    }
}

/// Shows items until the connection is lost; `request` then says where to go on.
async fn follow(
    session: &Session,
    client: &Client,
    request: &mut WatchRequest,
    again: &mut Again,
) -> Result<CliError, CliError> {
    let mut items = match client.watch(request.clone()).await {
        Ok(items) => items,
        Err(error) => return lost(error.into(), request, again),
    };
    if again.is_trying() {
        session.output.note(&format!("connected to {} again", client.url()));
    }
    while let Some(item) = items.next().await {
        match item {
            Ok(item) => {
                again.works();
                event::show(&session.output, &item)?;
                if let Some(cursor) = cursor_of(&item) {
                    request.since = Some(cursor.to_owned());
                    request.include_initial = false;
                }
            }
            Err(error) => return lost(error.into(), request, again),
        }
    }
    let ended = star_client::ClientError::Lost { url: client.url().to_owned(), source: "the stream ended".into() };
    lost(ended.into(), request, again)
}

/// A connection that is lost can be made again if it is known where to go on.
fn lost(error: CliError, request: &WatchRequest, again: &Again) -> Result<CliError, CliError> {
    let worth_it = exit_of(&error) == Exit::Unavailable && request.since.is_some() && again.has_worked;
    if worth_it { Ok(error) } else { Err(error) }
}

/// Tries to find a Star again: longer and longer pauses, and an end.
struct Again {
    has_worked: bool,
    pause: Duration,
    until: Option<Instant>,
}

impl Again {
    fn new() -> Again {
        Again { has_worked: false, pause: limits::PAUSE_FIRST, until: None }
    }

    fn works(&mut self) {
        *self = Again { has_worked: true, ..Again::new() };
    }

    fn is_trying(&self) -> bool {
        self.until.is_some()
    }

    async fn pause(&mut self, session: &Session, error: CliError) -> Result<(), CliError> {
        let now = Instant::now();
        if !self.is_trying() {
            session.output.note("the connection is lost; trying to find the Star again");
        }
        let until = *self.until.get_or_insert(now + limits::WATCH_AGAIN);
        if now >= until {
            return Err(error);
        }
        tokio::time::sleep(self.pause).await;
        self.pause = (self.pause * 2).min(limits::PAUSE_LONGEST);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn unreachable() -> CliError {
        star_client::ClientError::Unreachable { url: "http://a".into(), source: "refused".into() }.into()
    }

    #[test]
    fn only_a_watch_that_worked_goes_on_after_a_lost_connection() {
        let mut again = Again::new();
        let request = WatchRequest { since: Some("7".into()), ..Default::default() };
        assert!(lost(unreachable(), &request, &again).is_err());
        again.works();
        assert!(lost(unreachable(), &request, &again).is_ok());
        assert!(lost(unreachable(), &WatchRequest::default(), &again).is_err(), "it is not known where to go on");
        let denied = CliError::from(star_wire::StarError::new(star_wire::ErrorCode::Denied, "no"));
        assert!(lost(denied, &request, &again).is_err());
    }
}
