//! Cases about checkpoints.

use star_core::ports::meta::{Batch, KeyRange, Precondition};

use super::subject::{Subject, conflict, delete, event, events_of, key, operations_of, other_shard, put, range};

pub(super) async fn an_empty_store_has_no_checkpoint(on: Subject) {
    on.store().checkpoint().await.unwrap();
    assert_eq!(on.store().status().checkpoint, 0);
}

pub(super) async fn a_checkpoint_is_of_the_position_reached(on: Subject) {
    on.put("a", "1").await;
    on.put("a", "2").await;
    on.store().checkpoint().await.unwrap();
    assert_eq!(on.store().status().checkpoint, 2);
}

pub(super) async fn a_checkpoint_of_the_same_position_is_one(on: Subject) {
    on.put("a", "1").await;
    on.store().checkpoint().await.unwrap();
    on.store().checkpoint().await.unwrap();
    assert_eq!(on.store().status().checkpoint, 1);
}

pub(super) async fn a_checkpoint_is_known_after_a_restart(mut on: Subject) {
    on.put("a", "1").await;
    on.store().checkpoint().await.unwrap();
    on.put("a", "2").await;
    on.restart().await;
    assert_eq!(on.store().status().checkpoint, 1);
    assert_eq!(on.value("a").await.as_deref(), Some("2"));
}

pub(super) async fn a_checkpoint_changes_nothing_that_is_read(on: Subject) {
    on.put("a", "1").await;
    on.apply(vec![put("b", "2"), delete("a")]).await;
    let before = on.store().scan(KeyRange::prefix(""), 10).await.unwrap();
    on.store().checkpoint().await.unwrap();
    assert_eq!(on.store().scan(KeyRange::prefix(""), 10).await.unwrap().rows, before.rows);
}

pub(super) async fn the_revisions_of_rows_survive_checkpoint_and_restart(mut on: Subject) {
    on.put("a", "1").await;
    on.put("a", "2").await;
    on.store().checkpoint().await.unwrap();
    on.put("a", "3").await;
    on.restart().await;
    let row = on.get("a").await.unwrap();
    assert_eq!((row.created, row.modified), (1, 3));
}

pub(super) async fn shards_go_on_counting_after_checkpoint_and_restart(mut on: Subject) {
    on.put("a", "1").await;
    on.commit(Batch { shard: other_shard(), ..operations_of(Vec::new()) }).await.unwrap();
    on.store().checkpoint().await.unwrap();
    on.restart().await;
    assert_eq!(on.put("a", "2").await, 2);
}

pub(super) async fn an_id_is_remembered_over_checkpoint_and_restart(mut on: Subject) {
    let batch = operations_of(vec![put("a", "1")]);
    let first = on.commit(batch.clone()).await.unwrap();
    on.store().checkpoint().await.unwrap();
    on.restart().await;
    assert_eq!(on.commit(batch).await.unwrap(), first);
}

pub(super) async fn removals_are_remembered_over_checkpoint_and_restart(mut on: Subject) {
    let seen = on.put("a", "1").await;
    on.apply(vec![delete("a")]).await;
    on.store().checkpoint().await.unwrap();
    on.restart().await;
    conflict(on.check(Precondition::RangeUnchangedSince(range("a", "b"), seen)).await);
    on.check(Precondition::RangeUnchangedSince(range("x", "y"), seen)).await.unwrap();
}

pub(super) async fn events_before_a_checkpoint_are_still_read(mut on: Subject) {
    on.commit(events_of(vec![event("before")])).await.unwrap();
    on.store().checkpoint().await.unwrap();
    on.commit(events_of(vec![event("behind")])).await.unwrap();
    on.restart().await;
    assert_eq!(on.store().events(0, 10).await.unwrap().events.len(), 2);
}

pub(super) async fn what_a_checkpoint_covers_may_be_removed_behind_it(mut on: Subject) {
    on.apply(vec![put("a", "1"), put("b", "1")]).await;
    on.store().checkpoint().await.unwrap();
    on.apply(vec![delete("a")]).await;
    on.store().checkpoint().await.unwrap();
    on.restart().await;
    assert_eq!(on.keys(KeyRange::prefix("")).await, ["b"]);
    assert!(on.store().read(&[key("a")]).await.unwrap()[0].is_none());
}
