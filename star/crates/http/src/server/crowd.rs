//! Who holds connections, and who has to leave when there is no room for more.
//!
//! Connections that wait for their client to ask something cost nobody anything, until all places
//! are taken: then whoever has been quiet for longest makes room, so that nobody keeps others out by
//! connecting and saying nothing. Whoever is being answered stays.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use star_core::vitals::Queue;
use tokio_util::sync::CancellationToken;

use super::Surface;

/// Everybody who holds a connection of one listener.
#[derive(Debug)]
pub(super) struct Crowd {
    begun: Instant,
    members: Mutex<HashMap<u64, Arc<Member>>>,
    next: AtomicU64,
    /// How many were told to leave since the listener began.
    left: AtomicU64,
}

/// One connection.
#[derive(Debug)]
pub(super) struct Member {
    number: u64,
    crowd: Arc<Crowd>,
    /// Requests that are being answered.
    requests: AtomicUsize,
    /// When something went over it last, in milliseconds since the listener began.
    moved_ms: AtomicU64,
    leave: CancellationToken,
}

/// A place in the crowd, given up when the connection has ended.
#[derive(Debug)]
pub(super) struct Standing(Arc<Member>);

/// A request that is being answered; over when this is dropped.
#[derive(Debug)]
pub(super) struct Answering(Arc<Member>);

impl Crowd {
    /// Nobody yet.
    pub(super) fn new() -> Arc<Crowd> {
        Arc::new(Crowd {
            begun: Instant::now(),
            members: Mutex::default(),
            next: AtomicU64::new(0),
            left: AtomicU64::new(0),
        })
    }

    /// One more.
    pub(super) fn join(self: &Arc<Self>) -> Standing {
        let member = Arc::new(Member {
            number: self.next.fetch_add(1, Ordering::Relaxed),
            crowd: Arc::clone(self),
            requests: AtomicUsize::new(0),
            moved_ms: AtomicU64::new(self.now_ms()),
            leave: CancellationToken::new(),
        });
        self.lock().insert(member.number, Arc::clone(&member));
        Standing(member)
    }

    /// Tells those who were quiet for longest to leave, at most so many. How many there were.
    pub(super) fn make_room(&self, most: usize) -> usize {
        let mut quiet: Vec<(u64, Arc<Member>)> = {
            let members = self.lock();
            let quiet = members.values().filter(|member| member.is_quiet());
            quiet.map(|member| (member.moved_ms.load(Ordering::Relaxed), Arc::clone(member))).collect()
        };
        quiet.sort_unstable_by_key(|(moved_ms, member)| (*moved_ms, member.number));
        quiet.truncate(most);
        for (_, member) in &quiet {
            member.leave.cancel();
        }
        self.left.fetch_add(quiet.len() as u64, Ordering::Relaxed);
        quiet.len()
    }

    /// What it says of itself, as the one in front of a surface with so many places.
    pub(super) fn queue(&self, surface: Surface, places: usize) -> Queue {
        let (name, about) = match surface {
            Surface::Api => ("connections_api", "connections of the API; quiet ones make room, and count as refused"),
            Surface::Web => ("connections_web", "connections of the web; quiet ones make room, and count as refused"),
        };
        let refused = Some(self.left.load(Ordering::Relaxed));
        Queue { name, about, taken: self.lock().len() as u64, limit: Some(places as u64), refused }
    }

    fn now_ms(&self) -> u64 {
        self.begun.elapsed().as_millis() as u64
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<u64, Arc<Member>>> {
        self.members.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Standing {
    /// The connection, for those who see what happens on it.
    pub(super) fn member(&self) -> &Arc<Member> {
        &self.0
    }

    /// Waits until it has to leave.
    pub(super) async fn has_to_leave(&self) {
        self.0.leave.cancelled().await;
    }
}

impl Drop for Standing {
    fn drop(&mut self) {
        self.0.crowd.lock().remove(&self.0.number);
    }
}

impl Member {
    /// Notes that something went over the connection.
    pub(super) fn moved(&self) {
        self.moved_ms.store(self.crowd.now_ms(), Ordering::Relaxed);
    }

    /// Notes a request until the answer is given.
    pub(super) fn answering(self: &Arc<Self>) -> Answering {
        self.requests.fetch_add(1, Ordering::Relaxed);
        Answering(Arc::clone(self))
    }

    fn is_quiet(&self) -> bool {
        self.requests.load(Ordering::Relaxed) == 0 && !self.leave.is_cancelled()
    }
}

impl Drop for Answering {
    fn drop(&mut self) {
        // What is still being sent goes over the connection from here on.
        self.0.moved();
        self.0.requests.fetch_sub(1, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn leaving(standings: &[Standing]) -> Vec<bool> {
        standings.iter().map(|standing| standing.0.leave.is_cancelled()).collect()
    }

    #[test]
    fn those_who_were_quiet_for_longest_leave_and_nobody_who_is_being_answered() {
        let crowd = Crowd::new();
        let standings: Vec<Standing> = (0..4).map(|_| crowd.join()).collect();
        for (standing, moved_ms) in standings.iter().zip([30, 10, 0, 20]) {
            standing.0.moved_ms.store(moved_ms, Ordering::Relaxed);
        }
        let answering = standings[2].member().answering();
        assert_eq!(crowd.make_room(2), 2);
        assert_eq!(leaving(&standings), [false, true, false, true]);
        drop(answering);
        assert_eq!(crowd.make_room(9), 2, "those who leave already make no more room");
        let Queue { taken, refused, .. } = crowd.queue(Surface::Web, 5);
        assert_eq!((taken, refused), (4, Some(4)));
    }

    #[test]
    fn who_has_left_is_forgotten() {
        let crowd = Crowd::new();
        drop((0..4).map(|_| crowd.join()).collect::<Vec<_>>());
        assert_eq!(crowd.make_room(9), 0);
        let Queue { taken, limit, refused, .. } = crowd.queue(Surface::Api, 5);
        assert_eq!((taken, limit, refused), (0, Some(5), Some(0)));
    }
}
