//! Cases about the edges of keys, ranges and groups of operations.

use bytes::Bytes;
use star_core::ports::meta::{Batch, Key, KeyRange, Operation, Precondition};

use super::subject::{Subject, conflict, delete, event, events_of, key, operations_of, other_shard, put, range, shard};

async fn put_bytes(on: &Subject, keys: &[&'static [u8]]) {
    let put = |key: &&'static [u8]| Operation::Put(Key::new(*key), Bytes::new());
    on.apply(keys.iter().map(put).collect()).await;
}

async fn scanned(on: &Subject, start: &'static [u8], end: Option<&'static [u8]>) -> Vec<Vec<u8>> {
    let range = KeyRange { start: Key::new(start), end: end.map(Key::new) };
    let page = on.store().scan(range, 100).await.unwrap();
    page.rows.into_iter().map(|(key, _)| key.as_bytes().to_vec()).collect()
}

fn erase(start: &'static str, end: Option<&'static str>) -> Operation {
    Operation::DeleteRange(KeyRange { start: key(start), end: end.map(key) })
}

pub(super) async fn a_zero_byte_sorts_before_everything_longer(on: Subject) {
    put_bytes(&on, &[b"a\x01", b"a", b"a\x00", b"a\x00\x00"]).await;
    assert_eq!(scanned(&on, b"", None).await, [&b"a"[..], b"a\x00", b"a\x00\x00", b"a\x01"]);
}

pub(super) async fn a_byte_of_ones_sorts_behind_everything(on: Subject) {
    put_bytes(&on, &[b"\xff\xff", b"\xff", b"\xfe\xff"]).await;
    assert_eq!(scanned(&on, b"", None).await, [&b"\xfe\xff"[..], b"\xff", b"\xff\xff"]);
    assert_eq!(scanned(&on, b"\xff", None).await, [&b"\xff"[..], b"\xff\xff"]);
}

pub(super) async fn a_range_ends_before_its_end_at_a_zero_byte(on: Subject) {
    put_bytes(&on, &[b"a", b"a\x00", b"a\x00\x00"]).await;
    assert_eq!(scanned(&on, b"a", Some(b"a\x00")).await, [b"a"]);
    assert_eq!(scanned(&on, b"a", Some(b"a\x00\x00")).await, [&b"a"[..], b"a\x00"]);
}

pub(super) async fn a_prefix_that_ends_in_ones_has_an_end(on: Subject) {
    put_bytes(&on, &[b"a\xff", b"a\xff\xff\x01", b"b"]).await;
    let page = on.store().scan(KeyRange::prefix(&b"a\xff"[..]), 100).await.unwrap();
    assert_eq!(page.rows.len(), 2);
}

pub(super) async fn the_empty_key_is_the_first(on: Subject) {
    put_bytes(&on, &[b"\x00", b""]).await;
    assert_eq!(scanned(&on, b"", None).await, [&b""[..], b"\x00"]);
    assert_eq!(scanned(&on, b"", Some(b"\x00")).await, [b""]);
}

pub(super) async fn a_range_of_one_key_is_that_key(on: Subject) {
    put_bytes(&on, &[b"a", b"a\x00", b"b"]).await;
    on.apply(vec![Operation::DeleteRange(KeyRange { start: key("a"), end: Some(Key::new(&b"a\x00"[..])) })]).await;
    assert_eq!(scanned(&on, b"", None).await, [&b"a\x00"[..], b"b"]);
}

pub(super) async fn a_range_with_the_same_start_and_end_is_empty(on: Subject) {
    on.put("a", "1").await;
    assert!(on.store().scan(range("a", "a"), 10).await.unwrap().rows.is_empty());
    on.apply(vec![erase("a", Some("a"))]).await;
    assert!(on.value("a").await.is_some());
}

pub(super) async fn removing_a_range_and_putting_in_it_leaves_what_was_put(on: Subject) {
    on.apply(vec![put("a/1", "old"), put("a/2", "old")]).await;
    on.apply(vec![erase("a/", Some("a0")), put("a/2", "new"), put("a/3", "new")]).await;
    assert_eq!(on.keys(KeyRange::prefix("a/")).await, ["a/2", "a/3"]);
    let row = on.get("a/2").await.unwrap();
    assert_eq!((row.created, row.modified), (2, 2), "it was made anew");
}

pub(super) async fn putting_in_a_range_and_removing_it_leaves_nothing(on: Subject) {
    on.apply(vec![put("a/1", "old")]).await;
    on.apply(vec![put("a/2", "new"), erase("a/", Some("a0"))]).await;
    assert!(on.keys(KeyRange::prefix("a/")).await.is_empty());
}

pub(super) async fn removing_everything_leaves_an_empty_store_that_counts_on(on: Subject) {
    on.apply(vec![put("a", "1"), put("z", "1")]).await;
    on.apply(vec![erase("", None)]).await;
    assert!(on.keys(KeyRange::prefix("")).await.is_empty());
    assert_eq!(on.put("a", "2").await, 3);
}

pub(super) async fn overlapping_removals_remove_both_ranges(on: Subject) {
    on.apply(["a", "b", "c", "d", "e"].map(|at| put(at, "1")).to_vec()).await;
    on.apply(vec![erase("a", Some("c")), erase("b", Some("e"))]).await;
    assert_eq!(on.keys(KeyRange::prefix("")).await, ["e"]);
}

pub(super) async fn the_last_of_two_puts_of_a_batch_wins(on: Subject) {
    on.apply(vec![put("a", "1"), put("a", "2")]).await;
    let row = on.get("a").await.unwrap();
    assert_eq!((&row.value[..], row.created, row.modified), (&b"2"[..], 1, 1));
}

pub(super) async fn a_key_removed_and_made_in_one_batch_is_made_anew(on: Subject) {
    on.put("a", "1").await;
    on.apply(vec![delete("a"), put("a", "2")]).await;
    assert_eq!(on.get("a").await.unwrap().created, 2);
}

pub(super) async fn a_key_removed_twice_is_removed(on: Subject) {
    on.put("a", "1").await;
    on.apply(vec![delete("a"), delete("a")]).await;
    assert!(on.get("a").await.is_none());
}

pub(super) async fn a_value_of_every_byte_is_read_back(on: Subject) {
    let value: Bytes = (0..=255u8).collect::<Vec<u8>>().into();
    on.apply(vec![Operation::Put(key("a"), value.clone())]).await;
    assert_eq!(on.get("a").await.unwrap().value, value);
}

pub(super) async fn a_value_may_shrink_and_grow(on: Subject) {
    for len in [10, 60_000, 0, 1, 65_536] {
        on.apply(vec![Operation::Put(key("a"), Bytes::from(vec![7; len]))]).await;
        assert_eq!(on.get("a").await.unwrap().value.len(), len);
    }
}

pub(super) async fn a_page_of_one_row_goes_on(on: Subject) {
    on.apply(["a", "b", "c"].map(|at| put(at, "1")).to_vec()).await;
    let mut start = key("");
    for expected in [Some("b"), Some("c"), None] {
        let page = on.store().scan(KeyRange { start: start.clone(), end: None }, 1).await.unwrap();
        assert_eq!((page.rows.len(), page.next.clone()), (1, expected.map(key)));
        start = page.next.unwrap_or(start);
    }
}

pub(super) async fn a_scan_from_a_key_that_was_removed_goes_on_behind_it(on: Subject) {
    on.apply(["a", "b", "c"].map(|at| put(at, "1")).to_vec()).await;
    let next = on.store().scan(KeyRange::prefix(""), 1).await.unwrap().next.unwrap();
    on.apply(vec![delete("b")]).await;
    let page = on.store().scan(KeyRange { start: next, end: None }, 10).await.unwrap();
    assert_eq!(page.rows.len(), 1);
}

pub(super) async fn many_keys_are_read_at_once(on: Subject) {
    let keys: Vec<String> = (0..400).map(|number| format!("k{number:03}")).collect();
    on.apply(keys.iter().step_by(2).map(|at| put(at, at)).collect()).await;
    let asked: Vec<Key> = keys.iter().map(|at| key(at)).collect();
    let rows = on.store().read(&asked).await.unwrap();
    assert!(rows.iter().enumerate().all(|(number, row)| row.is_some() == number.is_multiple_of(2)));
}

pub(super) async fn two_preconditions_on_one_key_both_hold(on: Subject) {
    let revision = on.put("a", "1").await;
    let preconditions = vec![Precondition::Present(key("a")), Precondition::ModifiedAt(key("a"), revision)];
    on.commit(Batch { preconditions, ..operations_of(vec![put("a", "2")]) }).await.unwrap();
}

pub(super) async fn contradicting_preconditions_name_the_second(on: Subject) {
    on.put("a", "1").await;
    let preconditions = vec![Precondition::Present(key("a")), Precondition::Absent(key("a"))];
    let outcome = on.commit(Batch { preconditions, ..operations_of(Vec::new()) }).await;
    assert_eq!(conflict(outcome), (1, Some(1)));
}

pub(super) async fn a_precondition_does_not_see_its_own_batch(on: Subject) {
    let preconditions = vec![Precondition::Absent(key("a"))];
    on.commit(Batch { preconditions, ..operations_of(vec![put("a", "1")]) }).await.unwrap();
}

pub(super) async fn a_removed_key_is_absent_and_not_present(on: Subject) {
    on.put("a", "1").await;
    on.apply(vec![delete("a")]).await;
    on.check(Precondition::Absent(key("a"))).await.unwrap();
    assert_eq!(conflict(on.check(Precondition::Present(key("a"))).await), (0, None));
}

pub(super) async fn modified_at_a_former_writing_fails(on: Subject) {
    let first = on.put("a", "1").await;
    let second = on.put("a", "1").await;
    let outcome = on.check(Precondition::ModifiedAt(key("a"), first)).await;
    assert_eq!(conflict(outcome), (0, Some(second)), "the same value written again is another writing");
}

pub(super) async fn a_range_of_everything_is_changed_by_anything(on: Subject) {
    let seen = on.put("a", "1").await;
    on.put("zzz", "1").await;
    conflict(on.check(Precondition::RangeUnchangedSince(KeyRange::prefix(""), seen)).await);
}

pub(super) async fn a_range_is_not_changed_by_a_batch_without_operations(on: Subject) {
    let seen = on.put("a", "1").await;
    on.apply(Vec::new()).await;
    on.check(Precondition::RangeUnchangedSince(KeyRange::prefix(""), seen)).await.unwrap();
}

pub(super) async fn a_range_is_changed_by_removing_what_was_not_there(on: Subject) {
    let seen = on.put("a", "1").await;
    on.apply(vec![delete("b")]).await;
    // Whether there was something to remove is not kept: the safe answer is that there was.
    conflict(on.check(Precondition::RangeUnchangedSince(range("b", "c"), seen)).await);
}

pub(super) async fn a_range_before_the_first_revision_is_changed_by_all_of_them(on: Subject) {
    on.put("a", "1").await;
    conflict(on.check(Precondition::RangeUnchangedSince(KeyRange::prefix("a"), 0)).await);
    on.check(Precondition::RangeUnchangedSince(KeyRange::prefix("b"), 0)).await.unwrap();
}

pub(super) async fn a_removal_by_another_shard_does_not_count_for_this_one(on: Subject) {
    let seen = on.put("a", "1").await;
    on.commit(Batch { shard: other_shard(), ..operations_of(vec![delete("x")]) }).await.unwrap();
    on.check(Precondition::RangeUnchangedSince(range("x", "y"), seen)).await.unwrap();
}

pub(super) async fn the_same_id_with_other_contents_is_the_first_batch(on: Subject) {
    let batch = operations_of(vec![put("a", "1")]);
    let first = on.commit(batch.clone()).await.unwrap();
    let second = on.commit(Batch { operations: vec![put("a", "2")], ..batch }).await.unwrap();
    assert_eq!((first, on.value("a").await.as_deref()), (second, Some("1")));
}

pub(super) async fn the_same_id_on_another_shard_is_the_first_batch(on: Subject) {
    let batch = operations_of(vec![put("a", "1")]);
    let first = on.commit(batch.clone()).await.unwrap();
    assert_eq!(on.commit(Batch { shard: other_shard(), ..batch }).await.unwrap(), first);
    assert_eq!(on.commit(Batch { shard: other_shard(), ..operations_of(Vec::new()) }).await.unwrap().revision, 1);
}

pub(super) async fn the_first_and_the_last_shard_are_shards(on: Subject) {
    for number in [0, 1023] {
        let shard = star_core::ports::meta::Shard::new(number).unwrap();
        let committed = on.commit(Batch { shard, ..operations_of(vec![put("a", "1")]) }).await.unwrap();
        assert_eq!(committed.revision, 1);
    }
}

pub(super) async fn a_key_written_by_two_shards_has_the_revisions_of_each(on: Subject) {
    on.put("a", "1").await;
    on.put("b", "1").await;
    on.commit(Batch { shard: other_shard(), ..operations_of(vec![put("a", "2")]) }).await.unwrap();
    let row = on.get("a").await.unwrap();
    assert_eq!((row.created, row.modified), (1, 1), "the second is the other shard's first");
}

pub(super) async fn events_of_two_shards_are_one_log(on: Subject) {
    on.commit(events_of(vec![event("a")])).await.unwrap();
    on.commit(Batch { shard: other_shard(), ..events_of(vec![event("b")]) }).await.unwrap();
    let page = on.store().events(0, 10).await.unwrap();
    let told: Vec<_> = page.events.iter().map(|event| (event.position, event.shard, event.revision)).collect();
    assert_eq!(told, [(1, shard(), 1), (2, other_shard(), 1)]);
}

pub(super) async fn an_event_without_a_body_is_an_event(on: Subject) {
    on.commit(events_of(vec![event(""), event("")])).await.unwrap();
    assert_eq!(on.store().events(0, 10).await.unwrap().events.len(), 2);
}

pub(super) async fn an_empty_leaf_is_not_none(mut on: Subject) {
    let with = |leaf: Option<&'static str>| star_core::ports::meta::NewEvent {
        body: Bytes::new(),
        leaf: leaf.map(Bytes::from),
    };
    on.commit(events_of(vec![with(None), with(Some(""))])).await.unwrap();
    on.restart().await;
    let events = on.store().events(0, 10).await.unwrap().events;
    assert_eq!((events[0].leaf.is_none(), events[1].leaf.as_deref()), (true, Some(&b""[..])));
}

pub(super) async fn a_page_of_no_batches_still_goes_forward(on: Subject) {
    on.commit(events_of(vec![event("a")])).await.unwrap();
    assert_eq!(on.store().events(0, 0).await.unwrap().read_to, 1);
}

pub(super) async fn a_repeated_batch_tells_its_events_once(on: Subject) {
    let batch = events_of(vec![event("a")]);
    on.commit(batch.clone()).await.unwrap();
    on.commit(batch).await.unwrap();
    assert_eq!(on.store().events(0, 10).await.unwrap().events.len(), 1);
    assert_eq!(on.store().status().position, 1);
}
