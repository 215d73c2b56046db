//! Leases: who holds a lock, until when, and what follows from that.
//!
//! Owns the rules of time and stealing. Knows neither the store (what is decided here is a value,
//! which the caller commits) nor clocks (the caller passes `now`). Start at [`Lease::acquire`].
//!
//! A lease that has run out is not gone: nobody has taken it, so nothing stands between its holder
//! and a renewal. It ends when somebody else takes the lock, or writes over it.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use star_wire::Agent;

use super::held::Held;
use crate::limits;
use crate::ports::clock::UnixMillis;
use crate::ports::meta::Revision;

/// What proves to the store that a lock did not pass on: the revision at which its holder last
/// changed. Revisions of a shard only grow, so no token comes twice.
pub type FencingToken = Revision;

/// Who holds a lock.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Holder {
    /// On whose behalf.
    pub agent: Agent,
    /// Tells two processes of one agent apart, and a request that is repeated from another one.
    pub id: String,
}

/// For how long a lock is wanted, and why.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Terms {
    /// How long it is held unless it is renewed.
    pub ttl: Duration,
    /// What for, in the holder's words.
    pub note: String,
}

/// A lock on one resource, held until a moment of the Star's wall clock.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Lease {
    /// Who holds it.
    pub holder: Holder,
    /// When it passed to this holder.
    pub taken_ms: UnixMillis,
    /// When it runs out.
    pub until_ms: UnixMillis,
    /// How long it was asked for, in milliseconds.
    pub ttl_ms: u64,
    /// What for, in the holder's words.
    pub note: String,
}

/// What taking a lock leads to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Taken {
    /// The lock passes to a holder: the token changes.
    Passed(Lease),
    /// It was that holder's already: the token stays.
    Renewed(Lease),
}

/// What stands in the way of a lock. Named for what the caller does next.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    /// Wait, or steal it if the resource is yours.
    #[error("held by {} for another {:?}", told(.holder), .remaining)]
    HeldBy {
        /// By whom.
        holder: Agent,
        /// For how long at most.
        remaining: Duration,
        /// What for.
        note: String,
    },
    /// Ask for another time.
    #[error("a lock lasts from {:?} to {:?}", limits::LOCK_TTL_MIN, limits::LOCK_TTL_MAX)]
    NoSuchTtl,
    /// Stop what relied on the lock: the token is another one now, or none.
    #[error("the token {token} is not that of the lock{}", .now.as_ref().map(|now| format!(", which {} holds", told(now))).unwrap_or_default())]
    Lost {
        /// The token that was shown.
        token: FencingToken,
        /// Who holds the lock now.
        now: Option<Agent>,
    },
    /// The token is right, and somebody else's.
    #[error("the lock is that of {}", told(.holder))]
    NotYours {
        /// Whose.
        holder: Agent,
    },
}

/// An agent in words.
pub(crate) fn told(agent: &Agent) -> &str {
    match agent {
        Agent::Anonymous => "nobody",
        Agent::Resource(path) => path.as_str(),
    }
}

impl Lease {
    /// Takes the lock for `holder` if it is free or has run out; whose it is already renews it.
    ///
    /// The token changes whenever the holder does and stays on a renewal, so that a late write of
    /// a former holder is refused by the store.
    pub fn acquire(current: Option<&Held>, holder: Holder, terms: Terms, now_ms: UnixMillis) -> Result<Taken, Refused> {
        let ttl_ms = checked(terms.ttl)?;
        match current.map(|held| &held.lease) {
            Some(lease) if lease.holder == holder => Ok(Taken::Renewed(lease.renewed(ttl_ms, now_ms))),
            Some(lease) if !lease.is_over(now_ms) => Err(lease.in_the_way(now_ms)),
            _ => Ok(Taken::Passed(Lease::begun(holder, terms.note, ttl_ms, now_ms))),
        }
    }

    /// Takes the lock for `holder` whoever holds it. Whether `holder` may is not looked at here.
    pub fn steal(current: Option<&Held>, holder: Holder, terms: Terms, now_ms: UnixMillis) -> Result<Taken, Refused> {
        let ttl_ms = checked(terms.ttl)?;
        match current.map(|held| &held.lease) {
            Some(lease) if lease.holder == holder => Ok(Taken::Renewed(lease.renewed(ttl_ms, now_ms))),
            _ => Ok(Taken::Passed(Lease::begun(holder, terms.note, ttl_ms, now_ms))),
        }
    }

    /// Holds it on for `ttl` from now. That it has run out does not matter as long as the token is
    /// the lock's own: then nobody took it and nobody wrote over it.
    pub fn renew(
        current: Option<&Held>,
        token: FencingToken,
        agent: &Agent,
        ttl: Duration,
        now_ms: UnixMillis,
    ) -> Result<Lease, Refused> {
        let ttl_ms = checked(ttl)?;
        Ok(Lease::of(current, token, agent)?.renewed(ttl_ms, now_ms))
    }

    /// Gives the lock back; the token is worth nothing from then on.
    pub fn release(current: Option<&Held>, token: FencingToken, agent: &Agent) -> Result<(), Refused> {
        Lease::of(current, token, agent).map(drop)
    }

    /// Whether it has run out: others may take the lock, or write over it.
    pub fn is_over(&self, now_ms: UnixMillis) -> bool {
        now_ms >= self.until_ms
    }

    /// How long it still lasts; zero when it has run out.
    pub fn remaining(&self, now_ms: UnixMillis) -> Duration {
        Duration::from_millis(self.until_ms.saturating_sub(now_ms))
    }

