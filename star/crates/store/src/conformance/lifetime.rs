//! Cases about closing, opening, and what is remembered in between.

use star_core::ports::meta::{Batch, CommitError, KeyRange, ReadError};

use super::subject::{Subject, event, events_of, key, operations_of, other_shard, put};

pub(super) async fn everything_acknowledged_is_there_after_a_restart(mut on: Subject) {
    for number in 0..50 {
        on.put(&format!("k{number:02}"), &number.to_string()).await;
    }
    on.put("k07", "again").await;
    let before = on.store().scan(KeyRange::prefix(""), 1_000).await.unwrap();
    on.restart().await;
    let after = on.store().scan(KeyRange::prefix(""), 1_000).await.unwrap();
    assert_eq!(before.rows, after.rows);
}

pub(super) async fn revisions_and_positions_go_on_after_a_restart(mut on: Subject) {
    on.put("a", "1").await;
    on.commit(Batch { shard: other_shard(), ..operations_of(Vec::new()) }).await.unwrap();
    on.restart().await;
    assert_eq!(*on.store().head().borrow(), 2);
    let committed = on.commit(operations_of(vec![put("a", "2")])).await.unwrap();
    assert_eq!((committed.revision, committed.position), (2, 3));
}

pub(super) async fn an_id_is_remembered_over_a_restart(mut on: Subject) {
    let batch = operations_of(vec![put("a", "1")]);
    let first = on.commit(batch.clone()).await.unwrap();
    on.put("a", "2").await;
    on.restart().await;
    assert_eq!(on.commit(batch).await.unwrap(), first);
    assert_eq!(on.value("a").await.as_deref(), Some("2"));
}

pub(super) async fn a_store_dropped_without_closing_has_lost_nothing(mut on: Subject) {
    on.put("a", "1").await;
    on.drop_and_open();
    assert_eq!(on.value("a").await.as_deref(), Some("1"));
}

pub(super) async fn a_closed_store_takes_nothing_and_reads_nothing(on: Subject) {
    on.put("a", "1").await;
    let store = on.store();
    store.close().await;
    assert!(matches!(store.commit(operations_of(Vec::new())).await, Err(CommitError::Closed)));
    assert!(matches!(store.read(&[key("a")]).await, Err(ReadError::Closed)));
    assert!(matches!(store.scan(KeyRange::prefix(""), 1).await, Err(ReadError::Closed)));
    assert!(matches!(store.checkpoint().await, Err(ReadError::Closed)));
}

pub(super) async fn closing_twice_is_closing_once(on: Subject) {
    on.store().close().await;
    on.store().close().await;
}

pub(super) async fn what_was_sent_before_closing_is_finished(mut on: Subject) {
    let sent: Vec<_> = (0..200)
        .map(|number| {
            let store = on.store();
            tokio::spawn(async move {
                let at = format!("k{number:03}");
                store.commit(operations_of(vec![put(&at, "")])).await.is_ok().then_some(at)
            })
        })
        .collect();
    on.store().close().await;
    let mut acknowledged = Vec::new();
    for one in sent {
        acknowledged.extend(one.await.unwrap());
    }
    on.drop_and_open();
    assert_eq!(on.keys(KeyRange::prefix("k")).await, acknowledged);
}

pub(super) async fn a_checkpoint_answers(on: Subject) {
    on.store().checkpoint().await.unwrap();
    on.put("a", "1").await;
    on.store().checkpoint().await.unwrap();
    on.store().checkpoint().await.unwrap();
}

pub(super) async fn the_status_counts(on: Subject) {
    let before = on.store().status();
    assert_eq!((before.position, before.oldest_event, before.segments), (0, 1, 1));
    on.commit(events_of(vec![event("e")])).await.unwrap();
    on.put("a", "1").await;
    let after = on.store().status();
    assert_eq!((after.position, after.oldest_event, after.segments), (2, 1, 1));
    assert!(after.journal_bytes > before.journal_bytes);
    assert!(after.index_bytes > 0);
    assert!(["memory", "redb", "sled"].contains(&after.index.as_str()));
}
