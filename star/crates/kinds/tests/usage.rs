//! How much lies below a path, counted by the Star.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on says where")]

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use semver::Version;
use star_core::command::{Manifest, ManifestEntry, Publish, Put, PutIf, Set};
use star_core::gate::Authority;
use star_core::kind::Kind;
use star_core::record::Body;
use star_core::usage::{Row, Usage};
use star_path::PropertyKey;
use star_testkit::{TestTree, path};
use star_wire::{Deadline, ErrorCode, StarError};

fn body(star: &TestTree, bytes: &str) -> Body {
    Body { content: star.content.put(bytes.to_owned()), content_type: "text/plain".into() }
}

async fn put(star: &TestTree, at: &str, bytes: &str) {
    let body = Some(body(star, bytes)).filter(|_| !at.ends_with('/'));
    star.send(&path(at), &Put { body, only_if: PutIf::Any }).await.unwrap();
}

/// Two FileSystems beside each other, whose names begin alike, and a bundle.
async fn star() -> TestTree {
    let star = TestTree::start(star_kinds::behaviours()).await;
    for (kind, at) in [
        (Kind::Space, "acme"),
        (Kind::Base, "acme:b"),
        (Kind::FileSystem, "acme:b:fs"),
        (Kind::FileSystem, "acme:b:fs-2"),
        (Kind::ArtifactBundleSeries, "acme:site"),
    ] {
        star.create(kind, &path(at)).await.unwrap();
    }
    for (at, bytes) in [
        ("acme:b:fs:/a", "one"),
        ("acme:b:fs:/docs/b", "four"),
        ("acme:b:fs:/docs/deep/c", "one"),
        ("acme:b:fs:/docs-2/d", "seven!!"),
        ("acme:b:fs:/empty/", ""),
        ("acme:b:fs-2:/e", "four"),
    ] {
        put(&star, at, bytes).await;
    }
    let files = [("/x", "one"), ("/y", "eleven!!!!!")];
    let files = files.map(|(name, bytes)| (name.to_owned(), ManifestEntry { body: body(&star, bytes) }));
    let manifest = Manifest { files: files.into() }.encode().unwrap();
    let publish = Publish {
        version: Version::new(1, 0, 0),
        manifest: star.content.put(manifest),
        properties: BTreeMap::new(),
        tags: Vec::new(),
    };
    star.send(&path("acme:site"), &publish).await.unwrap();
    star
}

fn soon() -> Deadline {
    Deadline::at(Instant::now() + Duration::from_secs(20))
}

async fn usage(star: &TestTree, at: &str, depth: usize) -> Result<Usage, StarError> {
    star.tree.usage(&star.admin, &path(at), depth, soon()).await
}

fn told(row: &Row) -> (&str, u64, u64, u64) {
    (row.path.as_str(), row.files, row.directories, row.bytes)
}

#[tokio::test]
async fn files_directories_and_bytes_are_counted_and_each_content_once() {
    let star = star().await;
    for (at, files, directories, bytes, distinct) in [
        ("acme", 7, 4, 35, 25),
        ("acme:b", 5, 4, 21, 14),
        ("acme:b:fs", 4, 4, 17, 14),
        ("acme:b:fs:/", 4, 4, 17, 14),
        ("acme:b:fs:/docs/", 2, 1, 7, 7),
        ("acme:b:fs:/empty/", 0, 0, 0, 0),
        ("acme:b:fs:/a", 1, 0, 3, 3),
        ("acme:b:fs-2", 1, 0, 4, 4),
        ("acme:site", 2, 0, 14, 14),
        ("acme:site:1.0.0", 2, 0, 14, 14),
    ] {
        let usage = usage(&star, at, 0).await.unwrap();
        assert_eq!(told(&usage.whole), (at, files, directories, bytes));
        assert_eq!((usage.distinct_bytes, usage.is_estimate, usage.parts), (distinct, false, vec![]), "{at}");
    }
}

#[tokio::test]
async fn parts_are_told_level_by_level_and_add_up() {
    let star = star().await;
    let one = usage(&star, "acme", 1).await.unwrap();
    let rows: Vec<_> = one.parts.iter().map(told).collect();
    assert_eq!(rows, [("acme:b", 5, 4, 21), ("acme:site", 2, 0, 14)]);
    let four = usage(&star, "acme", 4).await.unwrap();
    let rows: Vec<_> = four.parts.iter().map(told).collect();
    let expected = [
        ("acme:b", 5, 4, 21),
        ("acme:b:fs", 4, 4, 17),
        ("acme:b:fs:/docs/", 2, 1, 7),
        ("acme:b:fs:/docs/deep/", 1, 0, 3),
        ("acme:b:fs:/docs-2/", 1, 0, 7),
        ("acme:b:fs:/empty/", 0, 0, 0),
        ("acme:b:fs-2", 1, 0, 4),
        ("acme:site", 2, 0, 14),
        ("acme:site:1.0.0", 2, 0, 14),
    ];
    let mut sorted = rows.clone();
    sorted.sort_by_key(|row| path(row.0));
    assert_eq!(rows, sorted, "in the order of their paths");
    let mut expected = expected.to_vec();
    expected.sort_by_key(|row| path(row.0));
    assert_eq!(rows, expected);
}

#[tokio::test]
async fn who_may_not_see_what_is_there_does_not_count_it() {
    let star = star().await;
    let nobody = Arc::new(Authority::Anonymous);
    let refused = star.tree.usage(&nobody, &path("acme:b"), 0, soon()).await.unwrap_err();
    assert_eq!(refused.code(), ErrorCode::LoginNeeded);
    let public = [(PropertyKey::parse("public").unwrap(), "read".to_owned())].into();
    star.send(&path("acme:b:fs"), &Set { properties: public, ..Set::default() }).await.unwrap();
    let seen = star.tree.usage(&nobody, &path("acme:b:fs"), 0, soon()).await.unwrap();
    assert_eq!(told(&seen.whole), ("acme:b:fs", 4, 4, 17));
    assert_eq!(usage(&star, "acme:none", 0).await.unwrap_err().code(), ErrorCode::NotFound);
    assert_eq!(usage(&star, "acme:site:1.0.0:/x", 0).await.unwrap_err().code(), ErrorCode::InvalidArgument);
}

#[tokio::test]
async fn more_pages_than_one_are_counted_and_more_parts_than_fit_are_refused() {
    let star = star().await;
    star.create(Kind::FileSystem, &path("acme:many")).await.unwrap();
    let most = star_core::limits::USAGE_ROWS;
    for number in 0..=most {
        put(&star, &format!("acme:many:/{number}/"), "").await;
    }
    let whole = usage(&star, "acme:many", 0).await.unwrap().whole;
    assert_eq!(whole.directories, most as u64 + 1);
    let error = usage(&star, "acme:many", 1).await.unwrap_err();
    assert_eq!(error.code(), ErrorCode::TooLarge);
    assert!(error.hint_text().unwrap().contains("fewer levels"), "{error:?}");
    let over = Deadline::at(Instant::now() - Duration::from_secs(1));
    let many = path("acme:many");
    let late = star.tree.usage(&star.admin, &many, 0, over);
    let late = late.await.unwrap_err();
    assert_eq!(late.code(), ErrorCode::TimedOut);
}
