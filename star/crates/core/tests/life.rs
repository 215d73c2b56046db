//! The life of actors: brought to life once, put away without losing a message, back after a fault.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on says where")]

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use async_trait::async_trait;
use futures::future::join_all;
use star_core::behaviour::{ActorContext, Behaviours, KindBehaviour, ResourceActor};
use star_core::command::{Info, Restart};
use star_core::event::EventType;
use star_core::gate::Permit;
use star_core::kind::Kind;
use star_core::limits;
use star_core::status::State;
use star_core::watch::{Filter, WatchItem, Watcher};
use star_testkit::{TestTree, path};
use star_wire::{Envelope, ErrorCode, Method, Reply, StarError};

/// Longer than anything here takes, so that a test which hangs says so.
const LONG: Duration = Duration::from_secs(30);

/// A kind that echoes, and panics or toils when it is told to.
struct Parrot;

/// Whether others had their turn since [`toil_until_others_had_their_turn`] began.
static OTHERS_HAD_THEIR_TURN: AtomicBool = AtomicBool::new(false);

/// Keeps the processor for as long as an actor may keep it from others.
fn toil() {
    let begun = Instant::now();
    while begun.elapsed() < limits::ACTOR_TURN {
        std::hint::spin_loop();
    }
}

/// Keeps the processor until somebody else had it.
fn toil_until_others_had_their_turn() {
    OTHERS_HAD_THEIR_TURN.store(false, Ordering::Release);
    let begun = Instant::now();
    while !OTHERS_HAD_THEIR_TURN.load(Ordering::Acquire) {
        assert!(begun.elapsed() < LONG / 2, "nobody else had a turn");
        std::hint::spin_loop();
    }
}

#[async_trait]
impl KindBehaviour for Parrot {
    async fn activate(&self, _: &ActorContext) -> Result<Box<dyn ResourceActor>, StarError> {
        Ok(Box::new(Parrot))
    }
}

#[async_trait]
impl ResourceActor for Parrot {
    async fn handle(&mut self, _: &ActorContext, permit: &Permit) -> Result<Reply, StarError> {
        match permit.envelope().method.as_str() {
            "panic" => panic!("told to"),
            "toil" => {
                toil();
                Ok(Reply::empty())
            }
            "toil-until-others-had-their-turn" => {
                toil_until_others_had_their_turn();
                Ok(Reply::empty())
            }
            _ => Ok(Reply::new("text/plain", permit.envelope().body.clone())),
        }
    }
}

fn behaviours() -> Behaviours {
    [Kind::Root, Kind::Space, Kind::Base, Kind::Star]
        .into_iter()
        .fold(Behaviours::default(), |behaviours, kind| behaviours.with(kind, Parrot))
}

fn message(to: &str, method: &str) -> Envelope {
    Envelope::new(path(to), Method::parse(method).unwrap())
}

