//! Selecting: whatever way is taken through the rows, the answer is that of looking at everything.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on says where")]

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use proptest::prelude::*;
use star_core::bootstrap;
use star_core::command::{Create, Delete, Move, Set, Strategy as OnExisting};
use star_core::gate::Authority;
use star_core::keys;
use star_core::kind::Kind;
use star_core::ports::meta::{Batch, Key, KeyRange, MetaStore, Operation};
use star_core::record::Resource;
use star_core::select::covers;
use star_path::{ResourcePath, Selector};
use star_testkit::{FixedClock, MemoryMeta, Plain, TestTree, path};
use star_wire::{ErrorCode, StarError};

async fn tree() -> TestTree {
    let behaviours = Plain::kinds(&[Kind::Broadcast]);
    let star = TestTree::start(behaviours).await;
    for space in ["acme", "acme-2", "b"] {
        star.create(Kind::Space, &path(space)).await.unwrap();
    }
    star
}

async fn make(star: &TestTree, kind: Kind, at: &str, labels: &[(&str, &str)]) -> Result<(), StarError> {
    let labels = labels.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
    let (properties, strategy) = (BTreeMap::new(), OnExisting::Create);
    let create = Create { path: path(at), kind, properties, labels, owner: None, strategy };
    star.tree.create(&star.admin, create).await.map(drop)
}

/// Everything that there is, looked at one by one.
async fn everything(meta: &MemoryMeta) -> Vec<Resource> {
    let rows = meta.scan(KeyRange::prefix("r/"), usize::MAX).await.unwrap().rows;
    rows.iter().map(|(key, row)| Resource::from_row(keys::path_of_record(key).unwrap(), row).unwrap()).collect()
}

async fn by_looking(star: &TestTree, selector: &Selector) -> Vec<ResourcePath> {
    let all = everything(&star.meta).await.into_iter();
    all.filter(|resource| covers(selector, resource)).map(|resource| resource.path).collect()
}

async fn by_pages(star: &TestTree, selector: &Selector, size: usize) -> Vec<ResourcePath> {
    let (mut found, mut from) = (Vec::new(), None);
    loop {
        let page = star.tree.select(&star.admin, selector, from.as_deref(), size).await.unwrap();
        found.extend(page.resources.into_iter().map(|resource| resource.path));
        from = page.next;
        if from.is_none() {
            return found;
        }
    }
}

/// The rows by which resources are found.
async fn rows(meta: &MemoryMeta) -> BTreeSet<Key> {
    meta.scan(keys::all_found(), usize::MAX).await.unwrap().rows.into_iter().map(|(key, _)| key).collect()
}

/// Something done to a tree, by numbers that choose among what there may be.
#[derive(Debug, Clone)]
enum Act {
    Make(Kind, usize, usize, usize),
    Label(usize, usize, Option<usize>),
    Break(usize),
    Remove(usize),
    Move(usize, usize),
}

const PLACES: [&str; 12] = [
    "acme:a",
    "acme:a:x",
    "acme:a:y",
    "acme:a-1",
    "acme:a:x:z",
    "acme:b",
    "acme:b:x",
    "acme-2:a",
    "b:a",
    "b:job-1",
    "b:job-2",
    "acme:a2",
];
const LABELS: [&str; 3] = ["env", "team", "tier"];
const VALUES: [&str; 4] = ["prod", "test", "7", "12"];

fn act() -> impl proptest::strategy::Strategy<Value = Act> {
    let place = 0..PLACES.len();
    prop_oneof![
        6 => (prop_oneof![Just(Kind::Base), Just(Kind::Broadcast)], place.clone(), 0..LABELS.len(), 0..VALUES.len())
            .prop_map(|(kind, place, label, value)| Act::Make(kind, place, label, value)),
        3 => (place.clone(), 0..LABELS.len(), proptest::option::of(0..VALUES.len()))
            .prop_map(|(place, label, value)| Act::Label(place, label, value)),
        1 => place.clone().prop_map(Act::Break),
        1 => place.clone().prop_map(Act::Remove),
        1 => (place.clone(), place).prop_map(|(from, to)| Act::Move(from, to)),
    ]
}

