//! Watchers of a running Star: each a connection of its own that follows `/events`.

use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use star_path::ResourcePath;
use tokio::sync::Mutex;
use tokio::task::JoinSet;

use super::crowd::Crowd;
use super::{Watched, inside};
use crate::failure::Failure;
use crate::http::Connection;
use crate::meter::Meter;
use crate::peer;
use crate::star::Star;
use crate::tree::{KEY, path};

/// What everybody watches.
pub(super) const NEWS: &str = "bench:news";

/// Where it is followed.
pub(super) const FOLLOW: &str = "/events?follow=true&select=bench:news";

/// In front of the time in the line of an event.
const WHEN: &[u8] = br#""body":""#;

/// Watchers of a Star in a process of its own.
pub(super) struct Http {
    key: String,
    speaker: Mutex<Connection>,
    crowd: Arc<Crowd>,
    /// Ends with us.
    _watching: JoinSet<()>,
    star: Star,
}

impl Http {
    pub(super) async fn start(star: Star, watchers: usize) -> Result<Http, Failure> {
        make_news(&star).await?;
        let (address, key) = (star.api_address()?, star.key()?);
        let (crowd, watching) = follow(address, &key, watchers).await?;
        let speaker = Mutex::new(Connection::open(address).await?);
        Ok(Http { key, speaker, crowd, _watching: watching, star })
    }
}

/// Watchers of what a Star answers with, inside this process: for counting.
pub(super) struct Served {
    served: peer::Served,
    news: ResourcePath,
    crowd: Arc<Crowd>,
    /// Ends with us.
    _watching: JoinSet<()>,
}

impl Served {
    pub(super) async fn start(data: &Path, watchers: usize) -> Result<Served, Failure> {
        let served = peer::Served::start(data).await?;
        let (crowd, watching) = follow(served.address, KEY, watchers).await?;
        Ok(Served { served, news: path(NEWS), crowd, _watching: watching })
    }
}

/// A crowd, each of whom follows on a connection of its own.
async fn follow(address: SocketAddr, key: &str, watchers: usize) -> Result<(Arc<Crowd>, JoinSet<()>), Failure> {
    let crowd = Arc::new(Crowd::of(watchers));
    let mut watching = JoinSet::new();
    for number in 0..watchers {
        let mut connection = Connection::open(address).await?;
        connection.follow(FOLLOW, key).await?;
        let crowd = Arc::clone(&crowd);
        watching.spawn(async move {
            // Who waits for what it sees notices when it ends early.
            while connection.lines(|line| note(line, &crowd, number)).await.is_ok() {}
        });
    }
    Ok((crowd, watching))
}

/// Makes what is watched.
pub(super) async fn make_news(star: &Star) -> Result<(), Failure> {
    star.run(&["create", "Space", "bench"]).await?;
    star.run(&["create", "Broadcast", NEWS]).await
}

/// Says something to all who watch, as JSON.
pub(super) async fn say(speaker: &mut Connection, key: &str, json: &str) -> Result<(), Failure> {
    let body = format!(r#"{{"to":"{NEWS}","method":"broadcast","json":{json}}}"#);
    speaker.post("/starlane.v1.Messages/Ask", key, &body).await
}

fn note(line: &[u8], crowd: &Crowd, watcher: usize) {
    if let Some(happened) = when(line) {
        crowd.saw(watcher, happened);
    }
}

/// When it happened that a line tells of; none where it tells of something else.
fn when(line: &[u8]) -> Option<Duration> {
    let at = line.windows(WHEN.len()).position(|bytes| bytes == WHEN)? + WHEN.len();
    let len = line[at..].iter().position(|byte| !byte.is_ascii_digit())?;
    std::str::from_utf8(&line[at..at + len]).ok()?.parse().ok().map(Duration::from_micros)
}

#[async_trait]
impl Watched for Http {
    async fn happen(&self, since: Duration) -> Result<(), Failure> {
        say(&mut *self.speaker.lock().await, &self.key, &since.as_micros().to_string()).await
    }

    fn meter(&self) -> Meter {
        Meter::of(self.star.pid())
    }

    fn crowd(&self) -> &Crowd {
        &self.crowd
    }
}

#[async_trait]
impl Watched for Served {
    async fn happen(&self, since: Duration) -> Result<(), Failure> {
        inside::tell(&self.served.meta, &self.news, since).await
    }

    fn meter(&self) -> Meter {
        Meter::start()
    }

    fn crowd(&self) -> &Crowd {
        &self.crowd
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_says_when_it_happened_or_counts_for_nothing() {
        let line = br#"{"cursor":"9","detail":{"body":"1500","content_type":"application/json"}}"#;
        assert_eq!(when(line), Some(Duration::from_micros(1500)));
        // A moment that cannot be read must not be taken for the beginning of time.
        assert_eq!(when(br#"{"detail":{"body":"\"1500\""}}"#), None);
        assert_eq!(when(br#"{"progress":{"cursor":"9"}}"#), None);
    }
}
