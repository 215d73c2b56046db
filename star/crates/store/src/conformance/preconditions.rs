//! Cases about preconditions.

use star_core::ports::meta::{Batch, CommitError, KeyRange, Operation, Precondition, Revision};

use super::subject::{Subject, conflict, delete, event, key, operations_of, other_shard, put, range};

fn unchanged(range: KeyRange, since: Revision) -> Precondition {
    Precondition::RangeUnchangedSince(range, since)
}

pub(super) async fn absent_holds_where_nothing_is(on: Subject) {
    on.put("b", "1").await;
    on.apply(vec![put("c", "1"), delete("c")]).await;
    on.check(Precondition::Absent(key("a"))).await.unwrap();
    on.check(Precondition::Absent(key("c"))).await.unwrap();
}

pub(super) async fn absent_fails_with_the_revision_found(on: Subject) {
    on.put("x", "1").await;
    let revision = on.put("a", "1").await;
    assert_eq!(conflict(on.check(Precondition::Absent(key("a"))).await), (0, Some(revision)));
}

pub(super) async fn present_holds_where_a_value_is(on: Subject) {
    on.put("a", "").await;
    on.check(Precondition::Present(key("a"))).await.unwrap();
}

pub(super) async fn present_fails_where_nothing_is(on: Subject) {
    assert_eq!(conflict(on.check(Precondition::Present(key("a"))).await), (0, None));
}

pub(super) async fn modified_at_holds_for_the_last_writing_only(on: Subject) {
    let first = on.put("a", "1").await;
    on.check(Precondition::ModifiedAt(key("a"), first)).await.unwrap();
    let second = on.put("a", "2").await;
    assert_eq!(conflict(on.check(Precondition::ModifiedAt(key("a"), first)).await), (0, Some(second)));
    on.check(Precondition::ModifiedAt(key("a"), second)).await.unwrap();
}

pub(super) async fn modified_at_fails_where_nothing_is(on: Subject) {
    assert_eq!(conflict(on.check(Precondition::ModifiedAt(key("a"), 1)).await), (0, None));
    assert_eq!(conflict(on.check(Precondition::ModifiedAt(key("a"), 0)).await), (0, None));
}

pub(super) async fn modified_at_fails_for_another_shards_revision(on: Subject) {
    let revision = on.put("a", "1").await;
    let preconditions = vec![Precondition::ModifiedAt(key("a"), revision)];
    let elsewhere = Batch { shard: other_shard(), preconditions, ..operations_of(Vec::new()) };
    conflict(on.commit(elsewhere).await);
}

pub(super) async fn the_first_that_fails_is_named(on: Subject) {
    let revision = on.put("a", "1").await;
    let preconditions =
        vec![Precondition::Present(key("a")), Precondition::Absent(key("a")), Precondition::Present(key("b"))];
    let batch = Batch { preconditions, ..operations_of(Vec::new()) };
    assert_eq!(conflict(on.commit(batch).await), (1, Some(revision)));
}

pub(super) async fn a_conflict_changes_nothing(on: Subject) {
    on.put("a", "1").await;
    let batch = Batch {
        preconditions: vec![Precondition::Absent(key("a"))],
        events: vec![event("e")],
        ..operations_of(vec![put("a", "2"), put("b", "2")])
    };
    conflict(on.commit(batch).await);
    assert_eq!(on.value("a").await.as_deref(), Some("1"));
    assert_eq!(on.get("b").await, None);
    assert_eq!(on.put("c", "1").await, 2);
}

pub(super) async fn of_many_who_make_one_key_one_wins(on: Subject) {
    let sent: Vec<_> = (0..64)
        .map(|number| {
            let store = on.store();
            tokio::spawn(async move {
                let operations = vec![put("a", &number.to_string())];
                let preconditions = vec![Precondition::Absent(key("a"))];
                let outcome = store.commit(Batch { preconditions, ..operations_of(operations) }).await;
                outcome.is_ok().then_some(number)
            })
        })
        .collect();
    let mut winners = Vec::new();
    for one in sent {
        winners.extend(one.await.unwrap());
    }
    assert_eq!(winners.len(), 1);
    assert_eq!(on.value("a").await, Some(winners[0].to_string()));
}

pub(super) async fn a_counter_under_compare_and_set_counts_right(on: Subject) {
    on.put("n", "0").await;
    let counters: Vec<_> = (0..8)
        .map(|_| {
            let store = on.store();
            tokio::spawn(async move {
                let mut done = 0;
                while done < 20 {
                    let row = store.read(&[key("n")]).await.unwrap().pop().unwrap().unwrap();
                    let next = std::str::from_utf8(&row.value).unwrap().parse::<u32>().unwrap() + 1;
                    let preconditions = vec![Precondition::ModifiedAt(key("n"), row.modified)];
                    let operations = vec![put("n", &next.to_string())];
                    match store.commit(Batch { preconditions, ..operations_of(operations) }).await {
                        Ok(_) => done += 1,
                        Err(CommitError::Conflict { .. }) => {}
                        Err(other) => panic!("{other}"),
                    }
                }
            })
        })
        .collect();
    for counter in counters {
        counter.await.unwrap();
    }
    assert_eq!(on.value("n").await.as_deref(), Some("160"));
}

