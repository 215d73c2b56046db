//! Cases about the log as its followers see it.

use std::time::Duration;

use bytes::Bytes;
use star_core::ports::meta::{Batch, NewEvent, Position, Precondition};

use super::subject::{Subject, event, events_of, key, operations_of, put, shard};
use crate::limits::RECENT_BATCHES;

async fn all_bodies(on: &Subject, from: Position, limit: usize) -> Vec<String> {
    let mut bodies = Vec::new();
    let mut cursor = from;
    loop {
        let page = on.store().events(cursor, limit).await.unwrap();
        bodies.extend(page.events.iter().map(|event| String::from_utf8(event.body.to_vec()).unwrap()));
        if page.read_to == cursor {
            return bodies;
        }
        cursor = page.read_to;
    }
}

async fn tell(on: &Subject, count: usize) -> Vec<String> {
    let bodies: Vec<String> = (0..count).map(|number| format!("e{number}")).collect();
    for body in &bodies {
        on.commit(events_of(vec![event(body)])).await.unwrap();
    }
    bodies
}

pub(super) async fn an_empty_log_has_no_events(on: Subject) {
    let page = on.store().events(0, 10).await.unwrap();
    assert_eq!((page.events.len(), page.read_to), (0, 0));
    assert_eq!(*on.store().head().borrow(), 0);
}

pub(super) async fn an_event_carries_all_that_was_committed(on: Subject) {
    on.put("a", "1").await;
    let told = NewEvent { body: Bytes::from("body"), leaf: Some(Bytes::from("leaf")) };
    let committed = on.commit(Batch { at: 99, ..events_of(vec![told]) }).await.unwrap();
    let page = on.store().events(1, 10).await.unwrap();
    let seen = &page.events[0];
    assert_eq!((seen.position, seen.revision), (committed.position, committed.revision));
    assert_eq!((seen.shard, seen.index, seen.at), (shard(), 0, 99));
    assert_eq!((&seen.body[..], seen.leaf.as_deref()), (&b"body"[..], Some(&b"leaf"[..])));
}

pub(super) async fn events_of_a_batch_are_numbered(on: Subject) {
    on.commit(events_of(vec![event("x"), event("y"), event("z")])).await.unwrap();
    let page = on.store().events(0, 10).await.unwrap();
    assert_eq!(page.events.iter().map(|event| event.index).collect::<Vec<_>>(), [0, 1, 2]);
}

pub(super) async fn events_come_in_the_order_of_the_log(on: Subject) {
    let told = tell(&on, 30).await;
    assert_eq!(all_bodies(&on, 0, 1_000).await, told);
}

pub(super) async fn batches_without_events_move_the_cursor(on: Subject) {
    on.put("a", "1").await;
    on.put("a", "2").await;
    let page = on.store().events(0, 10).await.unwrap();
    assert_eq!((page.events.len(), page.read_to), (0, 2));
}

pub(super) async fn a_page_has_at_most_so_many_batches(on: Subject) {
    for _ in 0..3 {
        on.commit(events_of(vec![event("x"), event("y")])).await.unwrap();
    }
    let page = on.store().events(0, 2).await.unwrap();
    assert_eq!((page.events.len(), page.read_to), (4, 2));
}

pub(super) async fn pages_follow_each_other_to_the_end(on: Subject) {
    let told = tell(&on, 25).await;
    assert_eq!(all_bodies(&on, 0, 7).await, told);
    assert_eq!(all_bodies(&on, 20, 7).await, told[20..]);
}

pub(super) async fn a_cursor_beyond_the_end_waits_there(on: Subject) {
    tell(&on, 3).await;
    for beyond in [3, 4, Position::MAX] {
        let page = on.store().events(beyond, 10).await.unwrap();
        assert_eq!((page.events.len(), page.read_to), (0, beyond));
    }
}

pub(super) async fn a_conflict_leaves_no_event(on: Subject) {
    let preconditions = vec![Precondition::Present(key("a"))];
    on.commit(Batch { preconditions, ..events_of(vec![event("never")]) }).await.unwrap_err();
    assert!(all_bodies(&on, 0, 10).await.is_empty());
}

pub(super) async fn the_head_shows_a_commit_before_it_is_answered(on: Subject) {
    let head = on.store().head();
    for _ in 0..20 {
        let committed = on.commit(operations_of(vec![put("a", "1")])).await.unwrap();
        assert!(*head.borrow() >= committed.position);
    }
}

pub(super) async fn the_head_wakes_who_waits(on: Subject) {
    let mut head = on.store().head();
    let waiter = tokio::spawn(async move {
        head.wait_for(|position| *position >= 3).await.unwrap();
    });
    tell(&on, 3).await;
    tokio::time::timeout(Duration::from_secs(30), waiter).await.unwrap().unwrap();
}

pub(super) async fn events_are_read_from_disk_after_a_restart(mut on: Subject) {
    let told = tell(&on, 40).await;
    on.restart().await;
    assert_eq!(all_bodies(&on, 0, 9).await, told);
    assert_eq!(all_bodies(&on, 33, 9).await, told[33..]);
    let more = tell(&on, 2).await;
    assert_eq!(all_bodies(&on, 39, 9).await, [&told[39..], &more[..]].concat());
}

pub(super) async fn a_cursor_far_back_is_served_from_disk(on: Subject) {
    let committers: Vec<_> = (0..256)
        .map(|_| {
            let store = on.store();
            tokio::spawn(async move {
                for _ in 0..(RECENT_BATCHES / 256 + 1) {
                    store.commit(events_of(vec![event("e")])).await.unwrap();
                }
            })
        })
        .collect();
    for committer in committers {
        committer.await.unwrap();
    }
    let page = on.store().events(0, 5).await.unwrap();
    assert_eq!((page.events.len(), page.read_to), (5, 5));
    assert_eq!(all_bodies(&on, 0, 1_000).await.len(), 256 * (RECENT_BATCHES / 256 + 1));
}

pub(super) async fn large_events_end_a_page(mut on: Subject) {
    for _ in 0..4 {
        let large = NewEvent { body: Bytes::from(vec![b'e'; 600 * 1024]), leaf: None };
        on.commit(events_of(vec![large])).await.unwrap();
    }
    assert_eq!(on.store().events(0, 10).await.unwrap().read_to, 2);
    on.restart().await;
    assert_eq!(on.store().events(0, 10).await.unwrap().read_to, 2);
    assert_eq!(all_bodies(&on, 0, 10).await.len(), 4);
}
