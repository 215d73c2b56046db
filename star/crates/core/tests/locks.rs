//! Locks seen from outside: which writes happen, whatever holders, clocks and thieves do.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on says where")]

use std::sync::Arc;
use std::time::Duration;

use proptest::prelude::*;
use star_core::command::{Changed, Claim, Command, Create, Delete, Info, Lock, Set, Strategy as IfThere, Unlock};
use star_core::gate::{Authority, CallGrant, Right};
use star_core::kind::Kind;
use star_core::lock::fence::fenced;
use star_core::lock::{FencingToken, Held};
use star_core::watch::Watcher;
use star_path::{PropertyKey, Selector};
use star_testkit::{Plain, TestTree, path};
use star_wire::{Deadline, ErrorCode, StarError};

const TTL_MS: u64 = 1_000;

/// A tree with `acme:b`, which is what is locked.
struct Fixture {
    star: TestTree,
}

impl Fixture {
    async fn start() -> Fixture {
        let behaviours = Plain::kinds(&[]);
        let star = TestTree::start(behaviours).await;
        star.create(Kind::Space, &path("acme")).await.unwrap();
        star.create(Kind::Base, &path("acme:b")).await.unwrap();
        Fixture { star }
    }

    async fn lock(&self, claim: Claim) -> Result<Held, StarError> {
        self.lock_at("acme:b", claim).await
    }

    async fn lock_at(&self, at: &str, claim: Claim) -> Result<Held, StarError> {
        self.star.send(&path(at), &Lock { claim, ttl_ms: TTL_MS, note: "test".to_owned() }).await
    }

    async fn unlock(&self, token: FencingToken) -> Result<(), StarError> {
        self.star.send(&path("acme:b"), &Unlock { token }).await.map(drop)
    }

    /// A change that differs from all before.
    async fn write(&self, value: &str, fence: &str) -> Result<Changed, StarError> {
        let title = PropertyKey::parse("title").unwrap();
        let set = Set { properties: [(title, value.to_owned())].into(), ..Set::default() };
        Set::answer(&self.star.ask(fenced(set.envelope(&path("acme:b"))?, fence)).await?)
    }

    async fn delete(&self, at: &str, recursive: bool, fence: &str) -> Result<(), StarError> {
        let delete = Delete { recursive, if_digest: None };
        self.star.ask(fenced(delete.envelope(&path(at))?, fence)).await.map(drop)
    }
}

fn id(name: &str) -> Claim {
    Claim::IfFree(name.to_owned())
}

fn code<T>(result: Result<T, StarError>) -> Option<ErrorCode> {
    result.err().map(|error| error.code())
}

/// What somebody does.
#[derive(Debug, Clone)]
enum Act {
    /// The clock is moved, forth or back.
    Clock(i64),
    Take(usize),
    Steal(usize),
    Renew(usize),
    Release(usize),
    /// With the token that this one got last.
    Write(usize),
    WriteWithout,
}

fn acts() -> impl Strategy<Value = Vec<Act>> {
    let who = 0usize..3;
    let act = prop_oneof![
        2 => (-1_500i64..1_500).prop_map(Act::Clock),
        3 => who.clone().prop_map(Act::Take),
        1 => who.clone().prop_map(Act::Steal),
        2 => who.clone().prop_map(Act::Renew),
        1 => who.clone().prop_map(Act::Release),
        4 => who.prop_map(Act::Write),
        2 => Just(Act::WriteWithout),
    ];
    proptest::collection::vec(act, 1..40)
}

/// The lock as its rules in one sentence each have it, and what was ever written.
#[derive(Default)]
struct Model {
    now_ms: u64,
    /// Who, with which token, until when.
    held: Option<(usize, FencingToken, u64)>,
    /// What each of them got last.
    tokens: [Option<FencingToken>; 3],
    issued: FencingToken,
    /// The highest token that must never be accepted again.
    dead: FencingToken,
}

impl Model {
    fn is_free_for(&self, who: usize) -> bool {
        self.held.is_none_or(|(holder, _, until_ms)| holder == who || self.now_ms >= until_ms)
    }

    fn now_held_by(&mut self, who: usize, token: FencingToken) {
        match self.held {
            Some((holder, kept, _)) if holder == who => assert_eq!(token, kept, "a renewal keeps the token"),
            _ => {
                assert!(token > self.issued, "{token} was given out after {}", self.issued);
                self.dead = self.issued;
                self.issued = token;
            }
        }
        self.tokens[who] = Some(token);
        self.held = Some((who, token, self.now_ms + TTL_MS));
    }

    fn is_token_of_lock(&self, token: FencingToken) -> bool {
        self.held.is_some_and(|(_, current, _)| current == token)
    }
}

