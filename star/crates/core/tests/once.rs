//! Idempotency keys seen from outside: what is asked for twice happens once, whatever happens in
//! between, and keys stay apart, run out and find a limit.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on says where")]

use std::collections::BTreeMap;
use std::future::Future;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use star_core::behaviour::{ActorContext, Behaviours, KindBehaviour, ResourceActor};
use star_core::command::{Changed, Claim, Command, Create, Delete, Lock, Move, Set, Strategy, Unlock};
use star_core::event::{Event, EventType};
use star_core::gate::{Authority, CallGrant, Permit, Right};
use star_core::kind::Kind;
use star_core::limits;
use star_core::numbers::NumberedPath;
use star_core::once::{IdempotencyKey, keyed, of_position};
use star_core::ports::meta::MetaStore;
use star_core::stored::Change;
use star_path::{PropertyKey, Selector};
use star_testkit::{Plain, TestTree, path};
use star_wire::{Deadline, Envelope, ErrorCode, Method, Reply, StarError};
use tokio::sync::Semaphore;

/// A kind whose resources say things, count and fail, and do so when they are let.
#[derive(Clone)]
struct Speaker {
    may_go_on: Arc<Semaphore>,
    asked: Arc<AtomicU32>,
}

impl Speaker {
    fn free() -> Speaker {
        Speaker::waiting_for(Arc::new(Semaphore::new(Semaphore::MAX_PERMITS)))
    }

    fn waiting_for(may_go_on: Arc<Semaphore>) -> Speaker {
        Speaker { may_go_on, asked: Arc::default() }
    }

    fn asked(&self) -> u32 {
        self.asked.load(Ordering::SeqCst)
    }
}

#[async_trait]
impl KindBehaviour for Speaker {
    async fn activate(&self, _: &ActorContext) -> Result<Box<dyn ResourceActor>, StarError> {
        Ok(Box::new(self.clone()))
    }
}

#[async_trait]
impl ResourceActor for Speaker {
    async fn handle(&mut self, context: &ActorContext, permit: &Permit) -> Result<Reply, StarError> {
        let asked = self.asked.fetch_add(1, Ordering::SeqCst) + 1;
        self.may_go_on.acquire().await.unwrap().forget();
        match permit.envelope().method.as_str() {
            "say" => {
                let agent = permit.authority().agent();
                let meta = &context.tree.ports.meta;
                let mut change = Change::of(&context.path, 0);
                change.tell(&Event::new(EventType::Broadcast, &context.path, Kind::Broadcast, &agent))?;
                let head = *meta.head().borrow();
                change.remember_position(permit, head)?;
                let committed = change.commit(meta).await?;
                committed.map(|committed| of_position(committed.position)).ok_or_else(|| contended(permit))
            }
            "count" => Ok(Reply::new("text/plain", asked.to_string())),
            _ => Err(StarError::new(ErrorCode::MechtronTrapped, format!("failed for the {asked}th time"))),
        }
    }
}

fn contended(permit: &Permit) -> StarError {
    star_core::stored::contended(&permit.envelope().to)
}

fn kinds(speaker: &Speaker) -> Behaviours {
    let behaviours = Plain::kinds(&[]);
    behaviours.with(Kind::Broadcast, speaker.clone())
}

/// A tree with `acme:b`, and `acme:news`, which speaks.
async fn star_with(speaker: &Speaker) -> TestTree {
    let star = TestTree::start(kinds(speaker)).await;
    for (kind, at) in [(Kind::Space, "acme"), (Kind::Base, "acme:b"), (Kind::Broadcast, "acme:news")] {
        star.create(kind, &path(at)).await.unwrap();
    }
    star
}

async fn star() -> TestTree {
    star_with(&Speaker::free()).await
}

fn key(text: &str) -> IdempotencyKey {
    IdempotencyKey::parse(text).unwrap()
}

