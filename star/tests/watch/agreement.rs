//! All doors tell the same items, in the same order, with the same cursors.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use futures::StreamExt as _;
use futures::future::join_all;
use serde_json::Value;
use star_core::kind::Kind;
use star_core::watch::{Filter, Watcher};
use tokio::task::JoinSet;

use crate::doors::{Door, Star, Want, short, told_until};

/// What a reader wants, and what it is told of the history below.
struct Row {
    want: Want,
    told: &'static [&'static str],
}

fn rows(since_file_system: &str) -> Vec<Row> {
    let want = |selector, children_of, types| Want { selector, children_of, types, since: "0".into() };
    vec![
        Row {
            want: want("acme:a", "", &[]),
            told: &["created acme:a", "changed acme:a", "changed acme:a", "deleted acme:a"],
        },
        Row {
            want: want("acme:a:**", "", &[]),
            told: &["created acme:a", "created acme:a:b", "changed acme:a", "changed acme:a", "deleted acme:a"],
        },
        Row { want: want("acme:a:b", "", &[]), told: &["created acme:a:b", "deleted acme:a"] },
        Row { want: want("acme:**<FileSystem>", "", &[]), told: &["created acme:web", "deleted acme:a"] },
        Row {
            want: want("acme:**", "", &["deleted", "broadcast"]),
            told: &["deleted acme:a", "broadcast acme:news", "deleted acme:c"],
        },
        Row {
            want: want("acme:*[labels.env=prod]", "", &["changed"]),
            told: &["changed acme:a", "changed acme:a", "changed acme:c"],
        },
        Row {
            want: want("", "acme", &[]),
            told: &[
                "child-added acme:a",
                "child-added acme:web",
                "child-removed acme:a",
                "child-added acme:news",
                "child-added acme:c",
                "child-removed acme:c",
            ],
        },
        Row { want: want("", "acme", &["child-removed"]), told: &["child-removed acme:a", "child-removed acme:c"] },
        Row { want: want("", "acme:a", &[]), told: &["child-added acme:a:b", "deleted acme:a"] },
        Row {
            want: Want { since: since_file_system.to_owned(), ..want("acme:web:**", "", &[]) },
            told: &["created acme:web:/"],
        },
    ]
}

async fn history(star: &Star) {
    star.create(Kind::Base, "acme:a").await;
    star.create(Kind::Base, "acme:a:b").await;
    star.label("acme:a", "env", "prod").await;
    star.label("acme:a", "x", "1").await;
    star.create(Kind::FileSystem, "acme:web").await;
    star.delete("acme:a").await;
    star.create(Kind::Broadcast, "acme:news").await;
}

/// What happens while the doors are open.
async fn present(star: &Star) {
    let news =
        star_client::Message::new("acme:news".parse().unwrap(), "broadcast").with_body("text/plain", "a new edition");
    star.admin().ask(news).await.unwrap();
    star.create(Kind::Base, "acme:c").await;
    star.label("acme:c", "env", "dev").await;
    star.delete("acme:c").await;
}

/// What every door tells of every row.
async fn at_all_doors(star: &Star, wants: &[Want], end: &Arc<AtomicU64>) -> JoinSet<(usize, Door, Vec<Value>)> {
    let client = star.admin();
    let mut reading = JoinSet::new();
    for (row, want) in wants.iter().enumerate() {
        let open = Door::ALL.map(|door| {
            let client = &client;
            async move { (door, door.open(client, want).await) }
        });
        for (door, items) in join_all(open).await {
            let end = Arc::clone(end);
            reading.spawn(async move { (row, door, told_until(items, end).await) });
        }
    }
    reading
}

async fn all_agree(reading: JoinSet<(usize, Door, Vec<Value>)>) -> Vec<Vec<Value>> {
    let mut found = reading.join_all().await;
    found.sort_by_key(|(row, door, _)| (*row, *door as usize));
    let rows = found.chunk_by(|a, b| a.0 == b.0);
    let one = |row: &[(usize, Door, Vec<Value>)]| {
        for (number, door, told) in row {
            assert_eq!(told, &row[0].2, "row {number}: {door:?} differs from {:?}", row[0].1);
        }
        row[0].2.clone()
    };
    rows.map(one).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn all_doors_tell_the_same_items_in_the_same_order_with_the_same_cursors() {
    let star = Star::start().await;
    history(&star).await;
    let everything = Want { since: "0".into(), ..Want::default() };
    let end = Arc::new(AtomicU64::new(star.head()));
    let whole = told_until(Door::Connect.open(&star.admin(), &everything).await, Arc::clone(&end)).await;
    let file_system = whole.iter().find(|item| item["event"]["path"] == "acme:web").expect("it was made");
    let since_file_system = file_system["event"]["cursor"].as_str().unwrap();
    assert!(since_file_system.contains('.'), "it was made in one batch with its root directory");

    let rows = rows(since_file_system);
    let mut wants: Vec<Want> = rows.iter().map(|row| row.want.clone()).collect();
    wants.push(everything);
    let end = Arc::new(AtomicU64::new(u64::MAX));
    let reading = at_all_doors(&star, &wants, &end).await;
    present(&star).await;
    end.store(star.head(), Ordering::SeqCst);
    let told = all_agree(reading).await;
    for (row, told) in rows.iter().zip(&told) {
        assert_eq!(short(told), row.told, "{:?}", row.want);
    }
    // Whoever begins behind any of the events is told the rest.
    let everything = told.last().unwrap();
    for (at, item) in everything.iter().enumerate() {
        let since = item["event"]["cursor"].as_str().unwrap().to_owned();
        let want = Want { since, ..Want::default() };
        let items = Door::Connect.open(&star.admin(), &want).await;
        let expected = everything.len() - at - 1;
        let rest: Vec<Value> = items.take(expected).map(event).collect().await;
        assert_eq!(rest, everything[at + 1..], "behind {}", want.since);
    }
}

fn event(item: Result<star_client::WatchItem, star_client::ClientError>) -> Value {
    match item.unwrap() {
        star_client::WatchItem::Event(event) => serde_json::json!({ "event": event }),
        other => panic!("{other:?}"),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn all_doors_tell_of_a_gap_and_go_on_behind_it() {
    let star = Star::start().await;
    let in_memory = star.head().to_string();
    history(&star).await;
    let kept_from = star.head() - 1;
    // Once the end of the log is in memory, it stays there when the store forgets it.
    Watcher::new(&star.tree.tree.log, Filter::everything(), 0).drain().await.unwrap();
    star.tree.meta.forget_events_up_to(kept_from);
    let want = |selector, since: &str| Want { selector, since: since.into(), ..Want::default() };
    let wants = [want("acme:**", "0"), want("acme:**", &in_memory), want("nobody:**", "0")];
    // Readers from the beginning find the log shorter; those near its end still have it in memory.
    let end = Arc::new(AtomicU64::new(u64::MAX));
    let reading = at_all_doors(&star, &wants, &end).await;
    present(&star).await;
    end.store(star.head(), Ordering::SeqCst);
    let told = all_agree(reading).await;
    let behind = ["created acme:news", "broadcast acme:news", "created acme:c", "changed acme:c", "deleted acme:c"];
    let with_gap = [vec![format!("gap 0 {kept_from}")], behind.map(str::to_owned).to_vec()].concat();
    assert_eq!(short(&told[0]), with_gap);
    assert_eq!(told[1][0]["event"]["path"], "acme:a");
    assert!(short(&told[1]).ends_with(&behind.map(str::to_owned)), "{:?}", short(&told[1]));
    assert_eq!(short(&told[2]), [format!("gap 0 {kept_from}")]);
}