async fn play(acts: Vec<Act>) {
    let star = Fixture::start().await;
    let mut model = Model { now_ms: 100_000, ..Model::default() };
    for (turn, act) in acts.into_iter().enumerate() {
        star.star.clock.set_ms(model.now_ms);
        let value = format!("turn {turn}");
        match act {
            Act::Clock(by_ms) => model.now_ms = model.now_ms.saturating_add_signed(by_ms),
            Act::Take(who) => match star.lock(id(&who.to_string())).await {
                Ok(held) => {
                    assert!(model.is_free_for(who), "turn {turn}");
                    model.now_held_by(who, held.token);
                }
                Err(error) => {
                    assert_eq!(error.code(), ErrorCode::Locked);
                    assert!(!model.is_free_for(who), "turn {turn}: {error}");
                }
            },
            Act::Steal(who) => {
                let held = star.lock(Claim::Steal(who.to_string())).await.unwrap();
                model.now_held_by(who, held.token);
            }
            Act::Renew(who) | Act::Release(who) | Act::Write(who) if model.tokens[who].is_none() => {}
            Act::Renew(who) => {
                let token = model.tokens[who].unwrap();
                let renewed = star.lock(Claim::Renew(token)).await;
                assert_eq!(renewed.is_ok(), model.is_token_of_lock(token), "turn {turn}: {renewed:?}");
                if let Ok(held) = renewed {
                    model.now_held_by(who, held.token);
                }
            }
            Act::Release(who) => {
                let token = model.tokens[who].unwrap();
                let released = star.unlock(token).await;
                assert_eq!(released.is_ok(), model.is_token_of_lock(token), "turn {turn}: {released:?}");
                if released.is_ok() {
                    model.held = None;
                    model.dead = model.issued;
                }
            }
            Act::Write(who) => {
                let token = model.tokens[who].unwrap();
                let written = star.write(&value, &token.to_string()).await;
                assert_eq!(written.is_ok(), model.is_token_of_lock(token), "turn {turn}: {written:?}");
                assert!(written.is_err() || token > model.dead, "turn {turn}: {token} was accepted once more");
            }
            Act::WriteWithout => {
                let free = model.held.is_none_or(|(_, _, until_ms)| model.now_ms >= until_ms);
                let written = star.write(&value, "").await;
                assert_eq!(written.is_ok(), free, "turn {turn}: {written:?}");
                if written.is_ok() {
                    model.held = None;
                    model.dead = model.issued;
                }
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(96) })]

    #[test]
    fn no_token_is_accepted_after_the_lock_passed_on_whatever_the_clock_does(acts in acts()) {
        tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(play(acts));
    }
}

#[tokio::test]
async fn of_many_that_take_a_lock_at_the_same_time_one_gets_it() {
    let star = Fixture::start().await;
    let takes = (0..20).map(|who| star.lock(id(&who.to_string())));
    let taken: Vec<_> = futures::future::join_all(takes).await;
    assert_eq!(taken.iter().filter(|taken| taken.is_ok()).count(), 1);
    assert!(taken.into_iter().filter_map(Result::err).all(|error| error.code() == ErrorCode::Locked));
}

#[tokio::test]
async fn who_waits_gets_the_lock_when_it_is_given_back_or_runs_out_and_waits_no_longer_than_that() {
    let star = Fixture::start().await;
    let first = star.lock(id("a")).await.unwrap();
    let wait = |who: &str, wait_ms: u64| {
        let (tree, admin) = (Arc::clone(&star.star.tree), Arc::clone(&star.star.admin));
        let lock = Lock { claim: id(who), ttl_ms: TTL_MS, note: String::new() };
        async move {
            let wait = Duration::from_millis(wait_ms);
            tree.lock(&admin, &path("acme:b"), &lock, None, wait, Deadline::default()).await
        }
    };
    assert_eq!(code(wait("b", 0).await), Some(ErrorCode::Locked));
    assert_eq!(code(wait("b", 50).await), Some(ErrorCode::Expired));
    let (released, second) = tokio::join!(star.unlock(first.token), wait("b", 60_000));
    released.unwrap();
    let second = second.unwrap();
    assert!(second.token > first.token);
    let clock = Arc::clone(&star.star.clock);
    let (third, ()) = tokio::join!(wait("c", 60_000), async move { clock.advance_ms(TTL_MS) });
    assert!(third.unwrap().token > second.token);
}