fn create(at: &str) -> Create {
    let (properties, labels) = (BTreeMap::new(), BTreeMap::new());
    let kind = if at.contains(':') { Kind::Base } else { Kind::Space };
    Create { path: path(at), kind, properties, labels, owner: None, strategy: Strategy::Create }
}

fn titled(value: &str) -> Set {
    Set { properties: [(PropertyKey::parse("title").unwrap(), value.to_owned())].into(), ..Set::default() }
}

async fn under<C: Command>(star: &TestTree, text: &str, at: &str, command: &C) -> Result<C::Answer, StarError> {
    C::answer(&star.ask(keyed(command.envelope(&path(at))?, Some(&key(text)))).await?)
}

async fn make(star: &TestTree, text: &str, at: &str) -> Result<Changed, StarError> {
    star.tree.create_fenced(&star.admin, create(at), "", Some(&key(text))).await
}

async fn count(star: &TestTree, text: &str, name: &str) -> Result<Changed, StarError> {
    let (name, key) = (NumberedPath::parse(name)?.unwrap(), key(text));
    star.tree.create_numbered(&star.admin, &name, create("acme:any"), ("", Some(&key))).await
}

fn message(method: &str, text: &str) -> Envelope {
    keyed(Envelope::new(path("acme:news"), Method::parse(method).unwrap()), Some(&key(text)))
}

fn position(star: &TestTree) -> u64 {
    *star.meta.head().borrow()
}

fn code<T>(result: Result<T, StarError>) -> Option<ErrorCode> {
    result.err().map(|error| error.code())
}

