//! Every table of the metadata store as it is written: keys and values, byte by byte, read for ever.
//!
//! `tests/golden/rows-v1.txt` has a row per line, of a small tree with something in every table. It is
//! never changed; another form of a row is another schema or another table, and another file.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on says where")]

use std::collections::BTreeSet;
use std::path::PathBuf;

use semver::Version;
use star_core::command::{Claim, Lock, Manifest, ManifestEntry, Publish};
use star_core::kind::Kind;
use star_core::ports::meta::{KeyRange, MetaStore};
use star_core::record::Body;
use star_testkit::{TestTree, path};

/// What has rows without a resource that fails or a caller who comes again.
const TABLES: [&str; 8] = ["a/", "c/", "h/", "n/", "r/", "t/", "v/", "z/"];

async fn small_tree() -> TestTree {
    let star = TestTree::start(star_kinds::behaviours()).await;
    star.clock.set_ms(1_700_000_000_000);
    for (kind, at) in [(Kind::Space, "acme"), (Kind::FileSystem, "acme:files"), (Kind::Base, "acme:b")] {
        star.create(kind, &path(at)).await.unwrap();
    }
    let counted = star_core::numbers::NumberedPath::parse("acme:b:job-%").unwrap().unwrap();
    let create = star_core::command::Create {
        path: counted.at(0).unwrap(),
        kind: Kind::Base,
        properties: Default::default(),
        labels: [("team".to_owned(), "web".to_owned())].into(),
        owner: None,
        strategy: star_core::command::Strategy::Create,
    };
    star.tree.create_numbered(&star.admin, &counted, create, ("", None)).await.unwrap();
    let body = Body { content: star.content.put("page"), content_type: "text/html".into() };
    let manifest = Manifest { files: [("/index.html".to_owned(), ManifestEntry { body })].into() };
    let publish = Publish {
        version: Version::new(1, 0, 0),
        manifest: star.content.put(manifest.encode().unwrap()),
        properties: Default::default(),
        tags: vec!["latest".to_owned()],
    };
    star.create(Kind::ArtifactBundleSeries, &path("acme:site")).await.unwrap();
    star.send(&path("acme:site"), &publish).await.unwrap();
    let lock = Lock { claim: Claim::IfFree("a1b2".to_owned()), ttl_ms: 30_000, note: "deploy".to_owned() };
    star.send(&path("acme:files"), &lock).await.unwrap();
    star
}

#[tokio::test]
async fn every_table_of_the_store_is_written_as_ever() {
    let star = small_tree().await;
    let page = star.meta.scan(KeyRange::prefix(""), 1_000).await.unwrap();
    assert!(page.next.is_none(), "the tree is small");
    let lines: Vec<String> = page
        .rows
        .iter()
        .map(|(key, row)| {
            let value: String = row.value.iter().map(|byte| format!("{byte:02x}")).collect();
            format!("{} {value}", key.as_bytes().escape_ascii()).trim_end().to_owned()
        })
        .collect();
    let tables: BTreeSet<&str> = lines.iter().filter_map(|line| line.get(..2)).collect();
    assert_eq!(tables.into_iter().collect::<Vec<_>>(), TABLES);
    let file =
        PathBuf::from(std::env::var_os("CARGO_MANIFEST_DIR").expect("cargo sets it")).join("tests/golden/rows-v1.txt");
    let written = lines.join("\n") + "\n";
    if !file.exists() && std::env::var_os("UPDATE_GOLDEN").is_some() {
        std::fs::write(&file, &written).unwrap();
    }
    assert_eq!(written, std::fs::read_to_string(&file).unwrap());
}