#[tokio::test]
async fn creating_and_deleting_are_writes_of_the_parent_and_of_the_resource() {
    let star = Fixture::start().await;
    let held = star.lock(id("a")).await.unwrap();
    let below = Create {
        path: path("acme:b:x"),
        kind: Kind::Base,
        properties: Default::default(),
        labels: Default::default(),
        owner: None,
        strategy: IfThere::Create,
    };
    let (tree, admin) = (&star.star.tree, &star.star.admin);
    assert_eq!(code(tree.create(admin, below.clone()).await), Some(ErrorCode::Locked));
    let fence = |token: FencingToken| format!("{token}@acme:b");
    assert_eq!(
        code(tree.create_fenced(admin, below.clone(), &fence(held.token + 1), None).await),
        Some(ErrorCode::StaleFence)
    );
    tree.create_fenced(admin, below, &fence(held.token), None).await.unwrap();
    assert_eq!(code(star.delete("acme:b", true, "").await), Some(ErrorCode::Locked));
    star.delete("acme:b", true, &fence(held.token)).await.unwrap();
    star.star.create(Kind::Base, &path("acme:b")).await.unwrap();
    // The lock went with the resource; what has the path now has no lock.
    assert_eq!(code(star.write("x", &fence(held.token)).await), Some(ErrorCode::StaleFence));
    assert!(star.lock(id("b")).await.unwrap().token > held.token);
}

#[tokio::test]
async fn a_tree_is_not_removed_while_somebody_holds_a_lock_in_it() {
    let star = Fixture::start().await;
    star.lock(id("a")).await.unwrap();
    assert_eq!(code(star.delete("acme", true, "").await), Some(ErrorCode::Locked));
    star.star.clock.advance_ms(TTL_MS);
    star.delete("acme", true, "").await.unwrap();
}

#[tokio::test]
async fn a_lock_stands_where_it_guards_and_on_nothing_else() {
    let star = Fixture::start().await;
    for (at, expected) in [
        ("acme:b:/a", ErrorCode::InvalidArgument),
        ("acme:nothing", ErrorCode::NotFound),
        ("ROOT", ErrorCode::Protected),
    ] {
        assert_eq!(code(star.lock_at(at, id("a")).await), Some(expected), "{at}");
    }
    let held = star.lock(id("a")).await.unwrap();
    let info = star.star.send(&path("acme:b"), &Info).await.unwrap();
    assert_eq!(info.lock, Some(held));
    star.star.clock.advance_ms(TTL_MS);
    assert_eq!(star.star.send(&path("acme:b"), &Info).await.unwrap().lock, None);
}

#[tokio::test]
async fn only_the_owner_steals_and_nobody_renews_what_is_somebody_elses() {
    let star = Fixture::start().await;
    let held = star.lock(id("a")).await.unwrap();
    let grant = CallGrant { to: Selector::parse("acme:**").unwrap(), can: vec![Right::Write] };
    let other = Arc::new(Authority::Mechtron { path: path("acme:app:m"), calls: vec![grant].into() });
    let claim = async |claim| {
        let lock = Lock { claim, ttl_ms: TTL_MS, note: String::new() };
        star.star.tree.lock(&other, &path("acme:b"), &lock, None, Duration::ZERO, Deadline::default()).await
    };
    assert_eq!(code(claim(Claim::Steal("m".to_owned())).await), Some(ErrorCode::Denied));
    assert_eq!(code(claim(Claim::Renew(held.token)).await), Some(ErrorCode::Denied));
    assert_eq!(code(claim(id("a")).await), Some(ErrorCode::Locked), "the id of another agent is another holder");
    let stolen = star.lock(Claim::Steal("b".to_owned())).await.unwrap();
    assert_eq!(code(star.write("x", &held.token.to_string()).await), Some(ErrorCode::StaleFence));
    star.write("x", &stolen.token.to_string()).await.unwrap();
}

#[tokio::test]
async fn the_log_tells_who_took_and_gave_and_stole_and_nothing_of_renewals() {
    let star = Fixture::start().await;
    let mut watcher =
        Watcher::from_now(&star.star.tree.log, star_core::watch::Filter::from(Selector::parse("acme:**").unwrap()));
    let held = star.lock(id("a")).await.unwrap();
    star.lock(Claim::Renew(held.token)).await.unwrap();
    let stolen = star.lock(Claim::Steal("b".to_owned())).await.unwrap();
    star.unlock(stolen.token).await.unwrap();
    star.lock(id("c")).await.unwrap();
    star.star.clock.advance_ms(TTL_MS);
    star.write("over", "").await.unwrap();
    let told: Vec<String> = watcher
        .drain()
        .await
        .unwrap()
        .into_iter()
        .filter_map(|item| match item {
            star_core::watch::WatchItem::Event(_, happened) => Some(happened.event.clone()),
            _ => None,
        })
        .map(|event| {
            let how = event.detail.get("how").cloned().unwrap_or_default();
            format!("{} {how}", event.what.word()).trim().to_owned()
        })
        .collect();
    assert_eq!(told, ["locked", "lock-stolen", "unlocked released", "locked", "unlocked expired", "changed"]);
}
