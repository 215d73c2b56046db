//! What was seen of a lock holds when the write is committed, or the write does not happen: here
//! the lock changes between the look and the commit, which no actor and no clock could prevent.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on says where")]

use star_core::command::{Claim, Command, Lock, Set, Unlock};
use star_core::kind::Kind;
use star_core::lock::fence::fenced;
use star_core::lock::{Guard, Held};
use star_core::ports::meta::MetaStore;
use star_core::stored::Change;
use star_testkit::{Plain, TestTree, path};

const TTL_MS: u64 = 1_000;

async fn star() -> TestTree {
    let behaviours = Plain::kinds(&[]);
    let star = TestTree::start(behaviours).await;
    for (kind, at) in [(Kind::Space, "acme"), (Kind::Base, "acme:b"), (Kind::Base, "acme:b:x")] {
        star.create(kind, &path(at)).await.unwrap();
    }
    star
}

async fn lock(star: &TestTree, at: &str, claim: Claim) -> Held {
    star.send(&path(at), &Lock { claim, ttl_ms: TTL_MS, note: String::new() }).await.unwrap()
}

fn by(id: &str) -> Claim {
    Claim::IfFree(id.to_owned())
}

/// What guards a change of `acme:b`, as it is seen now.
async fn seen(star: &TestTree, fence: &str) -> Guard {
    let message = fenced(Set::default().envelope(&path("acme:b")).unwrap(), fence);
    let permit = star.tree.gate.admit(&star.admin, message).await.unwrap();
    Guard::of(&star.tree, &permit).await.unwrap()
}

/// Whether a change under that guard happens.
async fn happens(star: &TestTree, guard: &Guard) -> bool {
    let meta: std::sync::Arc<dyn MetaStore> = star.meta.clone();
    let mut change = Change::of(&path("acme:b"), 0);
    guard.bind(&mut change).unwrap();
    change.commit(&meta).await.unwrap().is_some()
}

#[tokio::test]
async fn a_write_without_a_token_does_not_happen_once_the_lock_was_taken() {
    let star = star().await;
    let guard = seen(&star, "").await;
    assert!(happens(&star, &guard).await);
    lock(&star, "acme:b", by("a")).await;
    assert!(!happens(&star, &guard).await);
}

#[tokio::test]
async fn a_write_with_a_token_does_not_happen_once_the_lock_was_stolen_or_given_back() {
    let star = star().await;
    let held = lock(&star, "acme:b", by("a")).await;
    let guard = seen(&star, &held.token.to_string()).await;
    lock(&star, "acme:b", Claim::Renew(held.token)).await;
    assert!(happens(&star, &guard).await, "a renewal changes nothing for its holder");
    let stolen = lock(&star, "acme:b", Claim::Steal("b".to_owned())).await;
    assert!(!happens(&star, &guard).await);
    let guard = seen(&star, &stolen.token.to_string()).await;
    star.send(&path("acme:b"), &Unlock { token: stolen.token }).await.unwrap();
    assert!(!happens(&star, &guard).await);
}

#[tokio::test]
async fn a_write_over_a_lock_that_ran_out_does_not_happen_once_it_was_renewed() {
    let star = star().await;
    let held = lock(&star, "acme:b", by("a")).await;
    star.clock.advance_ms(TTL_MS);
    let guard = seen(&star, "").await;
    lock(&star, "acme:b", Claim::Renew(held.token)).await;
    assert!(!happens(&star, &guard).await);
}

#[tokio::test]
async fn a_tree_is_not_removed_once_somebody_took_a_lock_in_it() {
    let star = star().await;
    let message = Set::default().envelope(&path("acme:b")).unwrap();
    let permit = star.tree.gate.admit(&star.admin, message).await.unwrap();
    let guard = Guard::of_tree(&star.tree, &permit).await.unwrap();
    assert!(happens(&star, &guard).await);
    lock(&star, "acme:b:x", by("a")).await;
    assert!(!happens(&star, &guard).await);
}
