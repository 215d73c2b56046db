//! Cases about scans and removals of ranges.

use bytes::Bytes;
use star_core::ports::meta::{Key, KeyRange, Operation};

use super::subject::{Subject, key, operations_of, put, range};
use crate::LIMITS;

async fn with_keys(on: &Subject, keys: &[&str]) {
    on.apply(keys.iter().map(|key| put(key, "v")).collect()).await;
}

pub(super) async fn a_scan_is_in_the_order_of_bytes(on: Subject) {
    with_keys(&on, &["b", "a", "ab", "B", "a/", "\u{e4}"]).await;
    assert_eq!(on.keys(KeyRange::prefix("")).await, ["B", "a", "a/", "ab", "b", "\u{e4}"]);
}

pub(super) async fn a_scan_starts_at_its_start_and_ends_before_its_end(on: Subject) {
    with_keys(&on, &["a", "b", "c", "d"]).await;
    assert_eq!(on.keys(range("b", "d")).await, ["b", "c"]);
}

pub(super) async fn a_prefix_covers_its_keys_and_no_others(on: Subject) {
    with_keys(&on, &["r", "r.", "r/", "r/a", "r/a/b", "r0"]).await;
    assert_eq!(on.keys(KeyRange::prefix("r/")).await, ["r/", "r/a", "r/a/b"]);
}

pub(super) async fn a_prefix_of_the_last_byte_goes_to_the_end(on: Subject) {
    let last = |bytes: &'static [u8]| Key::new(Bytes::from_static(bytes));
    let put = |key: &Key| Operation::Put(key.clone(), Bytes::new());
    let (inside, above) = (last(&[0xff, 1]), last(&[0xff, 0xff, 0xff]));
    on.apply(vec![put(&inside), put(&above), put(&key("a"))]).await;
    let page = on.store().scan(KeyRange::prefix(Bytes::from_static(&[0xff])), 10).await.unwrap();
    let keys: Vec<_> = page.rows.into_iter().map(|(key, _)| key).collect();
    assert_eq!(keys, [inside, above]);
}

pub(super) async fn a_range_without_end_goes_to_the_last_key(on: Subject) {
    with_keys(&on, &["a", "b", "z"]).await;
    assert_eq!(on.keys(KeyRange { start: key("b"), end: None }).await, ["b", "z"]);
}

pub(super) async fn a_range_that_ends_before_it_begins_is_empty(on: Subject) {
    with_keys(&on, &["a", "b", "c"]).await;
    assert!(on.keys(range("c", "a")).await.is_empty());
    assert!(on.keys(range("b", "b")).await.is_empty());
}

pub(super) async fn pages_join_without_gap_or_repetition(on: Subject) {
    let keys: Vec<String> = (0..25).map(|number| format!("k{number:02}")).collect();
    with_keys(&on, &keys.iter().map(String::as_str).collect::<Vec<_>>()).await;
    let mut seen = Vec::new();
    let mut rest = KeyRange::prefix("k");
    loop {
        let page = on.store().scan(rest.clone(), 7).await.unwrap();
        assert!(page.rows.len() <= 7);
        seen.extend(page.rows.into_iter().map(|(key, _)| String::from_utf8(key.as_bytes().to_vec()).unwrap()));
        let Some(next) = page.next else { break };
        rest.start = next;
    }
    assert_eq!(seen, keys);
}

pub(super) async fn a_page_that_ends_with_the_range_names_no_next(on: Subject) {
    with_keys(&on, &["a", "b", "c"]).await;
    let page = on.store().scan(range("a", "c"), 2).await.unwrap();
    assert_eq!((page.rows.len(), page.next), (2, None));
    let page = on.store().scan(range("a", "d"), 2).await.unwrap();
    assert_eq!((page.rows.len(), page.next), (2, Some(key("c"))));
}

pub(super) async fn a_page_holds_at_most_a_thousand_rows(on: Subject) {
    for hundreds in 0..3 {
        let operations = (0..400).map(|number| put(&format!("k{hundreds}{number:03}"), "")).collect();
        on.apply(operations).await;
    }
    let page = on.store().scan(KeyRange::prefix("k"), usize::MAX).await.unwrap();
    assert_eq!(page.rows.len(), LIMITS.page_rows);
    assert_eq!(on.keys(KeyRange::prefix("k")).await.len(), 1_200);
}

pub(super) async fn a_page_ends_at_a_megabyte(on: Subject) {
    let large = Bytes::from(vec![0; LIMITS.value_bytes]);
    for first in [0, 10] {
        let puts = (first..first + 10).map(|number| Operation::Put(key(&format!("k{number:02}")), large.clone()));
        on.apply(puts.collect()).await;
    }
    let page = on.store().scan(KeyRange::prefix("k"), 100).await.unwrap();
    assert_eq!((page.rows.len(), page.next), (16, Some(key("k16"))));
}

pub(super) async fn a_limit_of_zero_still_goes_forward(on: Subject) {
    with_keys(&on, &["a", "b"]).await;
    let page = on.store().scan(KeyRange::prefix(""), 0).await.unwrap();
    assert_eq!((page.rows.len(), page.next), (1, Some(key("b"))));
}

pub(super) async fn removing_a_range_removes_its_keys_and_no_others(on: Subject) {
    with_keys(&on, &["a", "b", "b/1", "b/2", "c"]).await;
    on.apply(vec![Operation::DeleteRange(KeyRange::prefix("b/"))]).await;
    assert_eq!(on.keys(KeyRange::prefix("")).await, ["a", "b", "c"]);
}

pub(super) async fn removing_an_empty_range_changes_nothing(on: Subject) {
    with_keys(&on, &["a", "b", "c"]).await;
    on.commit(operations_of(vec![Operation::DeleteRange(range("c", "a"))])).await.unwrap();
    assert_eq!(on.keys(KeyRange::prefix("")).await, ["a", "b", "c"]);
}

pub(super) async fn removing_a_range_to_the_end_leaves_what_is_before(on: Subject) {
    with_keys(&on, &["a", "b", "c"]).await;
    on.apply(vec![Operation::DeleteRange(KeyRange { start: key("b"), end: None })]).await;
    assert_eq!(on.keys(KeyRange::prefix("")).await, ["a"]);
}
