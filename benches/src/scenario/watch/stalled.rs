//! Watchers that ask to be told and then do not read: what each of them makes the Star hold.

use std::time::{Duration, Instant};

use super::http::{FOLLOW, make_news, say};
use crate::failure::Failure;
use crate::http::Connection;
use crate::machine;
use crate::star::Star;

/// How many do not read.
pub(super) const WATCHERS: usize = 32;

/// What they leave unread, in MiB: more than any buffer of a socket takes, so that what the Star
/// itself holds would show.
pub(super) const MIB: usize = 32;

/// Bytes of one event: near the longest that may be said.
const EVENT_BYTES: usize = 15 * 1024;

/// What such a client takes of the kernel for what comes in.
const NARROW_BYTES: u32 = 16 * 1024;

/// How long memory has to stay as it is before it is looked at.
const REST: Duration = Duration::from_millis(500);

/// What one watcher that does not read costs, in bytes.
pub(super) struct Held {
    /// Memory of the Star.
    pub(super) process: f64,
    /// Buffers of sockets, both ends.
    pub(super) kernel: f64,
}

/// Says the same amount twice, first to nobody and then to those who do not read.
pub(super) async fn held(star: Star) -> Result<Held, Failure> {
    make_news(&star).await?;
    let (address, key) = (star.api_address()?, star.key()?);
    let mut speaker = Connection::open(address).await?;
    speak(&mut speaker, &key).await?;
    // Once more: what is kept for watchers is as full as it gets.
    speak(&mut speaker, &key).await?;
    let before = look(&star).await?;
    let mut stalled = Vec::new();
    for _ in 0..WATCHERS {
        let mut connection = Connection::open_narrow(address, NARROW_BYTES).await?;
        connection.follow(FOLLOW, &key).await?;
        stalled.push(connection);
    }
    speak(&mut speaker, &key).await?;
    let after = look(&star).await?;
    drop(stalled);
    let each = |before: f64, after: f64| (after - before).max(0.0) / WATCHERS as f64;
    Ok(Held { process: each(before.0, after.0), kernel: each(before.1, after.1) })
}

async fn speak(speaker: &mut Connection, key: &str) -> Result<(), Failure> {
    let text = format!("\"{}\"", "x".repeat(EVENT_BYTES));
    for _ in 0..(MIB << 20) / EVENT_BYTES {
        say(speaker, key, &text).await?;
    }
    Ok(())
}

/// Memory of the Star and of the kernel's sockets, once the first has come to rest.
async fn look(star: &Star) -> Result<(f64, f64), Failure> {
    let begun = Instant::now();
    let mut resident = star.resident_bytes()?;
    loop {
        tokio::time::sleep(REST).await;
        let now = star.resident_bytes()?;
        let at_rest = (now - resident).abs() < f64::from(1 << 20) || begun.elapsed() > crate::limits::STOP;
        resident = now;
        if at_rest {
            return Ok((resident, machine::socket_bytes()?));
        }
    }
}
