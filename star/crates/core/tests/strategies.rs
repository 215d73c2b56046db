//! Making resources where something is there already, and under names that are counted.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on says where")]

use std::collections::{BTreeMap, BTreeSet};

use star_core::command::{Changed, Claim, Create, Delete, Info, Lock, Strategy};
use star_core::event::EventType;
use star_core::gate::Authority;
use star_core::kind::Kind;
use star_core::numbers::NumberedPath;
use star_core::ports::meta::MetaStore;
use star_path::PropertyKey;
use star_testkit::{Plain, TestTree, path};
use star_wire::{ErrorCode, StarError};

async fn tree() -> TestTree {
    let behaviours = Plain::kinds(&[Kind::Broadcast]);
    let star = TestTree::start(behaviours).await;
    star.create(Kind::Space, &path("acme")).await.unwrap();
    star
}

fn base(at: &str, strategy: Strategy, title: &str, team: &str) -> Create {
    let properties = BTreeMap::from([(PropertyKey::parse("title").unwrap(), title.to_owned())]);
    let labels = BTreeMap::from([("team".to_owned(), team.to_owned())]);
    Create { path: path(at), kind: Kind::Base, properties, labels, owner: None, strategy }
}

async fn apply(star: &TestTree, title: &str, team: &str) -> Result<Changed, StarError> {
    star.tree.create(&star.admin, base("acme:b", Strategy::Apply, title, team)).await
}

/// The types of the events behind a position.
async fn told(star: &TestTree, after: u64) -> Vec<EventType> {
    let page = star.meta.events(after, 10_000).await.unwrap();
    let happened = page.events.iter().map(|logged| star_core::event::Happened::from_log(logged, true).unwrap());
    happened.map(|happened| happened.event.what).collect()
}

fn head(star: &TestTree) -> u64 {
    *star.meta.head().borrow()
}

#[tokio::test]
async fn applying_makes_what_is_missing_and_changes_what_differs_in_one_event() {
    let star = tree().await;
    let made = apply(&star, "One", "red").await.unwrap();
    assert!(made.changed && made.was_made());
    let before = head(&star);
    let same = apply(&star, "One", "red").await.unwrap();
    assert!(!same.changed && !same.was_made());
    assert_eq!(head(&star), before, "nothing differs, so nothing is written");
    let changed = apply(&star, "Two", "blue").await.unwrap();
    assert!(changed.changed && !changed.was_made());
    assert_eq!(told(&star, before).await, [EventType::Changed], "properties and labels in one event");
    let record = star.send(&path("acme:b"), &Info).await.unwrap().record;
    assert_eq!((record.property("title"), record.labels["team"].as_str()), (Some("Two"), "blue"));
}

#[tokio::test]
async fn ensuring_leaves_what_is_there_as_it_is() {
    let star = tree().await;
    apply(&star, "One", "red").await.unwrap();
    let before = head(&star);
    let there = star.tree.create(&star.admin, base("acme:b", Strategy::Ensure, "Two", "blue")).await.unwrap();
    assert!(!there.changed);
    assert_eq!((there.resource.record.property("title"), head(&star)), (Some("One"), before));
}

#[tokio::test]
async fn applying_refuses_what_no_change_can_bring_about_and_says_why() {
    let star = tree().await;
    apply(&star, "One", "red").await.unwrap();
    let other_kind = Create { kind: Kind::Broadcast, ..base("acme:b", Strategy::Apply, "One", "red") };
    let other_owner = Create { owner: Some(path("acme")), ..base("acme:b", Strategy::Apply, "One", "red") };
    let unknown = Create {
        properties: [(PropertyKey::parse("titel").unwrap(), "x".to_owned())].into(),
        ..base("acme:b", Strategy::Apply, "One", "red")
    };
    for (create, code, word) in [
        (other_kind, ErrorCode::AlreadyExists, "as a Base"),
        (other_owner, ErrorCode::InvalidProperty, "#owner of acme:b is star:users:admin"),
        (unknown, ErrorCode::InvalidProperty, "`titel`"),
    ] {
        let error = star.tree.create(&star.admin, create).await.unwrap_err();
        assert_eq!(error.code(), code, "{error}");
        assert!(error.message().contains(word), "{error}");
    }
    let nobody = std::sync::Arc::new(Authority::Anonymous);
    let error = star.tree.create(&nobody, base("acme:b", Strategy::Apply, "x", "y")).await.unwrap_err();
    assert_eq!(error.code(), ErrorCode::LoginNeeded);
}

