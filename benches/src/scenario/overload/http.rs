//! What a Star answers with over HTTP, in a process of its own, that is flooded by this one.
//!
//! Every message takes a connection that waits for nothing, or a further one, so that none waits for
//! another.

use std::net::SocketAddr;
use std::path::Path;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use async_trait::async_trait;
use star_wire::ErrorCode;

use super::flood::{Outcome, Working};
use crate::failure::Failure;
use crate::http::{Connection, posting};
use crate::meter::Meter;
use crate::peer::Peer;
use crate::tree::{BESIDE, ECHO, KEY, RESOURCES, WORK, resource};

/// How often a message does its work over, each time a quarter of a millisecond: again about a hundred
/// times what it takes to send one and to refuse it, which happens on the same cores.
const WORK_TIMES: u32 = 8;

/// How long a connection may have waited to be used again: well below the half minute after which a Star
/// closes one, so that no message meets a connection that is just being closed.
const IDLE: Duration = Duration::from_secs(10);

pub(super) struct Http {
    peer: Peer,
    /// Those that wait for nothing, and since when.
    idle: Mutex<Vec<(Instant, Connection)>>,
    /// The request to each resource.
    work: Vec<Vec<u8>>,
    beside: Vec<u8>,
    /// How the text of a refusal ends.
    busy: String,
}

impl Http {
    pub(super) async fn start(scratch: &Path) -> Result<Http, Failure> {
        let peer = Peer::start("echo", &scratch.join("store").display().to_string(), scratch).await?;
        let work = (0..RESOURCES).map(|number| asking(peer.address, &resource(number), WORK, WORK_TIMES)).collect();
        let beside = asking(peer.address, BESIDE, ECHO, 1);
        Ok(Http { peer, idle: Mutex::default(), work, beside, busy: format!("({})", ErrorCode::Busy) })
    }

    async fn send(&self, request: &[u8]) -> Outcome {
        let sent = async {
            let idle = self.idle().pop().filter(|(since, _)| since.elapsed() < IDLE);
            let mut connection = match idle {
                Some((_, connection)) => connection,
                None => Connection::open(self.peer.address).await?,
            };
            let answer = connection.call(request).await?;
            let outcome = match (answer.status, std::str::from_utf8(answer.body)) {
                (200, _) => Outcome::Answered,
                (503, Ok(text)) if text.contains(&self.busy) => Outcome::Busy,
                (status, text) => Outcome::Other(format!("status {status}: {}", text.unwrap_or_default())),
            };
            self.idle().push((Instant::now(), connection));
            Ok::<_, Failure>(outcome)
        };
        sent.await.unwrap_or_else(|failure| Outcome::Other(failure.to_string()))
    }

    fn idle(&self) -> MutexGuard<'_, Vec<(Instant, Connection)>> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn asking(address: SocketAddr, to: &str, method: &str, json: u32) -> Vec<u8> {
    let body = format!(r#"{{"to":"{to}","method":"{method}","json":{json}}}"#);
    posting(address, "/starlane.v1.Messages/Ask", KEY, &body)
}

#[async_trait]
impl Working for Http {
    async fn work(&self, number: usize) -> Outcome {
        self.send(&self.work[number]).await
    }

    async fn ask_beside(&self) -> Outcome {
        self.send(&self.beside).await
    }

    fn meter(&self) -> Meter {
        Meter::of(self.peer.pid())
    }
}