fn selector() -> impl proptest::strategy::Strategy<Value = String> {
    let hops = prop::sample::select(vec![
        "**",
        "*",
        "acme:**",
        "acme:*",
        "acme:a",
        "acme:a:**",
        "acme:*:**",
        "b:job-*",
        "*:a",
        "acme:**:x",
        "ROOT",
    ]);
    let kind = prop::sample::select(vec!["", "<Base>", "<Broadcast>", "<Space>", "<*>", "<File>", "<Nothing>"]);
    let filter = prop::sample::select(vec![
        "[labels.env=prod]",
        "[labels.env!=prod]",
        "[labels.env^=p]",
        "[labels.tier>8]",
        "[labels.tier<8]",
        "[labels.team=test]",
        "[status=Ready]",
        "[status=Panic]",
        "[status!=Ready]",
        "[status^=Pa]",
        "[kind=Base]",
        "[kind!=Base]",
        "[owner=star:users:admin]",
        "[title=x]",
        "[labels.none=x]",
    ]);
    (hops, kind, prop::collection::vec(filter, 0..3))
        .prop_map(|(hops, kind, filters)| [hops, kind, &filters.concat()].concat())
}

async fn perform(star: &TestTree, act: &Act) {
    let whole = Delete { recursive: true, if_digest: None };
    // Many of them are refused, because what they are about is not there.
    let _refused = match act {
        Act::Make(kind, place, label, value) => {
            make(star, *kind, PLACES[*place], &[(LABELS[*label], VALUES[*value])]).await.is_err()
        }
        Act::Label(place, label, value) => {
            let label = LABELS[*label].to_owned();
            let set = match value {
                Some(value) => Set { labels: [(label, VALUES[*value].to_owned())].into(), ..Set::default() },
                None => Set { remove_labels: vec![label], ..Set::default() },
            };
            star.send(&path(PLACES[*place]), &set).await.is_err()
        }
        Act::Break(place) => {
            let error = StarError::new(ErrorCode::Internal, "told to");
            star.tree.take_out_of_service(&path(PLACES[*place]), &error).await.is_err()
        }
        Act::Remove(place) => star.send(&path(PLACES[*place]), &whole).await.is_err(),
        Act::Move(from, to) => star.send(&path(PLACES[*from]), &Move { to: path(PLACES[*to]) }).await.is_err(),
    };
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn a_selector_is_answered_as_by_looking_at_everything(
        acts in prop::collection::vec(act(), 0..40),
        selectors in prop::collection::vec(selector(), 8),
        size in 1usize..6,
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let star = tree().await;
            for act in &acts {
                perform(&star, act).await;
            }
            for text in &selectors {
                let selector = Selector::parse(text).unwrap();
                assert_eq!(by_pages(&star, &selector, size).await, by_looking(&star, &selector).await, "{text}");
            }
            // What was written bit by bit is what would be made at once, without a row too many.
            let kept = rows(&star.meta).await;
            rebuild(&star.meta).await;
            assert_eq!(kept, rows(&star.meta).await);
        });
    }
}

async fn commit(meta: &MemoryMeta, operations: Vec<Operation>) {
    let shard = keys::shard(&ResourcePath::root());
    let batch = Batch { id: 1, shard, preconditions: Vec::new(), operations, events: Vec::new(), at: 0 };
    meta.commit(batch).await.unwrap();
}

async fn set_up(meta: &Arc<MemoryMeta>) -> Result<(), StarError> {
    let store: Arc<dyn MetaStore> = meta.clone();
    bootstrap::ensure(&store, &FixedClock::default(), "test", BTreeMap::new()).await
}

/// Forgets the rows, as if the store had been written by a release that had none, and starts anew.
async fn rebuild(meta: &Arc<MemoryMeta>) {
    commit(meta, vec![Operation::DeleteRange(keys::all_found()), Operation::Delete(keys::found_progress())]).await;
    set_up(meta).await.unwrap();
}