#[tokio::test]
async fn applying_respects_the_lock_of_what_it_changes() {
    let star = tree().await;
    apply(&star, "One", "red").await.unwrap();
    let claim = Claim::IfFree("holder".to_owned());
    let held = star.send(&path("acme:b"), &Lock { claim, ttl_ms: 60_000, note: String::new() }).await.unwrap();
    assert_eq!(apply(&star, "Two", "red").await.unwrap_err().code(), ErrorCode::Locked);
    let under = base("acme:b", Strategy::Apply, "Two", "red");
    let fence = format!("{}@acme:b", held.token);
    assert!(star.tree.create_fenced(&star.admin, under, &fence, None).await.unwrap().changed);
}

#[tokio::test]
async fn many_who_apply_at_the_same_time_make_one_and_all_succeed() {
    let star = tree().await;
    let all = futures::future::join_all((0..50).map(|_| apply(&star, "One", "red"))).await;
    let made = all.into_iter().map(Result::unwrap).filter(Changed::was_made).count();
    assert_eq!(made, 1);
}

async fn count(star: &TestTree, name: &str) -> Result<String, StarError> {
    let name = NumberedPath::parse(name)?.unwrap();
    let create = base("acme:b", Strategy::Create, "Job", "red");
    let made = star.tree.create_numbered(&star.admin, &name, create, ("", None)).await?;
    Ok(made.resource.path.to_string())
}

#[tokio::test]
async fn two_hundred_who_count_at_the_same_time_get_two_hundred_names() {
    let star = tree().await;
    let names = futures::future::join_all((0..200).map(|_| count(&star, "acme:job-%"))).await;
    let names: BTreeSet<String> = names.into_iter().map(Result::unwrap).collect();
    assert_eq!(names.len(), 200);
    for name in &names {
        star.send(&path(name), &Info).await.unwrap();
    }
}

#[tokio::test]
async fn a_number_is_not_given_again_when_its_resource_is_removed() {
    let star = tree().await;
    assert_eq!(count(&star, "acme:job-%").await.unwrap(), "acme:job-1");
    star.send(&path("acme:job-1"), &Delete { recursive: false, if_digest: None }).await.unwrap();
    assert_eq!(count(&star, "acme:job-%").await.unwrap(), "acme:job-2");
    assert_eq!(count(&star, "acme:run-%").await.unwrap(), "acme:run-1", "each name counts for itself");
}

#[tokio::test]
async fn a_number_that_somebody_wrote_by_hand_is_passed_over() {
    let star = tree().await;
    for number in 1..=3 {
        star.create(Kind::Base, &path(&format!("acme:job-{number}"))).await.unwrap();
    }
    assert_eq!(count(&star, "acme:job-%").await.unwrap(), "acme:job-4");
}

#[tokio::test]
async fn a_name_is_counted_anew_below_a_parent_that_was_made_anew() {
    let star = tree().await;
    star.create(Kind::Base, &path("acme:p")).await.unwrap();
    assert_eq!(count(&star, "acme:p:%").await.unwrap(), "acme:p:1");
    star.send(&path("acme:p"), &Delete { recursive: true, if_digest: None }).await.unwrap();
    assert_eq!(count(&star, "acme:p:%").await.unwrap_err().code(), ErrorCode::ParentNotFound);
    star.clock.advance_ms(1);
    star.create(Kind::Base, &path("acme:p")).await.unwrap();
    assert_eq!(count(&star, "acme:p:%").await.unwrap(), "acme:p:1");
}

#[tokio::test]
async fn a_counted_name_is_always_made_anew() {
    let star = tree().await;
    let name = NumberedPath::parse("acme:job-%").unwrap().unwrap();
    for strategy in [Strategy::Ensure, Strategy::Apply] {
        let create = base("acme:b", strategy, "Job", "red");
        let error = star.tree.create_numbered(&star.admin, &name, create, ("", None)).await.unwrap_err();
        assert_eq!(error.code(), ErrorCode::InvalidArgument);
        assert!(error.message().contains("acme:job-%"), "{error}");
    }
}
