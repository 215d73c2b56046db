//! Cases about batches: order, revisions, identity, limits.

use bytes::Bytes;
use star_core::ports::meta::{Batch, CommitError, Committed, Key, KeyRange, NewEvent, Operation, Precondition};

use super::subject::{Subject, delete, event, events_of, key, operations_of, other_shard, put, shard};
use crate::LIMITS;

#[track_caller]
fn too_large(outcome: Result<Committed, CommitError>) -> &'static str {
    match outcome {
        Err(CommitError::TooLarge { what, got, max }) => {
            assert!(got > max, "{what}: {got} of {max}");
            what
        }
        other => panic!("expected a refusal, got {other:?}"),
    }
}

pub(super) async fn revisions_of_a_shard_are_gapless(on: Subject) {
    for expected in 1..=20 {
        assert_eq!(on.put("a", "v").await, expected);
    }
}

pub(super) async fn each_shard_counts_for_itself(on: Subject) {
    on.put("a", "1").await;
    on.put("a", "2").await;
    let elsewhere = Batch { shard: other_shard(), ..operations_of(vec![put("b", "1")]) };
    assert_eq!(on.commit(elsewhere).await.unwrap(), Committed { revision: 1, position: 3 });
    assert_eq!(on.put("a", "3").await, 3);
}

pub(super) async fn positions_are_gapless_over_all_shards(on: Subject) {
    for expected in 1..=10 {
        let shard = if expected % 2 == 0 { shard() } else { other_shard() };
        let committed = on.commit(Batch { shard, ..operations_of(Vec::new()) }).await.unwrap();
        assert_eq!(committed.position, expected);
    }
}

pub(super) async fn a_batch_of_nothing_takes_a_revision(on: Subject) {
    assert_eq!(on.apply(Vec::new()).await, 1);
    assert_eq!(on.apply(Vec::new()).await, 2);
}

pub(super) async fn operations_happen_in_order(on: Subject) {
    on.apply(vec![put("a", "1"), put("a", "2"), put("b", "1"), Operation::DeleteRange(KeyRange::prefix("b"))]).await;
    assert_eq!(on.value("a").await.as_deref(), Some("2"));
    assert_eq!(on.value("b").await, None);
}

pub(super) async fn a_value_put_and_removed_in_one_batch_is_not_there(on: Subject) {
    on.apply(vec![put("a", "1"), delete("a")]).await;
    assert_eq!(on.get("a").await, None);
}

pub(super) async fn a_removed_key_put_again_in_one_batch_is_there(on: Subject) {
    on.put("a", "1").await;
    let revision = on.apply(vec![delete("a"), put("a", "2")]).await;
    let row = on.get("a").await.unwrap();
    assert_eq!((&row.value[..], row.created, row.modified), (&b"2"[..], revision, revision));
}

pub(super) async fn removing_what_is_not_there_is_no_error(on: Subject) {
    assert_eq!(on.apply(vec![delete("a")]).await, 1);
}

pub(super) async fn a_batch_may_write_beside_its_shard(on: Subject) {
    on.put("x/content", "1").await;
    let elsewhere = Batch { shard: other_shard(), ..operations_of(vec![put("x/content", "2")]) };
    on.commit(elsewhere).await.unwrap();
    assert_eq!(on.value("x/content").await.as_deref(), Some("2"));
}

pub(super) async fn the_same_id_happens_once(on: Subject) {
    let batch = Batch { events: vec![event("e")], ..operations_of(vec![put("a", "1")]) };
    let first = on.commit(batch.clone()).await.unwrap();
    on.put("a", "2").await;
    assert_eq!(on.commit(batch).await.unwrap(), first);
    assert_eq!(on.value("a").await.as_deref(), Some("2"));
    assert_eq!(on.store().events(0, 100).await.unwrap().events.len(), 1);
}

pub(super) async fn the_same_id_sent_at_once_happens_once(on: Subject) {
    let batch = Batch { events: vec![event("e")], ..operations_of(vec![put("a", "1")]) };
    let sent: Vec<_> = (0..16)
        .map(|_| {
            let (store, batch) = (on.store(), batch.clone());
            tokio::spawn(async move { store.commit(batch).await.unwrap() })
        })
        .collect();
    for one in sent {
        assert_eq!(one.await.unwrap(), Committed { revision: 1, position: 1 });
    }
    assert_eq!(on.store().events(0, 100).await.unwrap().events.len(), 1);
}

pub(super) async fn an_id_that_was_refused_is_judged_again(on: Subject) {
    let batch = Batch { preconditions: vec![Precondition::Present(key("a"))], ..operations_of(Vec::new()) };
    on.commit(batch.clone()).await.unwrap_err();
    on.put("a", "1").await;
    on.commit(batch).await.unwrap();
}