/// Waits until something is true.
async fn until(what: &str, is_true: impl Fn() -> bool) {
    let waiting = async {
        while !is_true() {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(Duration::from_secs(30), waiting).await.unwrap_or_else(|_| panic!("{what}"));
}

/// Does something, and again on the same Star, and again after a restart: the answers are alike, and
/// only the first time changes anything.
async fn happens_once<A, F, D>(star: &TestTree, what: &str, act: D)
where
    A: PartialEq + std::fmt::Debug,
    F: Future<Output = Result<A, StarError>>,
    D: Fn(TestTree) -> F,
{
    let before = position(star);
    let same = || TestTree {
        tree: Arc::clone(&star.tree),
        meta: star.meta.clone(),
        content: star.content.clone(),
        clock: star.clock.clone(),
        admin: star.admin.clone(),
    };
    let first = act(same()).await.unwrap_or_else(|error| panic!("{what}: {error}"));
    let after = position(star);
    assert!(after > before, "{what}: nothing was done");
    for (again, star) in [("again", same()), ("after a restart", star.again(kinds(&Speaker::free())))] {
        let answer = act(star).await.unwrap_or_else(|error| panic!("{what}, {again}: {error}"));
        assert_eq!(answer, first, "{what}, {again}");
    }
    assert_eq!(position(star), after, "{what} was done again");
}

#[tokio::test]
async fn what_is_sent_again_under_its_key_is_answered_as_before_also_after_a_restart() {
    let star = star().await;
    happens_once(&star, "a Space", |star| async move { make(&star, "k1", "other").await }).await;
    happens_once(&star, "a Base", |star| async move { make(&star, "k2", "acme:c").await }).await;
    happens_once(&star, "set", |star| async move { under(&star, "k3", "acme:b", &titled("x")).await }).await;
    let lock = Lock { claim: Claim::IfFree("me".to_owned()), ttl_ms: 1_000, note: String::new() };
    let token = under(&star, "k4", "acme:b", &lock).await.unwrap().token;
    happens_once(&star, "unlock", |star| async move { under(&star, "k5", "acme:b", &Unlock { token }).await }).await;
    happens_once(&star, "lock", |star| {
        let lock = lock.clone();
        async move { under(&star, "k6", "acme:b", &lock).await }
    })
    .await;
    let delete = Delete { recursive: true, if_digest: None };
    happens_once(&star, "delete", |star| {
        let delete = delete.clone();
        async move { under(&star, "k7", "other", &delete).await }
    })
    .await;
    happens_once(&star, "move", |star| async move { under(&star, "k9", "acme:c", &Move { to: path("acme:d") }).await })
        .await;
    happens_once(&star, "a counted name", |star| async move { count(&star, "k10", "acme:job-%").await }).await;
    let name = |made: Changed| made.resource.path.to_string();
    assert_eq!(count(&star, "k10", "acme:job-%").await.map(name).unwrap(), "acme:job-1");
    assert_eq!(count(&star, "k11", "acme:job-%").await.map(name).unwrap(), "acme:job-2");
    happens_once(&star, "say", |star| async move { star.ask(message("say", "k8")).await }).await;
}

#[tokio::test]
async fn an_answer_that_was_kept_is_told_though_the_resource_has_changed_since() {
    let star = star().await;
    let first = under(&star, "k1", "acme:b", &titled("mine")).await.unwrap();
    under(&star, "k2", "acme:b", &titled("yours")).await.unwrap();
    assert_eq!(under(&star, "k1", "acme:b", &titled("mine")).await.unwrap(), first);
    let now: Changed = under(&star, "k3", "acme:b", &titled("yours")).await.unwrap();
    assert_eq!((now.changed, now.resource.record.property("title")), (false, Some("yours")));
}

#[tokio::test]
async fn an_answer_that_is_too_long_to_be_kept_tells_the_resource_as_it_stands() {
    let star = star().await;
    let long = "x".repeat(limits::KEY_ANSWER_BYTES - 100);
    under(&star, "k1", "acme:b", &titled(&long)).await.unwrap();
    under(&star, "k2", "acme:b", &titled("short")).await.unwrap();
    let before = position(&star);
    let again = under(&star, "k1", "acme:b", &titled(&long)).await.unwrap();
    assert_eq!(again.resource.record.property("title"), Some("short"));
    assert_eq!(position(&star), before);
}

#[tokio::test]
async fn a_key_that_came_with_another_request_is_refused() {
    let speaker = Speaker::free();
    let star = star_with(&speaker).await;
    under(&star, "k1", "acme:b", &titled("x")).await.unwrap();
    star.ask(message("count", "k2")).await.unwrap();
    let before = position(&star);
    for star in [&star, &star.again(kinds(&speaker))] {
        assert_eq!(code(under(star, "k1", "acme:b", &titled("y")).await), Some(ErrorCode::KeyReused));
        assert_eq!(code(under(star, "k1", "acme:news", &titled("x")).await), Some(ErrorCode::KeyReused));
        assert_eq!(code(make(star, "k1", "acme:c").await), Some(ErrorCode::KeyReused));
    }
    assert_eq!(code(star.ask(message("fail", "k2")).await), Some(ErrorCode::KeyReused));
    assert_eq!((position(&star), speaker.asked()), (before, 1));
}

#[tokio::test]
async fn keys_of_one_caller_or_space_are_not_those_of_another() {
    let star = star().await;
    make(&star, "k0", "other").await.unwrap();
    under(&star, "k1", "acme:b", &titled("x")).await.unwrap();
    under(&star, "k1", "other", &titled("x")).await.unwrap();
    let calls = [CallGrant { to: Selector::parse("acme:**").unwrap(), can: vec![Right::Write] }];
    for mechtron in ["acme:m1", "acme:m2"] {
        let authority = Arc::new(Authority::Mechtron { path: path(mechtron), calls: Arc::new(calls.clone()) });
        let set = keyed(titled(mechtron).envelope(&path("acme:b")).unwrap(), Some(&key("k1")));
        let permit = star.tree.gate.admit(&authority, set).await.unwrap();
        let answer = Set::answer(&star.tree.ask(permit).await.unwrap()).unwrap();
        assert_eq!(answer.resource.record.property("title"), Some(mechtron));
    }
}

#[tokio::test]
async fn a_refusal_is_not_remembered() {
    let star = star().await;
    assert_eq!(code(make(&star, "k1", "acme:c:d").await), Some(ErrorCode::ParentNotFound));
    assert_eq!(code(under(&star, "k2", "acme:c", &titled("x")).await), Some(ErrorCode::NotFound));
    make(&star, "k3", "acme:c").await.unwrap();
    make(&star, "k1", "acme:c:d").await.unwrap();
    assert!(under(&star, "k2", "acme:c", &titled("x")).await.unwrap().changed);
}

#[tokio::test]
async fn a_key_runs_out_after_a_day_and_its_row_is_swept_away() {
    let star = star().await;
    let rows =
        || async { star.meta.scan(star_core::ports::meta::KeyRange::prefix("i/"), 10).await.unwrap().rows.len() };
    let lock = Lock { claim: Claim::IfFree("me".to_owned()), ttl_ms: 1_000, note: String::new() };
    let first = under(&star, "k1", "acme:b", &lock).await.unwrap();
    let day_ms = limits::KEY_KEPT.as_millis() as u64;
    star.clock.advance_ms(day_ms - 1);
    assert_eq!(under(&star, "k1", "acme:b", &lock).await.unwrap(), first);
    assert_eq!((star.tree.sweep_keys().await.unwrap(), rows().await), (0, 1));
    star.clock.advance_ms(1);
    let second = under(&star, "k1", "acme:b", &lock).await.unwrap();
    assert!(second.written > first.written, "after a day it is another request");
    assert_eq!(rows().await, 1, "the row was written over");
    star.clock.advance_ms(day_ms);
    assert_eq!((star.tree.sweep_keys().await.unwrap(), rows().await), (1, 0));
}

#[tokio::test]
async fn writes_take_the_rows_of_keys_with_them_that_have_run_out() {
    let star = star().await;
    for number in 0..8 {
        let title = titled(&number.to_string());
        let short = key(&format!("k{number}")).keep_for("60").unwrap();
        star.ask(keyed(title.envelope(&path("acme:b")).unwrap(), Some(&short))).await.unwrap();
    }
    star.clock.advance_ms(60_000);
    for (number, left) in [(0, 5), (1, 2)] {
        under(&star, &format!("n{number}"), "acme:b", &titled(&format!("n{number}"))).await.unwrap();
        let rows = star.meta.scan(star_core::ports::meta::KeyRange::prefix("i/"), 10).await.unwrap().rows.len();
        assert_eq!(rows, left);
    }
}

#[tokio::test]
async fn who_comes_while_the_first_is_under_way_waits_for_its_answer() {
    let may_go_on = Arc::new(Semaphore::new(0));
    let speaker = Speaker::waiting_for(Arc::clone(&may_go_on));
    let star = star_with(&speaker).await;
    for method in ["say", "count"] {
        let before = (position(&star), speaker.asked());
        let several = (0..5).map(|_| star.ask(message(method, method)));
        let release = async {
            until("the first to be under way", || speaker.asked() > before.1).await;
            let soon = Deadline::within(Duration::from_millis(20));
            let late = star.ask(message(method, method).with_deadline(soon)).await;
            assert_eq!(code(late), Some(ErrorCode::TimedOut), "nobody waits for longer than it wants");
            may_go_on.add_permits(1);
        };
        let (answers, ()) = futures::future::join(futures::future::join_all(several), release).await;
        let answers: Vec<Reply> = answers.into_iter().map(Result::unwrap).collect();
        assert!(answers.iter().all(|answer| *answer == answers[0]));
        assert_eq!(speaker.asked(), before.1 + 1);
    }
}

#[tokio::test]
async fn two_stars_that_do_the_same_at_once_do_it_once() {
    let may_go_on = Arc::new(Semaphore::new(0));
    let speaker = Speaker::waiting_for(Arc::clone(&may_go_on));
    let star = star_with(&speaker).await;
    let other = star.again(kinds(&speaker));
    let before = position(&star);
    let release = async {
        until("both to be about to commit", || speaker.asked() == 2).await;
        may_go_on.add_permits(2);
    };
    let (one, two, ()) =
        futures::future::join3(star.ask(message("say", "k1")), other.ask(message("say", "k1")), release).await;
    assert_eq!(one.unwrap(), two.unwrap());
    assert_eq!(position(&star), before + 1, "one batch, and the other was refused by the store");
}

#[tokio::test]
async fn what_is_under_way_goes_on_when_its_sender_goes_away() {
    let may_go_on = Arc::new(Semaphore::new(0));
    let speaker = Speaker::waiting_for(Arc::clone(&may_go_on));
    let star = star_with(&speaker).await;
    {
        let asking = star.ask(message("count", "k1"));
        tokio::select! {
            _ = asking => panic!("nobody let it go on"),
            () = until("it to be under way", || speaker.asked() == 1) => {}
        }
    }
    may_go_on.add_permits(1);
    assert_eq!(star.ask(message("count", "k1")).await.unwrap().body, "1");
}

#[tokio::test]
async fn what_no_batch_keeps_is_remembered_for_two_minutes_and_an_unknown_outcome_too() {
    let speaker = Speaker::free();
    let star = star_with(&speaker).await;
    for _ in 0..2 {
        assert_eq!(star.ask(message("count", "k1")).await.unwrap().body, "1");
    }
    for _ in 0..2 {
        let failed = star.ask(message("fail", "k2")).await.unwrap_err();
        assert_eq!(failed.message(), "failed for the 2th time");
    }
    star.clock.advance_ms(limits::WINDOW.as_millis() as u64);
    assert_eq!(star.ask(message("count", "k1")).await.unwrap().body, "3");
}

#[tokio::test]
async fn a_message_that_nobody_waits_for_is_handed_over_once_and_keeps_its_id() {
    let speaker = Speaker::free();
    let star = star_with(&speaker).await;
    let tell = async |method: &str, text: &str| {
        let permit = star.tree.gate.admit(&star.admin, message(method, text)).await.unwrap();
        let id = permit.envelope().id;
        star.tree.tell(permit).await.map(|()| id)
    };
    let before = position(&star);
    let first = tell("say", "k1").await.unwrap();
    until("it to be said", || position(&star) > before).await;
    assert_eq!(tell("say", "k1").await.unwrap(), first);
    assert_eq!(code(tell("count", "k1").await), Some(ErrorCode::KeyReused));
    assert_ne!(tell("count", "k2").await.unwrap(), first);
    tell("count", "k2").await.unwrap();
    assert_eq!(star.ask(message("count", "k2")).await.unwrap().body, "2", "asked for what was told");
    assert_eq!(position(&star), before + 1);
}

#[tokio::test]
async fn a_flood_of_keys_is_refused_at_its_limit_and_others_go_on() {
    let star = star().await;
    let news = path("acme:news");
    for number in 0..limits::KEYS_LONG {
        star.ask(message("say", &format!("k{number}"))).await.unwrap();
    }
    let refused = star.ask(message("say", "more")).await.unwrap_err();
    assert_eq!(refused.code(), ErrorCode::TooManyKeys);
    assert!(refused.retry_after_ms().is_some_and(|wait_ms| wait_ms > 0));
    let refused = star.again(kinds(&Speaker::free())).ask(message("say", "more")).await;
    assert_eq!(code(refused), Some(ErrorCode::TooManyKeys), "what is stored is counted after a restart");
    // What was done is still known, others are not concerned, and keys for a short time find room.
    star.ask(message("say", "k0")).await.unwrap();
    make(&star, "more", "other").await.unwrap();
    let say = Envelope::new(news, Method::parse("say").unwrap());
    star.ask(keyed(say, Some(&key("more").keep_for("60").unwrap()))).await.unwrap();
}