/// Waits until something holds.
async fn until(what: &str, mut holds: impl FnMut() -> bool) {
    let waited = tokio::time::timeout(LONG, async {
        while !holds() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    });
    assert!(waited.await.is_ok(), "{what}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_tree_short_of_memory_puts_actors_away_and_loses_no_message() {
    const ACTORS: usize = 300;
    let room = 40 * limits::ACTOR_BYTES;
    let star = TestTree::with_actor_memory(behaviours(), room).await;
    star.create(Kind::Space, &path("acme")).await.unwrap();
    let names: Vec<String> = (0..ACTORS).map(|number| format!("acme:b{number}")).collect();
    for name in &names {
        star.create(Kind::Base, &path(name)).await.unwrap();
    }
    for _ in 0..3 {
        // A sender that finds no room is told so, before anything was done, and comes again.
        let asked = join_all(names.iter().map(|name| async {
            loop {
                match star.ask(message(name, "echo").with_body("text/plain", name.clone())).await {
                    Err(error) if error.code() == ErrorCode::Busy => {
                        let after_ms = error.retry_after_ms().unwrap();
                        tokio::time::sleep(Duration::from_millis(after_ms.into())).await;
                    }
                    answered => return answered.unwrap().body == *name,
                }
            }
        }));
        let answers = tokio::time::timeout(LONG, asked).await.unwrap();
        assert!(answers.into_iter().all(|is_own| is_own));
    }
    until("the room is kept", || star.tree.actors().memory_bytes <= room).await;
    assert!(star.tree.actors().passivations >= (3 * (ACTORS - 60)) as u64, "{:?}", star.tree.actors());
}

#[tokio::test]
async fn a_resource_that_panics_again_and_again_rests_longer_each_time() {
    let star = TestTree::start(behaviours()).await;
    star.create(Kind::Space, &path("acme")).await.unwrap();
    let first = star.ask(message("acme", "panic")).await.unwrap_err();
    assert_eq!((first.code(), first.retry_after_ms()), (ErrorCode::Panicked, Some(1_000)));
    let resting = star.ask(message("acme", "echo")).await.unwrap_err();
    assert!(resting.retry_after_ms().unwrap() <= 1_000);
    tokio::time::sleep(limits::PANIC_REST).await;
    let second = star.ask(message("acme", "panic")).await.unwrap_err();
    assert_eq!(second.retry_after_ms(), Some(2_000));
}

#[tokio::test]
async fn a_restart_ends_the_rest_and_the_history_tells_of_both() {
    let star = TestTree::start(behaviours()).await;
    star.create(Kind::Space, &path("acme")).await.unwrap();
    star.ask(message("acme", "panic")).await.unwrap_err();
    let restarted = star.send(&path("acme"), &Restart).await.unwrap();
    assert_eq!(restarted.resource.record.status.message, "restarted by star:users:admin");
    star.ask(message("acme", "echo")).await.unwrap();
    let told = star.send(&path("acme"), &Info).await.unwrap();
    let words: Vec<&str> = told.history.iter().map(|status| status.state.word()).collect();
    assert_eq!((words, &told.record.status.state), (vec!["Ready", "Panic"], &State::Ready));
    assert!(told.history[1].message.contains("told to"));
    let missing = star.send(&path("nobody"), &Restart).await.unwrap_err();
    assert_eq!(missing.code(), ErrorCode::NotFound);
}

#[tokio::test]
async fn the_history_forgets_what_is_oldest_and_goes_with_its_resource() {
    let star = TestTree::start(behaviours()).await;
    star.create(Kind::Space, &path("acme")).await.unwrap();
    for round in 0..limits::STATUS_HISTORY {
        let reason = StarError::new(ErrorCode::NotRunning, format!("round {round}"));
        star.tree.take_out_of_service(&path("acme"), &reason).await.unwrap();
    }
    let told = star.send(&path("acme"), &Info).await.unwrap();
    assert_eq!(told.history.len(), limits::STATUS_HISTORY - 1);
    assert_eq!(told.history[0].message, "round 0", "the first status of all is forgotten");
    let delete = star_core::command::Delete { recursive: true, if_digest: None };
    star.send(&path("acme"), &delete).await.unwrap();
    star.create(Kind::Space, &path("acme")).await.unwrap();
    assert!(star.send(&path("acme"), &Info).await.unwrap().history.is_empty());
}

#[tokio::test]
async fn a_message_that_nobody_waits_for_and_that_fails_is_told_in_the_log() {
    let star = TestTree::start(behaviours()).await;
    star.create(Kind::Space, &path("acme")).await.unwrap();
    let mut watcher = Watcher::from_now(&star.tree.log, Filter::everything());
    let permit = star.tree.admit(&star.admin, message("acme", "panic")).await.unwrap();
    star.tree.tell(permit).await.unwrap();
    let told = async {
        loop {
            if let WatchItem::Event(_, happened) = watcher.next().await.unwrap()
                && happened.event.what == EventType::DeadLetter
            {
                return happened.event.clone();
            }
        }
    };
    let event = tokio::time::timeout(LONG, told).await.unwrap();
    assert_eq!((event.path.as_str(), event.detail["method"].as_str()), ("acme", "panic"));
    assert_eq!(event.detail["code"], ErrorCode::Panicked.to_string());
    assert!(event.detail["reason"].contains("told to"));
    assert_eq!(star.tree.actors().dead_letters, 1);
}

#[tokio::test]
async fn the_flood_of_one_space_is_refused_and_the_other_is_served() {
    let star = TestTree::start(behaviours()).await;
    star.create(Kind::Space, &path("loud")).await.unwrap();
    star.create(Kind::Space, &path("quiet")).await.unwrap();
    let mut under_way = Vec::new();
    let refused = loop {
        match star.tree.admit(&star.admin, message("loud", "echo")).await {
            Ok(permit) => under_way.push(permit),
            Err(error) => break error,
        }
    };
    assert_eq!((refused.code(), refused.retry_after_ms().is_some()), (ErrorCode::Busy, true));
    assert_eq!(under_way.len() as u32, limits::IN_FLIGHT / 2);
    let create = star.create(Kind::Base, &path("loud:b")).await.unwrap_err();
    assert_eq!(create.code(), ErrorCode::Busy, "what makes a resource is no way around it");
    let permit = star.tree.admit(&star.admin, message("quiet", "echo")).await.unwrap();
    star.tree.ask(permit).await.unwrap();
    drop(under_way);
    assert_eq!(star.tree.actors().in_flight, 0);
    star.tree.admit(&star.admin, message("loud", "echo")).await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn others_have_their_turn_while_an_actor_works_that_was_found_to_work_long() {
    let star = TestTree::start(behaviours()).await;
    star.create(Kind::Space, &path("acme")).await.unwrap();
    let other = tokio::spawn(async {
        loop {
            OTHERS_HAD_THEIR_TURN.store(true, Ordering::Release);
            tokio::task::yield_now().await;
        }
    });
    for _ in 0..=limits::ACTOR_LOOK + limits::ACTOR_LONG_MESSAGES {
        star.ask(message("acme", "toil")).await.unwrap();
    }
    star.ask(message("acme", "toil-until-others-had-their-turn")).await.unwrap();
    for _ in 0..=limits::ACTOR_SHORT_MESSAGES {
        star.ask(message("acme", "echo")).await.unwrap();
    }
    other.abort();
}
