//! Cases about single values.

use bytes::Bytes;
use star_core::ports::meta::{Key, Operation};

use super::subject::{Subject, delete, key, operations_of, put};
use crate::LIMITS;

pub(super) async fn a_key_that_was_never_written_has_no_value(on: Subject) {
    on.put("a", "1").await;
    assert_eq!(on.get("b").await, None);
}

pub(super) async fn a_value_carries_the_revisions_of_its_making_and_last_writing(on: Subject) {
    on.put("x", "0").await;
    let revision = on.put("a", "1").await;
    let row = on.get("a").await.unwrap();
    assert_eq!((&row.value[..], row.created, row.modified), (&b"1"[..], revision, revision));
}

pub(super) async fn rewriting_keeps_the_revision_of_making(on: Subject) {
    let made = on.put("a", "1").await;
    let written = on.put("a", "2").await;
    let row = on.get("a").await.unwrap();
    assert_eq!((&row.value[..], row.created, row.modified), (&b"2"[..], made, written));
}

pub(super) async fn a_key_made_again_after_removal_is_made_anew(on: Subject) {
    on.put("a", "1").await;
    on.apply(vec![delete("a")]).await;
    assert_eq!(on.get("a").await, None);
    let again = on.put("a", "2").await;
    assert_eq!(on.get("a").await.unwrap().created, again);
}

pub(super) async fn keys_are_answered_in_the_order_asked(on: Subject) {
    on.apply(vec![put("a", "1"), put("b", "2")]).await;
    let rows = on.store().read(&[key("b"), key("nothing"), key("a")]).await.unwrap();
    let values: Vec<_> = rows.into_iter().map(|row| row.map(|row| row.value)).collect();
    assert_eq!(values, [Some(Bytes::from("2")), None, Some(Bytes::from("1"))]);
}

pub(super) async fn the_same_key_may_be_asked_for_twice(on: Subject) {
    on.put("a", "1").await;
    let rows = on.store().read(&[key("a"), key("a")]).await.unwrap();
    assert_eq!(rows[0], rows[1]);
    assert!(rows[0].is_some());
}

pub(super) async fn no_keys_give_no_values(on: Subject) {
    assert!(on.store().read(&[]).await.unwrap().is_empty());
}

pub(super) async fn the_empty_key_and_the_empty_value_are_stored(on: Subject) {
    on.put("", "").await;
    assert_eq!(on.value("").await.as_deref(), Some(""));
}

pub(super) async fn any_bytes_are_stored(on: Subject) {
    let key = Key::new(Bytes::from_static(&[0, 0xff, 0, 0xfe]));
    let value = Bytes::from((0..=255).collect::<Vec<u8>>());
    on.apply(vec![Operation::Put(key.clone(), value.clone())]).await;
    let row = on.store().read(&[key]).await.unwrap().pop().unwrap().unwrap();
    assert_eq!(row.value, value);
}

pub(super) async fn the_longest_key_and_value_are_stored(on: Subject) {
    let key = Key::new(vec![b'k'; LIMITS.key_bytes]);
    let value = Bytes::from(vec![b'v'; LIMITS.value_bytes]);
    on.apply(vec![Operation::Put(key.clone(), value.clone())]).await;
    let row = on.store().read(&[key]).await.unwrap().pop().unwrap().unwrap();
    assert_eq!(row.value, value);
}

pub(super) async fn a_batch_is_seen_whole_or_not_at_all(on: Subject) {
    on.apply(vec![put("a", "0"), put("b", "0")]).await;
    let store = on.store();
    let writer = tokio::spawn(async move {
        for round in 1..200 {
            let value = round.to_string();
            store.commit(operations_of(vec![put("a", &value), put("b", &value)])).await.unwrap();
        }
    });
    while !writer.is_finished() {
        let rows = on.store().read(&[key("a"), key("b")]).await.unwrap();
        assert_eq!(rows[0], rows[1]);
        tokio::task::yield_now().await;
    }
    writer.await.unwrap();
}