#[tokio::test]
async fn rows_of_an_older_store_are_made_at_the_start_and_interrupted_go_on() {
    let star = tree().await;
    for number in 0..1_000 {
        make(&star, Kind::Base, &format!("acme:n{number:04}"), &[("env", "prod")]).await.unwrap();
    }
    let kept = rows(&star.meta).await;
    commit(&star.meta, vec![Operation::DeleteRange(keys::all_found()), Operation::Delete(keys::found_progress())])
        .await;
    // Each start dies after a few batches, as one does that is killed.
    let mut starts = 0;
    loop {
        starts += 1;
        star.meta.fail_after(3);
        let ended = set_up(&star.meta).await;
        star.meta.set_disk_full(false);
        let made = rows(&star.meta).await.len();
        match ended {
            Ok(()) => break,
            Err(error) => assert_eq!(error.code(), ErrorCode::DiskFull),
        }
        assert!(made >= 300 * (starts - 1), "start {starts} goes on where the one before ended, at {made}");
        assert!(starts < 20, "it does not come to an end");
    }
    assert!(starts > 2, "it was interrupted");
    assert_eq!(rows(&star.meta).await, kept);
    let head = *star.meta.head().borrow();
    set_up(&star.meta).await.unwrap();
    assert_eq!(*star.meta.head().borrow(), head, "where all is made nothing is written");
}

#[tokio::test]
async fn a_large_tree_is_not_found_when_it_is_removed_and_its_rows_go_afterwards() {
    let star = tree().await;
    let before = rows(&star.meta).await;
    make(&star, Kind::Base, "acme:top", &[]).await.unwrap();
    for number in 0..1_000 {
        make(&star, Kind::Base, &format!("acme:top:n{number}"), &[("env", "prod"), ("n", &number.to_string())])
            .await
            .unwrap();
    }
    make(&star, Kind::Base, "acme:top-2", &[("env", "prod")]).await.unwrap();
    star.send(&path("acme:top"), &Delete { recursive: true, if_digest: None }).await.unwrap();
    make(&star, Kind::Base, "acme:top", &[("env", "prod")]).await.unwrap();
    let selector = Selector::parse("**[labels.env=prod]").unwrap();
    assert_eq!(by_pages(&star, &selector, 7).await, [path("acme:top"), path("acme:top-2")]);
    let deadline = std::time::Instant::now() + std::time::Duration::from_secs(20);
    let left = |all: &BTreeSet<Key>| all.difference(&before).count();
    // Two Bases with a label: three rows each.
    while left(&rows(&star.meta).await) != 6 {
        assert!(std::time::Instant::now() < deadline, "{} rows are left", left(&rows(&star.meta).await));
        tokio::task::yield_now().await;
    }
    let noted = star.meta.scan(keys::all_unswept(), 10).await.unwrap().rows.len();
    assert!(noted <= 2, "the progress, and at most the tree whose last row just went");
    assert_eq!(by_pages(&star, &selector, 7).await.len(), 2);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn who_is_there_from_the_first_page_to_the_last_is_seen_once_while_others_come_and_go() {
    let star = Arc::new(tree().await);
    for number in 0..300 {
        make(&star, Kind::Base, &format!("acme:n{number:03}"), &[("env", "prod")]).await.unwrap();
    }
    let writer = tokio::spawn({
        let star = star.clone();
        async move {
            for turn in 0..300 {
                let at = format!("acme:n{:03}x{turn}", turn * 7 % 300);
                make(&star, Kind::Base, &at, &[("env", "prod")]).await.unwrap();
                let set = Set { labels: [("turn".to_owned(), turn.to_string())].into(), ..Set::default() };
                star.send(&path(&format!("acme:n{:03}", turn * 11 % 300)), &set).await.unwrap();
                if turn % 2 == 0 {
                    star.send(&path(&at), &Delete { recursive: false, if_digest: None }).await.unwrap();
                }
            }
        }
    });
    let selector = Selector::parse("acme:**[labels.env=prod]").unwrap();
    for _ in 0..20 {
        let found = by_pages(&star, &selector, 9).await;
        assert!(found.is_sorted(), "in the order of their paths");
        assert_eq!(found.iter().collect::<BTreeSet<_>>().len(), found.len(), "nobody twice");
        let steady = found.iter().filter(|path| path.as_str().len() == "acme:n000".len()).count();
        assert_eq!(steady, 300);
    }
    writer.await.unwrap();
}

#[tokio::test]
async fn who_may_not_read_finds_nothing_by_any_row() {
    let star = tree().await;
    make(&star, Kind::Base, "acme:a", &[("env", "prod")]).await.unwrap();
    let nobody = Arc::new(Authority::Anonymous);
    for selector in ["**[labels.env=prod]", "acme:**<Base>", "**"] {
        let selector = Selector::parse(selector).unwrap();
        assert!(star.tree.select(&nobody, &selector, None, 10).await.unwrap().resources.is_empty());
    }
}
