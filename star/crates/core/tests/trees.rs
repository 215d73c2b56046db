//! Whole trees: what is removed is removed in one moment.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on says where")]

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use star_core::command::{Delete, Info};
use star_core::event::{EventType, Happened};
use star_core::kind::Kind;
use star_core::ports::meta::MetaStore;
use star_core::stored;
use star_path::Selector;
use star_testkit::{Plain, TestTree, path};
use star_wire::ErrorCode;

async fn tree() -> TestTree {
    let behaviours = Plain::kinds(&[]);
    let star = TestTree::start(behaviours).await;
    star.create(Kind::Space, &path("acme")).await.unwrap();
    star
}

/// A tree of more resources than any batch has operations.
const MANY: usize = 5_000;

fn leaf(number: usize) -> String {
    format!("acme:top:b{}:l{number}", number % 50)
}

async fn grow(star: &TestTree) {
    star.create(Kind::Base, &path("acme:top")).await.unwrap();
    for branch in 0..50 {
        star.create(Kind::Base, &path(&format!("acme:top:b{branch}"))).await.unwrap();
    }
    for number in 0..MANY - 51 {
        star.create(Kind::Base, &path(&leaf(number))).await.unwrap();
    }
}

const WHOLE: Delete = Delete { recursive: true, if_digest: None };

/// Reads pairs until it is told to end: once one resource of the tree is gone, all are.
async fn read_pairs(star: Arc<TestTree>, over: Arc<AtomicBool>, seed: usize) -> usize {
    let meta: Arc<dyn MetaStore> = star.meta.clone();
    let mut seen_gone = 0;
    for turn in seed.. {
        let (one, other) = (turn * 7919 % (MANY - 51), turn * 104_729 % (MANY - 51));
        let first = stored::load(&meta, &path(&leaf(one))).await.unwrap();
        let second = stored::load(&meta, &path(&leaf(other))).await.unwrap();
        let page = star.tree.select(&star.admin, &Selector::parse("acme:top:**").unwrap(), None, 10).await.unwrap();
        if first.is_none() {
            seen_gone += 1;
            assert!(second.is_none() && page.resources.is_empty(), "{one} is gone, {other} is there");
            assert_eq!(star.send(&path(&leaf(other)), &Info).await.unwrap_err().code(), ErrorCode::NotFound);
        }
        if over.load(Ordering::SeqCst) {
            break;
        }
        tokio::task::yield_now().await;
    }
    seen_gone
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn five_thousand_resources_are_gone_for_every_reader_in_one_moment() {
    let star = Arc::new(tree().await);
    grow(&star).await;
    let over = Arc::new(AtomicBool::new(false));
    let readers: Vec<_> = (1..4).map(|seed| tokio::spawn(read_pairs(star.clone(), over.clone(), seed))).collect();
    let before = *star.meta.head().borrow();
    let deleted = star.send(&path("acme:top"), &WHOLE).await.unwrap();
    assert_eq!(deleted.resources, MANY as u64);
    over.store(true, Ordering::SeqCst);
    for reader in readers {
        reader.await.unwrap();
    }
    let told = star.meta.events(before, 10).await.unwrap().events;
    let told: Vec<Happened> = told.iter().map(|event| Happened::from_log(event, true).unwrap()).collect();
    assert_eq!(told.len(), 1);
    assert_eq!((told[0].event.what, told[0].event.detail["resources"].as_str()), (EventType::Deleted, "5000"));
    star.create(Kind::Base, &path("acme:top")).await.unwrap();
    let left = star.tree.select(&star.admin, &Selector::parse("acme:top:**").unwrap(), None, 10).await.unwrap();
    assert_eq!(left.resources.len(), 1, "what is made anew is empty");
}

#[tokio::test]
async fn a_store_that_fails_leaves_the_whole_tree() {
    let star = tree().await;
    grow(&star).await;
    star.meta.set_disk_full(true);
    assert_eq!(star.send(&path("acme:top"), &WHOLE).await.unwrap_err().code(), ErrorCode::DiskFull);
    star.meta.set_disk_full(false);
    assert_eq!(star.send(&path("acme:top"), &WHOLE).await.unwrap().resources, MANY as u64);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_child_that_was_made_is_never_removed_with_a_parent_that_was_thought_empty() {
    let star = Arc::new(tree().await);
    for round in 0..300 {
        let (parent, child) = (format!("acme:p{round}"), format!("acme:p{round}:x"));
        star.create(Kind::Base, &path(&parent)).await.unwrap();
        let (making, removing) = (star.clone(), star.clone());
        let parent_path = path(&parent);
        let made = tokio::spawn(async move { making.create(Kind::Base, &path(&child)).await });
        let alone = Delete { recursive: false, if_digest: None };
        let removed = tokio::spawn(async move { removing.send(&parent_path, &alone).await });
        let (made, removed) = (made.await.unwrap(), removed.await.unwrap());
        assert!(made.is_err() || removed.is_err(), "round {round}: the child was made and is gone");
        assert!(made.is_ok() || removed.is_ok(), "round {round}: {made:?} {removed:?}");
    }
}

#[tokio::test]
async fn what_held_children_that_are_gone_can_be_removed_alone() {
    let star = tree().await;
    let alone = Delete { recursive: false, if_digest: None };
    star.create(Kind::Base, &path("acme:p")).await.unwrap();
    star.create(Kind::Base, &path("acme:p:x")).await.unwrap();
    assert_eq!(star.send(&path("acme:p"), &alone).await.unwrap_err().code(), ErrorCode::NotEmpty);
    star.send(&path("acme:p:x"), &alone).await.unwrap();
    assert_eq!(star.send(&path("acme:p"), &alone).await.unwrap().resources, 1);
}