    /// Why nobody else may have the lock or write without its token now.
    pub fn in_the_way(&self, now_ms: UnixMillis) -> Refused {
        Refused::HeldBy {
            holder: self.holder.agent.clone(),
            remaining: self.remaining(now_ms),
            note: self.note.clone(),
        }
    }

    /// The lease that a token and an agent stand for.
    fn of<'l>(current: Option<&'l Held>, token: FencingToken, agent: &Agent) -> Result<&'l Lease, Refused> {
        match current {
            Some(held) if held.token == token && held.lease.holder.agent == *agent => Ok(&held.lease),
            Some(held) if held.token == token => Err(Refused::NotYours { holder: held.lease.holder.agent.clone() }),
            other => Err(Refused::Lost { token, now: other.map(|held| held.lease.holder.agent.clone()) }),
        }
    }

    fn begun(holder: Holder, note: String, ttl_ms: u64, now_ms: UnixMillis) -> Lease {
        Lease { holder, taken_ms: now_ms, until_ms: now_ms.saturating_add(ttl_ms), ttl_ms, note }
    }

    fn renewed(&self, ttl_ms: u64, now_ms: UnixMillis) -> Lease {
        Lease { until_ms: now_ms.saturating_add(ttl_ms), ttl_ms, ..self.clone() }
    }
}

fn checked(ttl: Duration) -> Result<u64, Refused> {
    let allowed = limits::LOCK_TTL_MIN..=limits::LOCK_TTL_MAX;
    if !allowed.contains(&ttl) {
        return Err(Refused::NoSuchTtl);
    }
    Ok(u64::try_from(ttl.as_millis()).unwrap_or(u64::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    const TTL: Duration = Duration::from_secs(30);

    fn holder(id: &str) -> Holder {
        Holder { agent: agent(), id: id.to_owned() }
    }

    fn agent() -> Agent {
        Agent::Resource(star_path::ResourcePath::parse("star:users:ada").unwrap())
    }

    fn terms(ttl: Duration) -> Terms {
        Terms { ttl, note: "deploy".to_owned() }
    }

    fn held(id: &str, until_ms: UnixMillis) -> Held {
        let lease = Lease { holder: holder(id), taken_ms: 0, until_ms, ttl_ms: 30_000, note: "deploy".to_owned() };
        Held { lease, token: 7, written: 7 }
    }

    #[test]
    fn a_lock_is_taken_when_it_is_free_or_over_and_renewed_by_its_holder() {
        let take = |current: Option<&Held>, id: &str, now_ms| {
            Lease::acquire(current, holder(id), terms(TTL), now_ms).map(|taken| match taken {
                Taken::Passed(lease) => ("passed", lease.holder.id, lease.until_ms),
                Taken::Renewed(lease) => ("renewed", lease.holder.id, lease.until_ms),
            })
        };
        let own = |what: &'static str, id: &str, until_ms| Ok((what, id.to_owned(), until_ms));
        assert_eq!(take(None, "a", 5), own("passed", "a", 30_005));
        assert_eq!(take(Some(&held("a", 100)), "a", 50), own("renewed", "a", 30_050));
        assert_eq!(take(Some(&held("a", 100)), "a", 500), own("renewed", "a", 30_500));
        assert_eq!(take(Some(&held("a", 100)), "b", 100), own("passed", "b", 30_100));
        let remaining = Duration::from_millis(1);
        let in_the_way = Refused::HeldBy { holder: agent(), remaining, note: "deploy".to_owned() };
        assert_eq!(take(Some(&held("a", 100)), "b", 99), Err(in_the_way));
    }

    #[test]
    fn a_token_renews_and_releases_its_own_lock_only_and_only_for_its_agent() {
        let current = held("a", 100);
        let lost = Err(Refused::Lost { token: 6, now: Some(agent()) });
        assert_eq!(Lease::renew(Some(&current), 7, &agent(), TTL, 50).unwrap().until_ms, 30_050);
        assert_eq!(Lease::renew(Some(&current), 7, &agent(), TTL, 500).unwrap().until_ms, 30_500, "nobody took it");
        assert_eq!(Lease::release(Some(&current), 6, &agent()), lost);
        assert_eq!(Lease::release(None, 7, &agent()), Err(Refused::Lost { token: 7, now: None }));
        assert_eq!(Lease::release(Some(&current), 7, &Agent::Anonymous), Err(Refused::NotYours { holder: agent() }));
        assert_eq!(Lease::release(Some(&current), 7, &agent()), Ok(()));
    }

    #[test]
    fn a_thief_gets_the_lock_and_a_token_of_its_own_whatever_time_it_is() {
        for now_ms in [0, 99, 100] {
            let taken = Lease::steal(Some(&held("a", 100)), holder("b"), terms(TTL), now_ms);
            assert!(matches!(taken, Ok(Taken::Passed(lease)) if lease.holder.id == "b"), "{now_ms}");
        }
    }

    #[test]
    fn a_time_that_no_lock_lasts_is_refused() {
        for ttl in [Duration::ZERO, limits::LOCK_TTL_MIN / 2, limits::LOCK_TTL_MAX + Duration::from_millis(1)] {
            assert_eq!(Lease::acquire(None, holder("a"), terms(ttl), 0), Err(Refused::NoSuchTtl), "{ttl:?}");
            let current = held("a", 100);
            assert_eq!(Lease::renew(Some(&current), 7, &agent(), ttl, 0), Err(Refused::NoSuchTtl), "{ttl:?}");
        }
    }
}