pub(super) async fn a_batch_at_every_limit_is_taken(on: Subject) {
    let most = LIMITS.batch_operations;
    let operations = (0..most).map(|number| put(&format!("k{number}"), "v")).collect();
    let batch = Batch {
        preconditions: vec![Precondition::Absent(key("nothing")); most],
        events: vec![event("e"); most],
        ..operations_of(operations)
    };
    on.commit(batch).await.unwrap();
    let large = |bytes| Operation::Put(Key::new(Bytes::from_static(b"k")), Bytes::from(vec![0; bytes]));
    let each = LIMITS.value_bytes;
    // A put costs its tag, two lengths and a key of one byte beside its value.
    let mut operations: Vec<_> = (0..15).map(|_| large(each)).collect();
    let left = LIMITS.batch_bytes - 4 - 15 * (each + 1 + 2 + 1 + 4) - (1 + 2 + 1 + 4);
    assert!(left < each);
    operations.push(large(left));
    on.apply(operations.clone()).await;
    operations.push(delete("one too many"));
    assert_eq!(too_large(on.commit(operations_of(operations)).await), "bytes");
}

pub(super) async fn too_many_operations_are_refused(on: Subject) {
    let operations = vec![delete("a"); LIMITS.batch_operations + 1];
    assert_eq!(too_large(on.commit(operations_of(operations)).await), "operations");
}

pub(super) async fn too_many_preconditions_are_refused(on: Subject) {
    let preconditions = vec![Precondition::Absent(key("a")); LIMITS.batch_operations + 1];
    let batch = Batch { preconditions, ..operations_of(Vec::new()) };
    assert_eq!(too_large(on.commit(batch).await), "preconditions");
}

pub(super) async fn too_many_events_are_refused(on: Subject) {
    let batch = events_of(vec![event("e"); LIMITS.batch_operations + 1]);
    assert_eq!(too_large(on.commit(batch).await), "events");
}

pub(super) async fn too_long_a_key_is_refused_wherever_it_stands(on: Subject) {
    let long = Key::new(vec![b'k'; LIMITS.key_bytes + 1]);
    let to_long = KeyRange { start: key("a"), end: Some(long.clone()) };
    let from_long = KeyRange { start: long.clone(), end: None };
    let operations = [
        Operation::Put(long.clone(), Bytes::new()),
        Operation::Delete(long.clone()),
        Operation::DeleteRange(to_long.clone()),
        Operation::DeleteRange(from_long.clone()),
    ];
    for operation in operations {
        assert_eq!(too_large(on.commit(operations_of(vec![operation])).await), "bytes in a key");
    }
    let preconditions = [
        Precondition::Absent(long.clone()),
        Precondition::Present(long.clone()),
        Precondition::ModifiedAt(long, 1),
        Precondition::RangeUnchangedSince(to_long, 1),
        Precondition::RangeUnchangedSince(from_long, 1),
    ];
    for precondition in preconditions {
        assert_eq!(too_large(on.check(precondition).await), "bytes in a key");
    }
}

pub(super) async fn too_long_a_value_is_refused(on: Subject) {
    let long = Operation::Put(key("a"), Bytes::from(vec![0; LIMITS.value_bytes + 1]));
    assert_eq!(too_large(on.commit(operations_of(vec![long])).await), "bytes in a value");
}

pub(super) async fn too_many_bytes_are_refused(on: Subject) {
    let half = Bytes::from(vec![0; LIMITS.batch_bytes / 2]);
    let events = vec![NewEvent { body: half.clone(), leaf: Some(half) }];
    assert_eq!(too_large(on.commit(events_of(events)).await), "bytes");
}

pub(super) async fn a_refused_batch_changes_nothing(on: Subject) {
    let long = Operation::Put(key("a"), Bytes::from(vec![0; LIMITS.value_bytes + 1]));
    too_large(on.commit(operations_of(vec![put("b", "1"), long])).await);
    assert_eq!(on.get("b").await, None);
    assert_eq!(on.put("c", "1").await, 1);
}

pub(super) async fn many_committers_lose_nothing(on: Subject) {
    let committers: Vec<_> = (0..32)
        .map(|committer| {
            let store = on.store();
            tokio::spawn(async move {
                for round in 0..25 {
                    let at = format!("k{committer:02}/{round:02}");
                    store.commit(operations_of(vec![put(&at, &at)])).await.unwrap();
                }
            })
        })
        .collect();
    for committer in committers {
        committer.await.unwrap();
    }
    assert_eq!(on.keys(KeyRange::prefix("k")).await.len(), 800);
    assert_eq!(on.put("last", "").await, 801);
}

pub(super) async fn the_limits_are_those_of_the_port(on: Subject) {
    assert_eq!(on.store().limits(), LIMITS);
}