pub(super) async fn an_unchanged_range_holds(on: Subject) {
    let revision = on.apply(vec![put("a/1", "1"), put("a/2", "1")]).await;
    on.check(unchanged(KeyRange::prefix("a/"), revision)).await.unwrap();
}

pub(super) async fn a_write_in_the_range_is_seen(on: Subject) {
    let before = on.put("a/1", "1").await;
    let written = on.put("a/2", "1").await;
    assert_eq!(conflict(on.check(unchanged(KeyRange::prefix("a/"), before)).await), (0, Some(written)));
}

pub(super) async fn a_removal_in_the_range_is_seen(on: Subject) {
    let before = on.apply(vec![put("a/1", "1"), put("a/2", "1")]).await;
    let removed = on.apply(vec![delete("a/2")]).await;
    assert_eq!(conflict(on.check(unchanged(KeyRange::prefix("a/"), before)).await), (0, Some(removed)));
    on.check(unchanged(KeyRange::prefix("a/"), removed)).await.unwrap();
}

pub(super) async fn a_removal_of_a_range_is_seen_where_it_overlaps(on: Subject) {
    let before = on.apply(vec![put("a/1", "1"), put("b/1", "1"), put("c/1", "1")]).await;
    on.apply(vec![Operation::DeleteRange(range("a/", "b/2"))]).await;
    conflict(on.check(unchanged(KeyRange::prefix("b/"), before)).await);
    conflict(on.check(unchanged(KeyRange { start: key("a/1"), end: None }, before)).await);
    on.check(unchanged(KeyRange::prefix("c/"), before)).await.unwrap();
}

pub(super) async fn a_change_outside_the_range_is_not_seen(on: Subject) {
    let before = on.put("a/1", "1").await;
    on.apply(vec![put("b/1", "1"), put("a", "1"), put("a0", "1"), delete("b/2")]).await;
    on.check(unchanged(KeyRange::prefix("a/"), before)).await.unwrap();
}

pub(super) async fn a_change_up_to_the_revision_is_not_seen(on: Subject) {
    on.put("a/1", "1").await;
    on.apply(vec![delete("a/1")]).await;
    let last = on.put("a/1", "2").await;
    on.check(unchanged(KeyRange::prefix("a/"), last)).await.unwrap();
    conflict(on.check(unchanged(KeyRange::prefix("a/"), last - 1)).await);
}

pub(super) async fn a_write_of_another_shard_in_the_range_counts_as_change(on: Subject) {
    let revision = on.put("a/1", "1").await;
    on.commit(Batch { shard: other_shard(), ..operations_of(vec![put("a/2", "1")]) }).await.unwrap();
    conflict(on.check(unchanged(KeyRange::prefix("a/"), revision + 9)).await);
}

pub(super) async fn an_empty_range_is_never_changed(on: Subject) {
    on.apply(vec![put("a", "1"), put("b", "1"), delete("a")]).await;
    on.check(unchanged(range("c", "a"), 0)).await.unwrap();
}

pub(super) async fn of_many_who_saw_the_same_range_one_wins(on: Subject) {
    let seen = on.put("a/0", "").await;
    let sent: Vec<_> = (1..64)
        .map(|number| {
            let store = on.store();
            tokio::spawn(async move {
                let change = if number % 2 == 0 { put(&format!("a/{number}"), "") } else { delete("a/0") };
                let preconditions = vec![unchanged(KeyRange::prefix("a/"), seen)];
                store.commit(Batch { preconditions, ..operations_of(vec![change]) }).await.is_ok()
            })
        })
        .collect();
    let mut winners = 0;
    for one in sent {
        winners += usize::from(one.await.unwrap());
    }
    assert_eq!(winners, 1);
}

pub(super) async fn a_range_is_judged_after_a_restart(mut on: Subject) {
    let before = on.apply(vec![put("a/1", "1"), put("b/1", "1")]).await;
    let removed = on.apply(vec![delete("a/1")]).await;
    on.restart().await;
    conflict(on.check(unchanged(KeyRange::prefix("a/"), before)).await);
    on.check(unchanged(KeyRange::prefix("a/"), removed)).await.unwrap();
    on.check(unchanged(KeyRange::prefix("b/"), before)).await.unwrap();
}
