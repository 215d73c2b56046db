//! Cases about durable consumers.

use star_core::ports::meta::{Consumer, ConsumerError};

use super::subject::{Subject, event, events_of};

async fn tell(on: &Subject, count: usize) {
    for _ in 0..count {
        on.commit(events_of(vec![event("e")])).await.unwrap();
    }
}

fn at(name: &str, position: u64) -> Consumer {
    Consumer { name: name.to_owned(), position }
}

pub(super) async fn at_first_there_is_none(on: Subject) {
    assert!(on.store().consumers().is_empty());
}

pub(super) async fn a_consumer_begins_where_it_says(on: Subject) {
    tell(&on, 3).await;
    assert_eq!(on.store().register_consumer("mirror", 2).await.unwrap(), 2);
    assert_eq!(on.store().consumers(), [at("mirror", 2)]);
}

pub(super) async fn registering_again_finds_the_first(on: Subject) {
    tell(&on, 3).await;
    on.store().register_consumer("mirror", 1).await.unwrap();
    assert_eq!(on.store().register_consumer("mirror", 3).await.unwrap(), 1);
    assert_eq!(on.store().consumers(), [at("mirror", 1)]);
}

pub(super) async fn a_consumer_advances(on: Subject) {
    tell(&on, 3).await;
    on.store().register_consumer("mirror", 0).await.unwrap();
    on.store().advance_consumer("mirror", 3).await.unwrap();
    assert_eq!(on.store().consumers(), [at("mirror", 3)]);
}

pub(super) async fn a_consumer_never_goes_back(on: Subject) {
    tell(&on, 3).await;
    on.store().register_consumer("mirror", 2).await.unwrap();
    on.store().advance_consumer("mirror", 1).await.unwrap();
    assert_eq!(on.store().consumers(), [at("mirror", 2)]);
}

pub(super) async fn nobody_advances_beyond_the_end(on: Subject) {
    tell(&on, 3).await;
    on.store().register_consumer("mirror", 0).await.unwrap();
    let beyond = on.store().advance_consumer("mirror", 4).await;
    assert!(matches!(beyond, Err(ConsumerError::Beyond { to: 4, head: 3 })));
    assert_eq!(on.store().consumers(), [at("mirror", 0)]);
}

pub(super) async fn who_is_not_registered_does_not_advance(on: Subject) {
    assert!(matches!(on.store().advance_consumer("nobody", 0).await, Err(ConsumerError::Unknown)));
}

pub(super) async fn a_dropped_consumer_is_gone(on: Subject) {
    on.store().register_consumer("mirror", 0).await.unwrap();
    on.store().drop_consumer("mirror").await.unwrap();
    assert!(on.store().consumers().is_empty());
    assert!(matches!(on.store().drop_consumer("mirror").await, Err(ConsumerError::Unknown)));
}

pub(super) async fn a_dropped_consumer_may_begin_anew(on: Subject) {
    tell(&on, 3).await;
    on.store().register_consumer("mirror", 1).await.unwrap();
    on.store().drop_consumer("mirror").await.unwrap();
    assert_eq!(on.store().register_consumer("mirror", 3).await.unwrap(), 3);
}

pub(super) async fn consumers_are_listed_by_name(on: Subject) {
    for name in ["c", "a", "b"] {
        on.store().register_consumer(name, 0).await.unwrap();
    }
    assert_eq!(on.store().consumers(), [at("a", 0), at("b", 0), at("c", 0)]);
}

pub(super) async fn consumers_do_not_move_each_other(on: Subject) {
    tell(&on, 3).await;
    on.store().register_consumer("a", 1).await.unwrap();
    on.store().register_consumer("b", 0).await.unwrap();
    on.store().advance_consumer("b", 2).await.unwrap();
    assert_eq!(on.store().consumers(), [at("a", 1), at("b", 2)]);
}

pub(super) async fn consumers_are_there_after_a_restart(mut on: Subject) {
    tell(&on, 3).await;
    on.store().register_consumer("mirror", 0).await.unwrap();
    on.store().advance_consumer("mirror", 2).await.unwrap();
    on.restart().await;
    assert_eq!(on.store().consumers(), [at("mirror", 2)]);
}

pub(super) async fn consumers_are_there_after_a_store_was_dropped(mut on: Subject) {
    on.store().register_consumer("mirror", 0).await.unwrap();
    on.drop_and_open();
    assert_eq!(on.store().consumers(), [at("mirror", 0)]);
}

pub(super) async fn a_name_without_letters_or_too_many_is_refused(on: Subject) {
    for name in ["", &"n".repeat(256)] {
        assert!(matches!(on.store().register_consumer(name, 0).await, Err(ConsumerError::BadName { max: 255 })));
    }
    on.store().register_consumer(&"n".repeat(255), 0).await.unwrap();
}

pub(super) async fn advancing_writes_nothing_into_the_log(on: Subject) {
    tell(&on, 1).await;
    on.store().register_consumer("mirror", 0).await.unwrap();
    on.store().advance_consumer("mirror", 1).await.unwrap();
    assert_eq!(on.store().status().position, 1);
}
